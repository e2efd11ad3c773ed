"""What all tables share: constraint names, column types, and how a closed set of words is checked."""

from collections.abc import Iterable

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit id; SQLite counts up by itself only in a column called INTEGER."""

ROOM_FOR_HOT_UPDATES = {"fillfactor": "70"}
"""PostgreSQL rewrites a changed row in its own page when there is room, and then touches no index."""


def amount(name: str) -> sa.Column[int]:
    """A column of hundredths of a credit, or of bytes; zero until said otherwise."""
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def not_negative(*names: str) -> list[sa.CheckConstraint]:
    """None of these columns is ever below zero."""
    return [sa.CheckConstraint(f"{name} >= 0", name=name) for name in names]


def one_of(column: str, words: Iterable[str], name: str | None = None) -> sa.CheckConstraint:
    """The column (or expression, which needs a name) holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=name or column)

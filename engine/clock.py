"""Moments: kept in UTC on both databases, and read from the database, never from a process."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

SQLITE_CLOCK = "easel_clock"
"""SQLite lives in our process and counts milliseconds only: the machine's clock, to the microsecond, is its clock."""


def sqlite_clock() -> str:
    """What `easel_clock()` answers on a SQLite connection, in SQLAlchemy's storage format."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment in UTC, aware in Python on both databases (SQLite itself drops the zone)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if dialect.name == "postgresql" else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class DatabaseTime(FunctionElement[datetime]):
    """Database time at the moment the statement runs; PostgreSQL's now() would be the transaction's start."""

    type = Instant()
    inherit_cache = True


@compiles(DatabaseTime, "postgresql")
def _clock_postgresql(element: DatabaseTime, compiler: Any, **kw: Any) -> str:
    return "clock_timestamp()"


@compiles(DatabaseTime, "sqlite")
def _clock_sqlite(element: DatabaseTime, compiler: Any, **kw: Any) -> str:
    return f"{SQLITE_CLOCK}()"

"""Which schema this program needs, for who only wants to know: without Alembic, which is heavy to load."""

from pathlib import Path

import sqlalchemy as sa

from engine.database import Database

NEWEST = "2026_11_20_providers"
"""The newest revision in engine/migrations/versions; a test holds the two together."""


def is_current(database: Database) -> bool:
    """Whether the database's schema is the one this program needs. Raises what the database raises when it is away."""
    if database.is_sqlite and not Path(str(database.url.database)).exists():
        return False
    with database.read() as work:
        if not sa.inspect(work.connection).has_table("alembic_version"):
            return False
        return bool(work.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == NEWEST)

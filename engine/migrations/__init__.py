"""The schema's history. `migrate` brings a database to the newest one and seeds the catalogue, under one lock."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from engine import catalog
from engine.database import Database
from engine.errors import Fault

_LOCK = 0x_EA5E1
"""The number of the advisory lock that migrations take on PostgreSQL."""


def migrate(database: Database) -> str:
    """Upgrade to the newest schema and seed the catalogue, in one transaction; returns the revision.

    Any number of processes may call it at once: one works, the others wait and find nothing left to do.
    """
    if database.is_sqlite:
        Path(str(database.url.database)).parent.mkdir(parents=True, exist_ok=True)
    with database.begin() as work:
        if not database.is_sqlite:
            work.execute(sa.text("SET LOCAL lock_timeout = '10min'"))
            work.execute(sa.text("SET LOCAL statement_timeout = 0"))
            work.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        config = configuration()
        config.attributes["connection"] = work.connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:  # a newer program's schema
            raise Fault(str(error)) from error
        catalog.seed(work)
        return MigrationContext.configure(work.connection).get_current_revision() or ""


def configuration() -> Config:
    """Alembic's configuration: no file, everything is here."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return config

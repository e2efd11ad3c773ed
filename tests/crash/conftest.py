"""Houses for the crash tests, on each kind of database, and a PostgreSQL that may die."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.database import Database
from engine.migrations import migrate
from engine.settings import Settings
from engine.tables import models
from tests.crash.house import House, house
from tests.crash.postgres import Postgres, postgres
from tests.crash.scale import GENERATIONS, IS_SOAK

SILENCE_ENDS = 12
"""Seconds until a provider that stays silent is given up; a crawling one takes ten."""

Build = Callable[..., AbstractContextManager[House]]


@pytest.fixture
def crash(new_database, kind: str, tmp_path: Path) -> Build:
    """Builds a house on a database of this kind; names in capitals go into its processes' environment."""
    plain = new_database(kind)
    _be_impatient(plain)
    url = plain.url.render_as_string(hide_password=False)
    return lambda **more: _house(tmp_path, url, more)


@pytest.fixture
def mortal(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A migrated PostgreSQL of this test's own, to be killed and started again. (The other one prepares the way.)"""
    with postgres(tmp_path_factory.mktemp("mortal")) as server:
        database = Database(Settings(_env_file=None, database_url=server.url))
        migrate(database)
        database.close()
        yield server


@pytest.fixture
def crash_on_mortal(mortal: Postgres, tmp_path: Path) -> Build:
    """Builds a house on that one."""
    return lambda **more: _house(tmp_path, mortal.url, more)


def _be_impatient(database: Database) -> None:
    with database.begin() as work:
        work.execute(sa.update(models).values(timeout_seconds=SILENCE_ENDS))


def _house(folder: Path, url: str, more: dict[str, str]) -> AbstractContextManager[House]:
    settings = Settings(_env_file=None, database_url=url, sketch_seconds=1, request_seconds=0, running_per_account=200)
    told = {"CRASH_ASKS": str(GENERATIONS), **({} if IS_SOAK else {"CRASH_HASTE": "1"}), **more}
    return house(folder / "house", settings, told)

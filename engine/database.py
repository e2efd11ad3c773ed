"""The door to the database: a Work is one transaction, committed once, by whoever opened it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from engine import waiting
from engine.clock import SQLITE_CLOCK, DatabaseTime, sqlite_clock
from engine.errors import Busy
from engine.ports import JobQueue
from engine.settings import Settings
from engine.waiting import Gate, Line, WriterTurn

log = logging.getLogger(__name__)

_NOW = sa.select(DatabaseTime())
STATEMENT_SECONDS = 8
RESTARTS = 8

T = TypeVar("T")


class LockOrder(Exception):
    """Accounts are locked in id order, by who has his turn; the Work starts again and takes all of `ids` at once."""

    def __init__(self, ids: frozenset[int]) -> None:
        super().__init__(f"start again with the accounts {sorted(ids)}")
        self.ids = ids


@dataclass
class Work:
    """An open transaction, the settings and the clock. Engine functions take it first and never commit."""

    connection: sa.Connection
    settings: Settings
    offset: timedelta
    line: Line
    queue: JobQueue | None = None
    wanted: frozenset[int] = frozenset()
    locked: set[int] = field(default_factory=set)
    after_commit: list[Callable[[], object]] = field(default_factory=list)
    on_end: ExitStack = field(default_factory=ExitStack)

    def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """Run one statement in this transaction."""
        return self.connection.execute(statement, parameters)

    def hot(self, statement: "Hot", parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """Run a statement of the hottest path; its rows as plain tuples, in the order of its columns."""
        if self.connection.dialect.name != "postgresql":
            result = self.execute(statement.core, parameters)
            return result.all() if statement.returns else []
        text = statement.text(self.connection.dialect)
        try:
            with closing(self.connection.connection.cursor()) as cursor:
                cursor.execute(text, parameters)
                return cursor.fetchall() if statement.returns else []
        except psycopg.Error as error:
            raise self._as_sqlalchemy_says(text, error) from error

    def _as_sqlalchemy_says(self, text: str, error: psycopg.Error) -> BaseException:
        connection = self.connection
        is_lost = connection.dialect.is_disconnect(error, connection.connection.driver_connection, None)  # type: ignore[arg-type]
        if is_lost:
            with suppress(
                DBAPIError
            ):  # so that SQLAlchemy finds out too, and drops the others of the pool in their turn
                connection.exec_driver_sql("SELECT 1")
        return DBAPIError.instance(
            text, None, error, psycopg.Error, connection_invalidated=is_lost, dialect=connection.dialect
        )

    def now(self) -> datetime:
        """Database time, asked anew (UTC)."""
        return self.shift(self.execute(_NOW).scalar_one())

    def shift(self, moment: datetime) -> datetime:
        """A database time as the rules see it: tests inject an offset."""
        return moment + self.offset

    def wake(self, account_id: int) -> None:
        """Once committed, tell the fronts that something of this account has changed."""
        if self.queue is not None:
            self.after_commit.append(partial(self.queue.wake, account_id))

    def claim(self, ids: tuple[int, ...]) -> list[int]:
        """The accounts to lock now, in id order, each with its turn in this process's line taken.

        Raises LockOrder when a higher one is locked already, or when it is not our turn: that way no two Works ever
        wait for each other's accounts, and nobody holds a connection while waiting in line.
        """
        needed = frozenset(ids) | self.wanted
        fresh = sorted(needed - self.locked)
        if fresh and self.locked and fresh[0] < max(self.locked):
            raise LockOrder(needed | self.locked)
        for account_id in fresh:
            if account_id not in self.wanted and not self._takes_turn(account_id):
                raise LockOrder(needed | self.locked)
            self.locked.add(account_id)
        return sorted(needed)

    def _takes_turn(self, account_id: int) -> bool:
        turn = self.line.turn(account_id, patience=0)
        try:
            self.on_end.enter_context(turn)
        except Busy:
            return False
        return True


class Hot:
    """A Core statement that PostgreSQL's driver runs as compiled text: SQLAlchemy's bookkeeping around a result costs
    more than the result. psycopg returns what our column types would, so nothing else changes."""

    def __init__(self, core: sa.Executable, returns: bool = True) -> None:
        self.core = core
        self.returns = returns
        self._text = ""

    def text(self, dialect: sa.Dialect) -> str:
        """The statement as psycopg takes it; compiled once."""
        if not self._text:
            self._text = str(self.core.compile(dialect=dialect))  # type: ignore[attr-defined]
        return self._text


class Database:
    """The engines of one database. `run` and `begin` write, `read` never does."""

    def __init__(self, settings: Settings, offset: timedelta = timedelta(), queue: JobQueue | None = None) -> None:
        self.settings = settings
        self.queue = queue
        self.offset = offset
        self.url = sa.make_url(settings.database)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._line = Line()
        self._writers, self._readers = Gate(settings.database_connections), Gate(settings.database_connections)
        if self.is_sqlite:
            self._writer = WriterTurn(Path(f"{self.url.database}-writer"))
            self._write, self._read = _sqlite(self.url, writes=True), _sqlite(self.url, writes=False)
        else:
            self._write, self._read = _postgresql(self.url, settings), _postgresql(self.url, settings, reads=True)

    def run(self, function: Callable[[Work], T]) -> T:
        """Run the function in one Work and commit it: the door. Starts it again when accounts have to be waited for, or
        when the connection is lost before the commit, as all of a pool are after a restart of the server.

        Raises Busy when the database does not answer in time; nothing has happened then.
        """
        wanted: frozenset[int] = frozenset()
        for _ in range(RESTARTS):
            is_committing = False
            try:
                with self.begin(wanted) as work:
                    result = function(work)
                    is_committing = True
                return result
            except LockOrder as order:
                wanted = order.ids
            except DBAPIError as error:
                is_lost = error.connection_invalidated and not is_committing  # else nobody knows whether it is done
                if not (is_lost or _is_deadlock(error)):
                    raise
        raise Busy()

    @contextmanager
    def begin(self, wanted: frozenset[int] = frozenset()) -> Iterator[Work]:
        """One Work: committed at the end of the block, rolled back when it raises; then what waits after it."""
        with ExitStack() as on_end:
            for account_id in sorted(wanted):
                on_end.enter_context(self._line.turn(account_id))
            on_end.enter_context(self._writers.place())
            if self.is_sqlite:
                on_end.enter_context(self._writer.turn())
            with _busy_when_late(), self._write.begin() as connection:
                work = Work(connection, self.settings, self.offset, self._line, self.queue, wanted, on_end=on_end)
                yield work
        for leave in work.after_commit:
            try:
                leave()
            except Exception:  # the row is the truth and the watcher finds it: a lost hint costs seconds
                log.exception("after commit")

    @contextmanager
    def read(self, is_long: bool = False) -> Iterator[Work]:
        """One consistent view of the database that cannot write and takes no locks. Raises Busy like `begin`.

        A long one may take its time over each statement.
        """
        with _busy_when_late(), self._readers.place(), self._read.connect() as connection:
            if is_long and not self.is_sqlite:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            yield Work(connection, self.settings, self.offset, self._line)

    def connect_alone(self) -> sa.Connection:
        """A connection outside the pools, for a lock that lives as long as it: every statement commits by itself."""
        alone = sa.create_engine(self._write.url, poolclass=sa.NullPool, connect_args={"connect_timeout": 5})
        return alone.connect().execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Give all connections back."""
        self._write.dispose()
        self._read.dispose()
        if self.is_sqlite:
            self._writer.close()


def _postgresql(url: sa.URL, settings: Settings, reads: bool = False) -> sa.Engine:
    options = (
        f"-c lock_timeout={waiting.LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s"
        f" -c idle_in_transaction_session_timeout=30s -c timezone=UTC"
    )
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=settings.database_connections,
        max_overflow=0,
        pool_timeout=waiting.LOCK_SECONDS,
        connect_args={"options": options, "connect_timeout": 5},
        pool_pre_ping=reads,  # writes find out by themselves, and start again
        hide_parameters=True,
    )
    if reads:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def _sqlite(url: sa.URL, writes: bool) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": waiting.LOCK_SECONDS}, hide_parameters=True)
    pragmas = [
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA recursive_triggers=ON",  # without it INSERT OR REPLACE passes the append-only triggers
    ] + ([] if writes else ["PRAGMA query_only=ON"])

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver must not begin by itself
        connection.create_function(SQLITE_CLOCK, 0, sqlite_clock)
        for pragma in pragmas:
            connection.execute(pragma)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _busy_when_late() -> Iterator[None]:
    """A database that does not answer in time is a refusal; any other trouble stays what it is."""
    try:
        yield
    except PoolTimeout as error:
        raise Busy() from error
    except DBAPIError as error:
        if _is_timeout(error):
            raise Busy() from error
        raise


def _is_deadlock(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in ("40P01", "40001")


def _is_timeout(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in ("55P03", "57014"):
        return True
    return "database is locked" in str(error.orig)

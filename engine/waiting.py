"""Waiting for one's turn inside this process and on this machine, always with an end: in an account's line, for a
connection, for SQLite's one writer."""

import fcntl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engine.errors import Busy

LOCK_SECONDS = 5
"""How long anything waits for a row, a writer's turn or a place in an account's line before it is refused as Busy."""
WAITERS = 64
"""How many threads of one process may stand in line for one account."""


class Line:
    """One thread of this process at a time may wait for an account's row: thirty on one row slow each other down."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turns: dict[int, tuple[threading.Lock, int]] = {}

    @contextmanager
    def turn(self, account_id: int, patience: float | None = None) -> Iterator[None]:
        """Wait for the turn; raises Busy when the line is too long or it takes longer than `patience` seconds
        (LOCK_SECONDS when not given)."""
        with self._guard:
            lock, waiters = self._turns.get(account_id, (threading.Lock(), 0))
            if waiters >= WAITERS:
                raise Busy()
            self._turns[account_id] = (lock, waiters + 1)
        try:
            if not lock.acquire(timeout=LOCK_SECONDS if patience is None else patience):
                raise Busy()
            try:
                yield
            finally:
                lock.release()
        finally:
            self._leave(account_id)

    def _leave(self, account_id: int) -> None:
        with self._guard:
            lock, waiters = self._turns.pop(account_id)
            if waiters > 1:
                self._turns[account_id] = (lock, waiters - 1)


class Gate:
    """As many at once as there are connections, first come, first served: SQLAlchemy's own pool serves the quickest,
    and a flood on one account would starve everybody else."""

    def __init__(self, places: int) -> None:
        self._guard = threading.Lock()
        self._free = places
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place; raises Busy after LOCK_SECONDS."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._guard:
            if self._free:
                self._free -= 1
                return
            called = threading.Event()
            self._waiting.append(called)
        if not called.wait(LOCK_SECONDS):
            with self._guard:
                if not called.is_set():
                    self._waiting.remove(called)
                    raise Busy()

    def _leave(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class WriterTurn:
    """One SQLite writer at a time: a lock in the process and a file lock between processes.

    SQLite's own busy handler sleeps longer and longer, and so sleeps through its turn; this one looks often.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            raise Busy()
        try:
            if self._file is None:
                self._file = self._path.open("ab")  # kept open for the life of the process
            self._wait_for(self._file)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _wait_for(self, file: IO[bytes]) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy() from None
                time.sleep(0.0005)

"""A real Redis of this test run's own, started as one machine starts it, that can be killed and come back."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from easel.children import guarded
from easel.local import embedded_redis, redis_answers

DEADLINE = 20


class Valkey:
    """A server with its address in `url`."""

    def __init__(self, folder: Path, group: int = 0) -> None:
        self.command, self.url = embedded_redis(folder)
        self._group = group
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        self._process = subprocess.Popen(self.command, process_group=self._group)
        until(lambda: redis_answers(self.url))

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def valkey(folder: Path) -> Iterator[Valkey]:
    """A running server with its data in this folder, gone at the end, also when the test run is killed."""
    with Path(os.devnull).open() as nothing, guarded(nothing.fileno()) as group:
        server = Valkey(folder, group)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def until(happened: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Wait for it, with patience; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether there is such a process that does not merely wait to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    file = Path(f"/proc/{pid}/stat")
    return not file.exists() or file.read_text().rpartition(")")[2].split()[0] != "Z"

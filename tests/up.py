"""The whole product as a newcomer starts it: `easel up` in a folder of its own, on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from engine.database import Database
from engine.settings import Settings
from tests.valkey import is_running

ROOT = Path(__file__).parents[1]
PATIENCE = 60


class House:
    """A running `easel up`: its address, its data, its processes."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = data.parent / "up.log"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "EASEL_DATA": str(data),
            "EASEL_PORT": str(port),
            **variables,
        }
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "easel", "up"], cwd=data.parent, env=environment, stdout=log, stderr=log
            )
        self.wait_until(lambda: "is open at" in self.said() and self.health() == "ok")

    def said(self) -> str:
        """What it printed so far."""
        return self._log.read_text()

    def health(self) -> str:
        """What /healthz says, or nothing."""
        try:
            return str(httpx2.get(f"{self.url}/healthz", timeout=5).json()["status"])
        except httpx2.HTTPError:
            return ""

    def children(self) -> dict[str, int]:
        """The pids of its parts by name."""
        found = {}
        for pid in _children(self.process.pid):
            words = _command(pid)
            is_redis = any("unixsocket" in word for word in words)  # it changes its own title
            name = "redis" if is_redis else words[-1] if "easel.parts" in words else ""
            if name:
                found[name] = pid
        return found

    def database(self) -> Database:
        """Its database, as another program opens it."""
        return Database(Settings(_env_file=None, data=self.data))  # type: ignore[call-arg]

    def wait_until(self, happened, seconds: float = PATIENCE) -> None:  # type: ignore[no-untyped-def]
        """Wait for it; fail with all that was printed when it does not come."""
        until = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)

    def stop(self, how: int = signal.SIGINT) -> int:
        """Stop it, and see that nothing is left; its exit status."""
        pids = [*self.children().values(), self.process.pid]
        self.process.send_signal(how)
        status = self.process.wait(PATIENCE)
        until = time.monotonic() + 10
        while any(is_running(pid) for pid in pids):
            assert time.monotonic() < until, "something is left running"
            time.sleep(0.05)
        return status


@contextmanager
def house(folder: Path, **variables: str) -> Iterator[House]:
    """A house that is stopped at the end, whatever happens."""
    running = House(folder / "data", **variables)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            try:
                running.process.wait(30)
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    """Everything below a process."""
    found, below = [], {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        below.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    todo = [pid]
    while todo:
        more = below.get(todo.pop(), [])
        found += more
        todo += more
    return found


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []

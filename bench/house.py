"""The product's processes around one database and one Redis, for a measurement, and what each of them uses. Linux only.

None outlives the measurement, whatever happens to it.
"""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from easel.children import guarded
from easel.local import embedded_redis, redis_answers
from easel.wiring import BEAT_KEY
from engine.ports import Step
from engine.settings import PREFIX
from worker.queue import connect, workers_alive

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60
GRACE_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")
READY = "ready"
NOTHING: Mapping[str, str] = {}
SECRET = "a-secret-of-the-benchmark-and-of-nobody-else"


@dataclass(frozen=True)
class Part:
    """A running process, and the file it logs to."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    seconds_to_ready: float = 0.0

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far, of its ended children too."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS

    def memory(self, kind: str = "Pss") -> float:
        """Megabytes of that line of the kernel's account: its share (Pss), or all that it sees (Rss)."""
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise ValueError(kind)


class House:
    """Where parts are started: a folder, a database, a Redis."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, server: Part, group: int) -> None:
        self.folder = folder
        self.database_url = database_url
        self.redis_url = redis_url
        self.redis: Redis = connect(redis_url)
        self.server = server
        self._group = group

    def machine(self, picture: Path, seconds: tuple[float, float]) -> dict[str, list[str]]:
        """The commands of both workers and the watcher, with a provider that takes from so long to so long."""
        prepared = ["bench.launch", *map(str, seconds), str(picture)]
        workers = {step.value: [*prepared, step.value] for step in Step}
        return {**workers, "watcher": ["easel.parts", "watcher"]}

    def web(self) -> dict[str, list[str]]:
        """The command of the web."""
        return {"web": ["easel.parts", "web"]}

    @contextmanager
    def parts(
        self,
        commands: Mapping[str, Sequence[str]],
        port: int = 0,
        given: Mapping[str, str] = NOTHING,
        python: str = sys.executable,
    ) -> Iterator[dict[str, Part]]:
        """These modules' processes by their names, started one after another, each once the one before is ready: one
        that is no part of ours when it has said so. `given` are further variables of their environment."""
        with ExitStack() as ends:
            parts = {
                name: ends.enter_context(self._part(name, [python, "-m", *command], port, given))
                for name, command in commands.items()
            }
            yield parts
            for part in parts.values():
                part.process.terminate()  # all at once; each is waited for later

    @contextmanager
    def _part(self, name: str, command: Sequence[str], port: int, given: Mapping[str, str]) -> Iterator[Part]:
        self.redis.delete(BEAT_KEY)  # of the watcher before
        log, started = self.folder / f"{name}.log", time.monotonic()
        with log.open("ab") as told:
            process = subprocess.Popen(
                command,
                cwd=self.folder,  # away from anybody's .env
                env={**self._environment(port), **given},
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                process_group=self._group,
            )
        part = Part(name, process, log)
        try:
            until(self._ready(part, port), part)
            yield Part(name, process, log, time.monotonic() - started)
        finally:
            end(process)

    def _environment(self, port: int) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        given = {
            "ENV": "local",  # in production nobody may draw with the sketch
            "SECRET": SECRET,
            "DATA": str(self.folder),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "PORT": str(port),
        }
        ours |= {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(self.folder / "compiled")}
        ours.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling at each start costs a second, and 20 MB for good
        return {**ours, **{f"{PREFIX}{name}": value for name, value in given.items()}}

    def _ready(self, part: Part, port: int) -> Callable[[], bool]:
        steps = {step.value: step for step in Step}
        if part.name in steps:
            return lambda: workers_alive(self.redis, steps[part.name]) > 0
        if part.name == "watcher":
            return lambda: bool(self.redis.exists(BEAT_KEY))
        if part.name == "web":
            return lambda: _serves(port)
        return lambda: READY in part.log.read_text()


@contextmanager
def house(folder: Path, database_url: str) -> Iterator[House]:
    """A house with a Redis of its own, gone at the end with all that was started in it."""
    command, url = embedded_redis(folder / "redis")
    log = folder / "redis.log"
    with (folder / "lock").open("w") as lock, log.open("wb") as told, guarded(lock.fileno()) as group:
        server = subprocess.Popen(command, stdout=told, stderr=told, process_group=group)
        try:
            until(lambda: redis_answers(url))
            yield House(folder, database_url, url, Part("redis", server, log), group)
        finally:
            end(server)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Stop this one process, gently at first."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    process.kill()
    process.wait()


def until(happened: Callable[[], object], part: Part | None = None, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for it. Raises RuntimeError with a part's last words when that one has ended, or it takes too long."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline or (part and part.process.poll() is not None):
            words = part.log.read_text()[-2000:] if part else ""
            raise RuntimeError(f"it did not happen ({part.name if part else 'nobody'} says: {words})")
        time.sleep(0.003)


def _serves(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

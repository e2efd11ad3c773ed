"""A house for the crash tests: a real Redis, and every part of the product as a process, started again when it dies."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis

from engine.settings import Settings
from tests.valkey import Valkey, valkey

ROOT = Path(__file__).parents[2]
RECOVERY = 60
"""How long after the last death anything may go on, in seconds."""
BREATH = 0.25
"""How long after its start a process is started again at the soonest, in seconds."""
PATIENCE = 600
"""How long one wait may take in all, deaths or not."""


class House:
    """Its processes by name; `deaths` counts how often each has died, `last_death` is when (monotonic)."""

    def __init__(self, folder: Path, settings: Settings, redis: Valkey, home: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self.settings = settings
        self.redis = redis
        self.deaths: Counter[str] = Counter()
        self.last_death = time.monotonic()
        self._home = home
        self._pids: dict[str, int] = {}
        self._started: dict[str, float] = {}

    @property
    def names(self) -> Collection[str]:
        """Whoever was started."""
        return self._pids.keys()

    @property
    def struck(self) -> set[str]:
        """The faults that have struck."""
        return {mark.name for mark in (self.folder / "struck").iterdir()}

    @property
    def has_asked(self) -> bool:
        """The front has done all it had to do."""
        return (self.folder / "front-is-done").exists()

    def start(self, *names: str) -> None:
        assert self._home.stdin and self._home.stdout
        for name in names:
            print(name, file=self._home.stdin, flush=True)
            self._pids[name], self._started[name] = int(self._home.stdout.readline()), time.monotonic()

    def kill(self, name: str) -> None:
        """kill -9; Redis comes back at once."""
        if name == "redis":
            self.redis.kill()
            self.redis.start()
            self._note_death(name)
        else:
            with suppress(ProcessLookupError):  # it died by itself a moment ago
                os.kill(self._pids[name], signal.SIGKILL)

    def tend(self) -> None:
        """Start again what has died."""
        for name, pid in self._pids.items():
            is_dead = not _lives(pid) and not (name == "front" and self.has_asked)
            if is_dead and time.monotonic() > self._started[name] + BREATH:
                self._note_death(name)
                self.start(name)

    def until(self, happened: Callable[[], object], seconds: float = RECOVERY) -> float:
        """Look after the house until it has; fails when it has not, so long after the last death. How long after."""
        began = time.monotonic()
        while not happened():
            self.tend()
            assert time.monotonic() - max(began, self.last_death) < seconds, f"still not, see {self.folder}"
            assert time.monotonic() - began < PATIENCE, f"no end of deaths, see {self.folder}: {self.deaths}"
            time.sleep(0.05)
        return time.monotonic() - max(began, self.last_death)

    def live(self, seconds: float) -> None:
        """Look after it for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tend()
            time.sleep(0.05)

    def suffer(self, kills: int, seed: int, pause: float, spared: Collection[str] = ()) -> None:
        """So many kills of anything, at the moments and in the order that the seed says; on average `pause` apart."""
        chance = random.Random(seed)
        names = sorted({*self._pids, "redis"} - {"front", *spared})
        for _ in range(kills):
            self.live(chance.uniform(0, 2 * pause))
            self.kill(chance.choice(names))
        self.live(0.1)

    def flush_redis(self) -> None:
        with Redis.from_url(self.redis.url) as redis:
            redis.flushall()
        self._note_death("FLUSHALL")

    def _note_death(self, name: str) -> None:
        self.deaths[name] += 1
        self.last_death = time.monotonic()


@contextmanager
def house(folder: Path, settings: Settings, environment: Mapping[str, str]) -> Iterator[House]:
    """A house on a migrated database, with nothing but Redis in it. Nothing is left of it at the end."""
    (folder / "struck").mkdir(parents=True)
    with valkey(folder / "redis") as redis:
        settings = settings.model_copy(update={"data": folder, "redis_url": redis.url})
        environment = {**os.environ, **_told(settings), **environment, "PYTHONPATH": str(ROOT)}
        command: Sequence[str] = (sys.executable, "-m", "tests.crash.victim", str(folder))
        home = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with home:  # ends when its input does, and everybody with it
            yield House(folder, settings, redis, home)


def _lives(pid: int) -> bool:
    """The dead are reaped at once, so that there is no such process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _told(settings: Settings) -> dict[str, str]:
    names = ("data", "database_url", "redis_url", "sketch_seconds", "request_seconds", "running_per_account")
    return {f"EASEL_{name.upper()}": str(getattr(settings, name)) for name in names}

"""The designs that draw with the simulated fal: our whole machine, told or asking, and each peer.

A design is opened, and gives a function that has a number of pictures drawn, all asked for at once.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.customers import THREADS, Customers
from bench.house import Part, house
from bench.machine_costs import Peak, free_port
from bench.server import migrated
from engine.ports import Step
from tests.simulators.fal_process import FalSimulator

LONGEST_SECONDS = 120
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Took:
    """`began` and when each was stored (by fal's request id) in unix seconds; the seconds of CPU of each process,
    of who asks too, and of Redis; the megabytes of each process at the peak of all together."""

    began: float
    stored: dict[str, float]
    cpu: dict[str, float]
    memory: dict[str, float]
    redis_cpu: float

    @property
    def wall(self) -> float:
        """Seconds from the first request until the last picture is stored."""
        return max(self.stored.values()) - self.began


Draw = Callable[[int], Took]


@contextmanager
def ours(folder: Path, base_url: str, fal: FalSimulator, name: str) -> Iterator[Draw]:
    """`name` is "webhook" or "polling"; web, both workers and the watcher, on a new database and a Redis of its own."""
    port, url = free_port(), migrated(base_url, name)
    commands = {part: ["easel.parts", part] for part in (*(step.value for step in Step), "watcher", "web")}
    given = {**fal.environment(), "EASEL_ENV": "production"}
    if name == "webhook":
        given["EASEL_FAL_WEBHOOK_URL"] = f"http://127.0.0.1:{port}"
    with house(folder, url) as here, here.parts(commands, port, given) as parts:
        customers = Customers(folder, url, here.redis_url)
        try:
            yield lambda count: _drawn_by_us(customers, Meter(parts, here.server), count)
        finally:
            customers.close()


@contextmanager
def peer(folder: Path, fal: FalSimulator, name: str, most: int) -> Iterator[Draw]:
    """One process that runs up to `most` jobs at once, on a Redis of its own."""
    pictures = folder / "pictures"
    pictures.mkdir()
    with house(folder, "") as here:
        commands = {name: peers.work(name, here.redis_url, most, fal.url, pictures)}
        with here.parts(commands, python=peers.python()) as parts:
            yield lambda count: _drawn_by_peer(name, here.redis_url, pictures, Meter(parts, here.server), count)


class Meter:
    """What the parts and their Redis use from now on, and the deadline for what they do."""

    def __init__(self, parts: dict[str, Part], redis: Part) -> None:
        self._parts = parts
        self._redis = redis
        self._peak = Peak(parts)
        self._before = self._cpu()
        self._deadline = time.monotonic() + LONGEST_SECONDS

    def until(self, happened: Callable[[], bool]) -> None:
        """Raises RuntimeError with the parts' last words when it takes too long, or one of them has ended."""
        while not happened():
            self._peak.look(0)
            if time.monotonic() > self._deadline or any(
                part.process.poll() is not None for part in self._parts.values()
            ):
                words = (f"{name}: {part.log.read_text()[-1000:]}" for name, part in self._parts.items())
                raise RuntimeError("it did not happen\n" + "\n".join(words))
            time.sleep(LOOK_SECONDS)

    def took(self, began: float, stored: dict[str, float], asking: float) -> Took:
        """All that was used until now."""
        spent = {name: now - self._before[name] for name, now in self._cpu().items()}
        redis_cpu = spent.pop(self._redis.name)
        return Took(began, stored, {"who asks": asking, **spent}, self._peak.memory, redis_cpu)

    def _cpu(self) -> dict[str, float]:
        return {part.name: part.cpu for part in (*self._parts.values(), self._redis)}


def _drawn_by_us(customers: Customers, meter: Meter, count: int) -> Took:
    began, spent = time.time(), time.process_time()
    with ThreadPoolExecutor(THREADS) as threads:
        ids = list(threads.map(lambda _: customers.ask(), range(count)))
    asking = time.process_time() - spent
    meter.until(lambda: customers.running() == 0)
    rows = customers.stored(ids)
    return meter.took(began, {row.request_id: row.ended_at.timestamp() for row in rows}, asking)


def _drawn_by_peer(name: str, redis_url: str, pictures: Path, meter: Meter, count: int) -> Took:
    for old in pictures.iterdir():
        old.unlink()
    with peers.ask(name, redis_url, count) as asker:
        meter.until(lambda: asker.poll() is not None and sum(1 for _ in pictures.iterdir()) >= count)
        assert asker.stdout
        told = json.loads(asker.stdout.read())
    stored = {path.name: path.stat().st_mtime for path in pictures.iterdir()}
    return meter.took(told["began"], stored, told["cpu"])

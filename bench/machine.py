"""The whole machine, from a request to the stored picture: how many a second, how late, and what they cost."""

import itertools
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.common import Cell, Sample, command, compare, patiently, progress, timed
from bench.customers import Customers
from bench.house import House, house
from bench.machine_costs import free_port, print_idle, print_running
from bench.server import migrated, postgresql
from engine.database import Database
from engine.migrations import migrate
from engine.settings import Settings
from worker.images import Facts, finish
from worker.providers.painting import paint

TITLE = __doc__
FACTS = Facts("Easel", 1, "flux-dev", datetime(2026, 11, 20, tzinfo=UTC))
AT_ONCE = 8


@dataclass(frozen=True)
class Size:
    """How much is measured; seconds are a provider's, but for those of the floor's samples."""

    rounds: int
    floor_seconds: float
    in_flight: int
    pictures: int
    one_by_one: int
    eight_at_once: int
    drawn: tuple[float, float]
    running: int
    running_seconds: float
    starts: int


FULL = Size(
    rounds=3,
    floor_seconds=2,
    in_flight=200,
    pictures=800,
    one_by_one=20,
    eight_at_once=64,
    drawn=(2, 4),
    running=1000,
    running_seconds=5,
    starts=3,
)
QUICK = Size(
    rounds=1,
    floor_seconds=0.5,
    in_flight=100,
    pictures=150,
    one_by_one=3,
    eight_at_once=8,
    drawn=(0.5, 1),
    running=100,
    running_seconds=1,
    starts=1,
)


def main(quick: bool) -> None:
    """Prints four tables. On PostgreSQL, or with `--sqlite` on that."""
    size = QUICK if quick else FULL
    with _machine() as (here, customers):
        picture = here.folder / "prepared.jpg"
        picture.write_bytes(paint("a fox in the snow", "flux-dev", 1, None))
        with here.parts(here.machine(picture, (0, 0)) | here.web(), free_port()):
            progress("everything is compiled once")
        with here.parts(here.machine(picture, (0, 0))):
            cells: dict[str, Cell] = {
                f"{size.in_flight} in flight": partial(_throughput, customers, picture.read_bytes(), size)
            }
            compare(cells, size.rounds)
        with here.parts(here.machine(picture, size.drawn)):
            patiently(partial(_print_overhead, customers, size))
        alone = _picture_cpu(picture.read_bytes())
        print_running(here, customers, picture, size.running, size.running_seconds, alone)
        print_idle(here, picture, size.starts)


@contextmanager
def _machine() -> Iterator[tuple[House, Customers]]:
    folder = Path(tempfile.mkdtemp(prefix="easel-bench-"))
    try:
        with _database(folder) as url, house(folder, url) as here:
            customers = Customers(folder, url, here.redis_url)
            try:
                yield here, customers
            finally:
                customers.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    if "--sqlite" not in sys.argv:
        with postgresql() as base:
            yield migrated(base, "machine")
        return
    url = f"sqlite:///{folder / 'easel.db'}"
    database = Database(Settings(_env_file=None, database_url=url))
    migrate(database)
    database.close()
    yield url


def _throughput(customers: Customers, picture: bytes, size: Size) -> dict[str, Sample]:
    """A provider that needs no time; the picture's own work alone, in one process, is what it is compared with."""
    alone = timed(itertools.repeat(partial(finish, picture, FACTS)), size.floor_seconds)
    ways = customers.keep_running(size.in_flight, size.pictures)
    stored = sorted(way.stored for way in ways)[size.pictures // 5 :]  # from when all are at work
    rate = (len(stored) - 1) / (stored[-1] - stored[0])
    return {"finish alone": alone, "request to stored": Sample(rate, [way.stored - way.created for way in ways])}


def _picture_cpu(picture: bytes, count: int = 100) -> float:
    """Milliseconds of CPU for the work on one picture that nobody can do without."""
    before = time.process_time()
    for _ in range(count):
        finish(picture, FACTS)
    return (time.process_time() - before) / count * 1000


def _print_overhead(customers: Customers, size: Size) -> None:
    shortest, longest = size.drawn
    print(f"our own time beside a provider's {shortest:g} to {longest:g} s (medians; each way from the request on)")
    print(f"{'':20}{'count':>7} {'p50 ms':>8} {'p99 ms':>8} {'to provider':>12} {'back, stored':>13}")
    for name, most, count in (("one at a time", 1, size.one_by_one), ("8 at a time", AT_ONCE, size.eight_at_once)):
        ways = customers.keep_running(most, count)
        whole = Sample(0, [way.overhead for way in ways])
        there = statistics.median(way.to_provider for way in ways) * 1000
        back = statistics.median(way.back for way in ways) * 1000
        figures = f"{whole.percentile(0.5):8.0f} {whole.percentile(0.99):8.0f} {there:12.0f} {back:13.0f}"
        print(f"  {name:18}{count:7} {figures}")
    progress("")
    print()


if __name__ == "__main__":
    command(main, TITLE)

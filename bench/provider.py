"""A thousand pictures at once at the simulated fal: our whole machine, with webhook or polling, beside arq and saq.

`python -m bench.provider 1000 5`: how many pictures, and the seconds that each takes there.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import peers, server
from bench.common import command, patiently, progress
from bench.designs import Draw, Took, ours, peer
from bench.house import Part
from tests.simulators import fal_log
from tests.simulators.fal_process import FalSimulator, fal_simulator
from worker.download import download
from worker.images import Facts, finish
from worker.media import FolderMedia

TITLE = __doc__
FACTS = Facts("Easel", 1, "flux-dev", datetime(2026, 11, 20, tzinfo=UTC))
WARM_COUNT, WARM_SECONDS = 8, 0.2
REQUESTS, TOLD = ("submit", "status", "result", "file"), "webhook"
ALONE = 100
COLUMNS = ("stored s", "PSS MB", "CPU ms", "requests", "taken s", "at once", "late p50", "late p99")
COMPARED = 4
"""So many of the columns say what it costs; the others say why."""

Open = Callable[[Path, FalSimulator], AbstractContextManager[Draw]]


@dataclass(frozen=True)
class Size:
    """How many pictures, and the seconds that each takes."""

    count: int
    seconds: float


FULL = Size(count=1000, seconds=5)
QUICK = Size(count=100, seconds=2)


@dataclass(frozen=True)
class Found:
    """What one design did, and how busy those were on whom all depend."""

    took: Took
    calls: dict[str, int]  # what the simulator was asked, and told us, by kind
    taken: dict[str, float]  # when it took each request, in unix seconds
    drawn: dict[str, float]  # and when that was drawn
    simulator: float  # seconds of CPU
    database: float
    load: float
    alone: dict[str, float]  # what nobody can leave out of finishing, in milliseconds of CPU

    @property
    def at_once(self) -> int:
        """The most that the simulator had in hand."""
        steps = sorted([(at, 1) for at in self.taken.values()] + [(at, -1) for at in self.drawn.values()])
        most = now = 0
        for _, step in steps:
            now += step
            most = max(most, now)
        return most

    def row(self) -> list[float]:
        """The figures of `COLUMNS`."""
        took = self.took
        late = sorted(at - self.drawn[request] for request, at in took.stored.items())
        return [
            took.wall,
            sum(took.memory.values()),
            sum(took.cpu.values()) / len(late) * 1000,
            sum(self.calls[kind] for kind in REQUESTS) / len(late),
            max(self.taken.values()) - took.began,
            self.at_once,
            statistics.median(late),
            late[int(0.99 * (len(late) - 1))],
        ]


def main(quick: bool) -> None:
    """Prints what one run of each design shows."""
    numbers = [float(word) for word in sys.argv[1:] if word.replace(".", "", 1).isdigit()]
    size = Size(int(numbers[0]), numbers[1]) if len(numbers) == 2 else QUICK if quick else FULL
    peers.python()
    found = {}
    with server.postgresql() as base:
        designs: dict[str, Open] = {
            "ours, webhook": lambda folder, fal: ours(folder, base, fal, "webhook"),
            "ours, polling": lambda folder, fal: ours(folder, base, fal, "polling"),
            "arq": lambda folder, fal: peer(folder, fal, "arq", size.count),
            "saq": lambda folder, fal: peer(folder, fal, "saq", size.count),
        }
        for name, design in designs.items():
            progress(f"{name}: {size.count} pictures")
            found[name] = patiently(partial(_measured, design, base, size))
    progress("")
    _print_all(found, size)
    for name, one in found.items():
        _print_one(name, one, size.count)
    _print_finishing(found["ours, webhook"], size.count)


def _measured(design: Open, base: str, size: Size) -> Found:
    """One design with a simulator of its own; a few pictures come first, so that all is loaded and compiled."""
    with (
        _folder() as folder,
        fal_simulator(folder, plain=True, seconds=WARM_SECONDS) as fal,
        design(folder, fal) as draw,
    ):
        draw(WARM_COUNT)
        process = Part("simulator", fal.process, fal.log)  # type: ignore[arg-type]
        before, simulator, database = fal.control(seconds=size.seconds)["lines"], process.cpu, server.cpu(base)
        took = draw(size.count)
        simulator, database = process.cpu - simulator, server.cpu(base) - database
        now = fal.control()["lines"]
        return Found(
            took,
            {kind: now.get(kind, 0) - before.get(kind, 0) for kind in (*REQUESTS, TOLD)},
            _moments(fal, "submit", took),
            _moments(fal, "bill", took),
            simulator,
            database,
            os.getloadavg()[0],
            _alone(fal, next(iter(took.stored)), folder),
        )


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="easel-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _moments(fal: FalSimulator, what: str, took: Took) -> dict[str, float]:
    return {line["request"]: line["at"] for line in fal_log.read(fal.log, what) if line["request"] in took.stored}


def _alone(fal: FalSimulator, request_id: str, folder: Path) -> dict[str, float]:
    url, store = f"{fal.url}/files/{request_id}/0.jpeg", FolderMedia(folder / "alone", b"a key", "")
    fetch = partial(download, url, hosts=["127.0.0.1"])
    content = fetch()
    picture = finish(content, FACTS)

    def keep() -> None:
        store.put("1.jpg", picture.content, picture.content_type)
        store.put("1-small.jpg", picture.thumbnail, "image/jpeg")

    calls = {"image work": partial(finish, content, FACTS), "download": fetch, "two files": keep}
    return {name: _cpu_ms(call) for name, call in calls.items()}


def _cpu_ms(call: Callable[[], object]) -> float:
    before = time.process_time()
    for _ in range(ALONE):
        call()
    return (time.process_time() - before) / ALONE * 1000


def _print_all(found: dict[str, Found], size: Size) -> None:
    print(f"{size.count} pictures, all asked for at once, {size.seconds:g} s each, which nobody can beat")
    print(
        "stored: the last of all; taken: the last by the simulator; at once: the most that it had in hand; late: from"
    )
    print("drawn to stored; CPU and requests are for one picture; memory and CPU without simulator and databases")
    print(f"{'':16}{' '.join(f'{title:>9}' for title in COLUMNS)}{'load':>6}")
    rows = {name: one.row() for name, one in found.items()}
    for name, row in rows.items():
        print(f"{name:16}{' '.join(f'{value:9.2f}' for value in row)}{found[name].load:6.1f}")
    best = [min(rows[name][column] for name in peers.NAMES) for column in range(COMPARED)]
    for name, row in rows.items():
        if name not in peers.NAMES:
            ratios = (ours / theirs for ours, theirs in zip(row, best, strict=False))
            print(f"{name:16}{' '.join(f'{ratio:9.2f}' for ratio in ratios)}   as ratios to the best peer")
    print()


def _print_one(name: str, one: Found, count: int) -> None:
    each = {part: spent / count * 1000 for part, spent in one.took.cpu.items()}
    beside = {"Redis": one.took.redis_cpu, "PostgreSQL": one.database, "simulator": one.simulator}
    asked = {kind: calls / count for kind, calls in one.calls.items()}
    print(f"{name:16}CPU ms: {_listed(each)}")
    print(f"{'':16}beside it: {_listed({part: spent / count * 1000 for part, spent in beside.items()})}")
    print(f"{'':16}the simulator was busy for {one.simulator / one.took.wall:.0%} of one core")
    print(f"{'':16}PSS MB: {_listed(one.took.memory, 0)}")
    print(f"{'':16}requests: {_listed(asked)}\n")


def _print_finishing(one: Found, count: int) -> None:
    finishing = one.took.cpu["finish"] / count * 1000
    rest = finishing - sum(one.alone.values())
    print(f"the worker that finishes, CPU ms: {finishing:.2f}; of it, each measured alone: {_listed(one.alone)}")
    print(f"(a small JPEG, 256 x 256, so that image work is small); left for ledger, lease and queue: {rest:.2f}\n")


def _listed(figures: dict[str, float], digits: int = 2) -> str:
    return ", ".join(f"{name} {value:.{digits}f}" for name, value in figures.items())


if __name__ == "__main__":
    command(main, TITLE)

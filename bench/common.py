"""What the benchmarks share: samples in interleaved rounds, tables of medians and ratios, processes, settings."""

import multiprocessing
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from bench.quiet import undisturbed
from engine.errors import Busy
from engine.settings import Settings

LONGEST_RUN_SECONDS = 30 * 60
T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """One measured stretch: operations a second, each one's latency (seconds), client CPU (seconds, all together), and
    how many were refused as Busy; those count in the latencies."""

    rate: float
    latencies: list[float]
    cpu: float = 0.0
    refused: int = 0

    def percentile(self, share: float) -> float:
        """The latency in milliseconds that this share of the operations does not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    @property
    def cpu_each(self) -> float:
        """Client CPU of one operation in microseconds."""
        return self.cpu / len(self.latencies) * 1e6


Call = Callable[[], object]
"""One operation to be timed."""

Cell = Callable[[], dict[str, Sample]]
"""Measures a few variants right after each other; the first is what the others are compared with."""


def settings(database_url: str, connections: int = 8) -> Settings:
    """Settings that read nothing from outside and give no daily credits, so that every round does the same."""
    given: dict[str, Any] = {"database_url": database_url, "database_connections": connections, "daily_credits": 0}
    return Settings(_env_file=None, **given)


def timed(calls: Iterable[Call], seconds: float) -> Sample:
    """Make one call after the other until there are no more or the time is over."""
    latencies, refused = [], 0
    started = before = time.perf_counter()
    for call in calls:
        try:
            call()
        except Busy:
            refused += 1
        after = time.perf_counter()
        latencies.append(after - before)
        before = after
        if after - started > seconds:
            break
    return Sample((len(latencies) - refused) / (before - started), latencies, refused=refused)


def together(samples: Sequence[Sample], cpu: float | None = None) -> Sample:
    """Clients that ran side by side as one sample."""
    latencies = [latency for sample in samples for latency in sample.latencies]
    spent = sum(sample.cpu for sample in samples) if cpu is None else cpu
    refused = sum(sample.refused for sample in samples)
    return Sample(sum(sample.rate for sample in samples), latencies, spent, refused)


def compare(cells: dict[str, Cell], rounds: int) -> None:
    """Run all cells in turn, `rounds` times, and print the table."""
    taken: dict[str, list[dict[str, Sample]]] = {name: [] for name in cells}
    for number in range(1, rounds + 1):
        for name, cell in cells.items():
            progress(f"round {number} of {rounds}: {name}")
            taken[name].append(patiently(cell))
    print(f"\nmedians of {rounds} rounds; each ratio is the median of the rounds' ratios [lowest .. highest]")
    print(f"{'':30}{'ops/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'worst ms':>9}   ratio")
    for name, samples in taken.items():
        _print_cell(name, samples)
    print()


def patiently(measure: Callable[[], T]) -> T:
    """Measure now, or with --patient in a quiet moment."""
    return undisturbed(measure) if "--patient" in sys.argv else measure()


def progress(text: str) -> None:
    """Tell a person at a terminal what is going on, in one line that the next one overwrites."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text} ..." if text else "\r\033[K", end="", file=sys.stderr, flush=True)


def command(main: Callable[[bool], None], title: str | None) -> None:
    """Run a benchmark from the command line: `--quick` for small numbers, `--patient` on a machine that others use too.

    It ends by itself, whatever hangs.
    """
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, lambda number, _: sys.exit(f"ended by signal {number}"))
    signal.alarm(LONGEST_RUN_SECONDS)
    print((title or "").splitlines()[0])
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    print(f"{cores} cores, load {load:.1f} before we began (above {cores / 4:.1f}, try --patient)")
    started = time.monotonic()
    main("--quick" in sys.argv[1:])
    progress("")
    print(f"({time.monotonic() - started:.0f} s)\n")
    signal.alarm(0)


class Processes:
    """Processes that stay and do what they are told, so that a client is started and warmed up once."""

    def __init__(self, count: int) -> None:
        self.count = count
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection[Any, Any]] = []
        self._processes = []
        for _ in range(count):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there,), daemon=True)
            process.start()
            self._pipes.append(here)
            self._processes.append(process)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            with suppress(OSError):  # a process that failed has said so and is gone
                pipe.send(None)
        for process in self._processes:
            process.join(timeout=5)
            process.kill()

    def run(self, function: Callable[..., T], arguments: Sequence[tuple[object, ...]]) -> list[T]:
        """Call the function in as many processes as there are tuples of arguments, at the same time."""
        busy = self._pipes[: len(arguments)]
        for pipe, given in zip(busy, arguments, strict=True):
            pipe.send((function, given))
        return [pipe.recv() for pipe in busy]


def _serve(pipe: "Connection[Any, Any]") -> None:
    while (order := pipe.recv()) is not None:
        function, arguments = order
        pipe.send(function(*arguments))


def _print_cell(name: str, rounds: list[dict[str, Sample]]) -> None:
    print(name)
    base, *_ = rounds[0]
    for variant in rounds[0]:
        samples = [taken[variant] for taken in rounds]
        rate, p50, p99 = (
            statistics.median(values)
            for values in (
                [sample.rate for sample in samples],
                [sample.percentile(0.5) for sample in samples],
                [sample.percentile(0.99) for sample in samples],
            )
        )
        worst = max(sample.percentile(1) for sample in samples)
        ratios = [taken[variant].rate / taken[base].rate for taken in rounds]
        refused = sum(sample.refused for sample in samples)
        note = f" ({refused} refused)" if refused else ""
        print(
            f"  {variant:28}{rate:8.0f} {p50:8.2f} {p99:8.2f} {worst:9.1f}   {_spread(ratios, variant == base)}{note}"
        )


def _spread(ratios: list[float], is_base: bool) -> str:
    if is_base:
        return "1"
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f} .. {max(ratios):.2f}]"

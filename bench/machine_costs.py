"""What the machine's processes use: with many generations running, and with none."""

import socket
import statistics
import time
from functools import partial
from pathlib import Path

from bench.common import patiently, progress
from bench.customers import Customers
from bench.house import House, Part

SETTLED_SECONDS = 2.0
SAMPLE_SECONDS = 0.25


class Peak:
    """The memory of all parts in the moment when they had most together."""

    def __init__(self, parts: dict[str, Part]) -> None:
        self._parts = parts
        self._next = 0.0
        self.memory = dict.fromkeys(parts, 0.0)
        self.running = 0

    def look(self, running: int) -> None:
        """Look again, when it is time."""
        self.running = max(self.running, running)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SAMPLE_SECONDS
        now = {name: part.memory() for name, part in self._parts.items()}
        if sum(now.values()) > sum(self.memory.values()):
            self.memory = now


def print_running(here: House, customers: Customers, picture: Path, count: int, seconds: float, alone: float) -> None:
    """`count` generations asked for at once; `alone`: the CPU ms of finishing the picture itself."""
    patiently(partial(_print_running, here, customers, picture, count, seconds, alone))


def _print_running(here: House, customers: Customers, picture: Path, count: int, seconds: float, alone: float) -> None:
    with here.parts(here.machine(picture, (seconds, seconds)) | here.web(), free_port()) as parts:
        time.sleep(SETTLED_SECONDS)
        peak, redis = Peak(parts), here.server.cpu
        before, own = {name: part.cpu for name, part in parts.items()}, time.process_time()
        ways = customers.keep_running(count, count, peak.look)
        own = time.process_time() - own
        each = {name: (part.cpu - before[name]) / count * 1000 for name, part in parts.items()}
    wall = max(way.stored for way in ways) - min(way.created for way in ways)
    print(f"{count} generations at {seconds:g} s, {peak.running} at once at most, all stored after {wall:.1f} s")
    print(f"{'':20}{'PSS MB':>8} {'CPU ms each':>12}")
    for name in parts:
        print(f"  {name:18}{peak.memory[name]:8.0f} {each[name]:12.2f}")
    together = sum(each.values())
    print(f"  {'together':18}{sum(peak.memory.values()):8.0f} {together:12.2f}")
    print(f"  {'without finish()':18}{'':8} {together - alone:12.2f}   (finish() alone: {alone:.2f})")
    print(f"  {'who asks':18}{'':8} {own / count * 1000:12.2f}")
    print(f"  {'Redis':18}{here.server.memory():8.0f} {(here.server.cpu - redis) / count * 1000:12.2f}\n")


def print_idle(here: House, picture: Path, starts: int) -> None:
    """All parts with nothing to do: the start of each until it is ready, its memory, its CPU."""
    print(f"idle, medians of {starts} starts ({SETTLED_SECONDS:g} s after the last was ready)")
    print(f"{'':20}{'ready s':>8} {'PSS MB':>8} {'RSS MB':>8} {'CPU %':>8}")
    taken = []
    for number in range(starts):
        progress(f"start {number + 1} of {starts}")
        taken.append(patiently(partial(_idle, here, picture)))
    for name in taken[0]:
        ready, pss, rss, cpu = (statistics.median(values) for values in zip(*(one[name] for one in taken), strict=True))
        print(f"  {name:18}{ready:8.2f} {pss:8.1f} {rss:8.1f} {cpu:8.2f}")
    print()


def _idle(here: House, picture: Path) -> dict[str, tuple[float, float, float, float]]:
    with here.parts(here.machine(picture, (0, 0)) | here.web(), free_port()) as parts:
        time.sleep(SETTLED_SECONDS)
        before = {name: part.cpu for name, part in parts.items()}
        time.sleep(SETTLED_SECONDS)
        return {
            name: (
                part.seconds_to_ready,
                part.memory(),
                part.memory("Rss"),
                (part.cpu - before[name]) / SETTLED_SECONDS * 100,
            )
            for name, part in parts.items()
        }


def free_port() -> int:
    """A port of this machine that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

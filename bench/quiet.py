"""For a machine that others use as well: waits for a moment in which they do not, as `--patient` asks. Linux only."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

MOST_BUSY = 0.15
"""The share of all processors that may be busy in a quiet moment."""
LONGEST_WAIT_SECONDS = 60
TRIES = 3

T = TypeVar("T")


def undisturbed(measure: Callable[[], T]) -> T:
    """Measure between two quiet moments; what was disturbed is done again, a few times at most."""
    for _ in range(TRIES):
        _wait()
        taken = measure()
        if _busy(0.3) < MOST_BUSY:
            break
    return taken


def _wait() -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    quiet = 0
    while quiet < 2 and time.monotonic() < deadline:
        quiet = quiet + 1 if _busy(0.4) < MOST_BUSY else 0


def _busy(seconds: float) -> float:
    """The share of all processors' time that was used, by anybody."""
    idle, total = _ticks()
    time.sleep(seconds)
    later_idle, later_total = _ticks()
    return 1 - (later_idle - idle) / (later_total - total)


def _ticks() -> tuple[int, int]:
    """Ticks idle (or waiting for a disk), and all ticks, since the machine started."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)

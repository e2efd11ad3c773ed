"""The product's processes as the crash tests run them: `python -m tests.crash.victim FOLDER`.

Loads the product once. For each name that it reads (`submit-1`, `watcher`) it forks a process that runs that part just
as `easel` does, and answers with its pid. When its input ends, it ends, and all of them with it. `FOLDER PART` runs one
part without forking. CRASH_FAULTS arms the faults, CRASH_HASTE shortens what the product waits for, CRASH_ASKS is how
many generations a front asks for, CRASH_PAUSE how many seconds apart.
"""

import ctypes
import os
import signal
import sys
import traceback
from datetime import timedelta
from pathlib import Path

from easel.__main__ import main as easel
from easel.wiring import open_database
from engine import circuits, tasks
from engine.generations import hints, steps
from tests.crash.asks import ask_for
from tests.crash.faults import arm
from worker import advance, chores, download, queue, watcher  # noqa: F401  # all is loaded before the first fork
from worker.providers import fal, fal_wire  # noqa: F401
from worker.providers.sketch import Sketch

PR_SET_PDEATHSIG = 1


def main() -> None:
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        return be(sys.argv[2], folder)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are reaped by the system
    while name := sys.stdin.readline().strip():
        pid = os.fork()
        if not pid:
            _leave_home(os.getppid(), folder / f"{name}.log")
            be(name, folder)
        print(pid, flush=True)
    return None


def be(name: str, folder: Path) -> None:
    """This process is that part from now on."""
    part, status = name.partition("-")[0], 1
    try:
        _note_submissions(folder / "submissions")
        _tidy_often()
        if "CRASH_HASTE" in os.environ:
            _hurry()
        if "CRASH_FAULTS" in os.environ:
            arm(part, folder / "struck")
        _run(part, folder)
        status = 0
    except SystemExit as end:
        status = 0 if end.code in (None, 0) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _run(part: str, folder: Path) -> None:
    if part == "front":
        pause, is_plain = float(os.environ.get("CRASH_PAUSE", 0)), "CRASH_PLAIN" in os.environ
        ask_for(open_database(), int(os.environ["CRASH_ASKS"]), pause, is_plain)
        (folder / "front-is-done").touch()
        return
    sys.argv = ["easel", "worker", part] if part in ("submit", "finish") else ["easel", part]
    easel()


def _hurry() -> None:
    steps.LEASE = tasks.LEASE = timedelta(seconds=4)
    hints.FIRST_WAIT, hints.LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=3)
    circuits.REST, circuits.LONGEST_REST, circuits.PROBE = (timedelta(seconds=seconds) for seconds in (1, 2, 5))
    chores.KEPT_FOR = timedelta(seconds=15)
    tasks.LONGEST_WAIT = timedelta(seconds=4)
    steps.ADOPTION = timedelta(seconds=6)
    advance.PATIENCE, steps.LATEST_FINISH = timedelta(seconds=8), timedelta(seconds=2)
    fal_wire.DEADLINE = 2.5  # with the download, within the lease
    download.download.__kwdefaults__["seconds"] = 2.5


def _tidy_often() -> None:
    """Even a soak does not wait an hour for what is cleaned away after an hour."""
    watcher.HOUSEKEEPING, watcher.UNFINISHED_SECONDS = 1.0, 5.0


def _note_submissions(file: Path) -> None:
    """The provider's own book: a line for each time that it was asked."""
    original = Sketch.submit

    def submit(self, job):
        with file.open("ab", buffering=0) as book:
            book.write(b"%d\n" % job.generation_id)
        return original(self, job)

    Sketch.submit = submit


def _leave_home(home: int, log: Path) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != home:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    said, nothing = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)


if __name__ == "__main__":
    main()

"""Processes for test_local. `python -m tests.house FOLDER NAME:KIND:STOP_ORDER ...` looks after such children.

Each child is this file again. It notes its pid, and what its fate is, in FOLDER/notes.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

folder, *words = sys.argv[1:]


def supervisor() -> int:
    """The house; the file `ready` says that it stands."""
    from easel.local import supervise

    return supervise([child(*word.split(":")) for word in words], Path(folder), lambda: note("ready"))


def child(name, kind, order):
    """As asked for on the command line."""
    from easel.children import Child
    from easel.local import embedded_redis, redis_answers

    if kind == "redis":
        command, url = embedded_redis(Path(folder, "redis"))
        Path(folder, "url").write_text(url)
        return Child(name, command, int(order), is_ready=lambda: redis_answers(url))
    command = ["/nowhere/at/all"] if kind == "missing" else [sys.executable, "-m", "tests.house", folder]
    return Child(name, command, int(order), {"NAME": name, "KIND": kind})


def note(what, name="house"):
    """A line that the test reads."""
    with Path(folder, "notes").open("a") as file:
        file.write(f"{name} {what}\n")


def live(name, kind):
    """What a child does."""
    if kind == "polite":
        signal.signal(signal.SIGTERM, lambda *_: (note("stopped", name), sys.exit(0)))
    if kind == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if kind == "parent":
        note(subprocess.Popen(["sleep", "60"]).pid, name)
    if kind == "mute":
        os.close(1)
        os.close(2)
    note(os.getpid(), name)
    if kind == "failing":
        print("no such token")
        sys.exit(3)
    if kind == "plain":
        print(f"hello from {name}\nhalf", end="", flush=True)
    time.sleep(60)


if __name__ == "__main__":
    sys.exit(supervisor() if words else live(os.environ["NAME"], os.environ["KIND"]))

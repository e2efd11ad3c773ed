"""The peers in an environment of their own, made when it is first needed: their versions do not go with ours."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from bench.common import progress
from bench.house import ROOT

LOCK = ROOT / "locks" / "peers.txt"
FOLDER = ROOT / ".venv" / "peers"
NAMES = ("arq", "saq")
QUIETLY = ("install", "-qq", "--disable-pip-version-check", "--require-hashes")


def python() -> str:
    """The interpreter that has what the lock names, exactly. Raises CalledProcessError when it cannot be installed."""
    stamp = FOLDER / f"is-{sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    found = FOLDER / "bin" / "python"
    if not stamp.exists():
        progress("installing the peers")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        subprocess.run([str(found), "-m", "pip", *QUIETLY, "-r", str(LOCK)], check=True)
        stamp.touch()
    return str(found)


def work(name: str, redis_url: str, count: int, fal_url: str, folder: Path) -> list[str]:
    """The arguments of Python for the one process of this peer."""
    return ["bench.peer", name, "work", redis_url, str(count), fal_url, str(folder)]


def ask(name: str, redis_url: str, count: int) -> "subprocess.Popen[str]":
    """Somebody who asks this peer for so many pictures, and then prints when that began and what CPU it took."""
    command = [python(), "-m", "bench.peer", name, "ask", redis_url, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

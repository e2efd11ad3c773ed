"""`easel up` beside the simulated fal: `python -m tests.simulators.demo_fal`, then prompts with [mishaps]."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.simulators.fal_mishaps import MISHAPS
from tests.simulators.fal_process import fal_simulator

SECONDS = 4


def main() -> int:
    """Run both until Ctrl-C; the exit status of `easel up`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    data = Path(os.environ.get("EASEL_DATA", "data/demo-fal")).absolute()  # not where real pictures are
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = os.environ.get("EASEL_PORT", "8000")
    with fal_simulator(data, seconds=SECONDS, log=data / "fal.log") as fal:
        ours = {"EASEL_DATA": str(data), "EASEL_FAL_WEBHOOK_URL": f"http://127.0.0.1:{port}", **fal.environment()}
        _explain(fal.log, ours)
        environment = {**os.environ, **ours}
        # In a group of its own, so that Ctrl-C reaches it once: from here.
        house = subprocess.Popen([sys.executable, "-m", "easel", "up"], env=environment, process_group=0)
        with suppress(KeyboardInterrupt):
            return house.wait()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        house.terminate()
        return house.wait()


def _explain(log: Path, ours: dict[str, str]) -> None:
    print(f"What the simulated fal is asked, and what it bills, goes to {log}. For a second terminal:\n")
    print("  export", " ".join(f"{name}={value}" for name, value in ours.items()), "\n")
    print("Write one of these into a prompt, as in: a fox [late]. With [late:2] only the first two posts suffer.\n")
    for name, text in MISHAPS.items():
        print(f"  [{name}]".ljust(46), text)
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())

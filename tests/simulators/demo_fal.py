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
    with fal_simulator(Path("data"), seconds=SECONDS, log=Path("data/fal-demo.log").absolute()) as fal:
        _explain(fal.url)
        port = os.environ.get("EASEL_PORT", "8000")
        webhooks = {"EASEL_FAL_WEBHOOK_URL": f"http://127.0.0.1:{port}"}
        environment = {**webhooks, **os.environ, **fal.environment()}
        # In a group of its own, so that Ctrl-C reaches it once: from here.
        house = subprocess.Popen([sys.executable, "-m", "easel", "up"], env=environment, process_group=0)
        with suppress(KeyboardInterrupt):
            return house.wait()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        house.terminate()
        return house.wait()


def _explain(url: str) -> None:
    print(f"The simulated fal is at {url}; what it is asked goes to data/fal-demo.log.")
    print("Write one of these into a prompt, as in: a fox [late]. With [late:2] only the first two posts suffer.\n")
    for name, text in MISHAPS.items():
        print(f"  [{name}]".ljust(46), text)
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())

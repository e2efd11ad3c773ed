"""Starts one part as `easel.parts` does, with a provider that takes a drawn time and hands out a prepared picture.

`python -m bench.launch SHORTEST LONGEST PICTURE submit`; the times in seconds. Real pictures are painted elsewhere, so
here nobody's CPU pays for it either.
"""

import random
import sys
from pathlib import Path

from easel import parts, workshop
from engine.ports import Job, Output
from worker.providers.sketch import Sketch

shortest, longest, picture = float(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])


class Prepared(Sketch):
    """The sketch, but for its brush; the request id tells which time was drawn."""

    def submit(self, job: Job) -> str:
        self._seconds = random.uniform(shortest, longest)
        return super().submit(job)

    def fetch(self, job: Job, output: Output) -> bytes:
        return picture.read_bytes()


workshop.Sketch = Prepared  # type: ignore[misc]
parts.PARTS[sys.argv[4]]()

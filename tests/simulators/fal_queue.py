"""A request's life at the simulated fal: in the queue, drawing, done, billed, told of."""

import asyncio
import zlib
from typing import Any
from uuid import uuid4

from tests.simulators import fal_models, fal_results, fal_webhooks
from tests.simulators.fal_state import Job, State

POSITIONS = 4  # how many wait before one who has just come
FOREVER = 10.0**8  # seconds: three years


def take(state: State, job: Job) -> None:
    """Put it into the queue; it goes on by itself. webhook-first: it ends at once, and nobody is told yet."""
    state.jobs[job.id] = job
    if job.has("webhook-first"):
        _draw(state, job, tells=False)
    else:
        job.timer = asyncio.get_running_loop().call_later(job.wait, _draw, state, job)


def expire_after(state: State, job: Job, seconds: float) -> None:
    """Let it wait no longer than this for its turn."""
    if seconds < job.wait and job.state == "queued" and job.timer:
        job.timer.cancel()
        job.timer = asyncio.get_running_loop().call_later(seconds, _expire, state, job)


def cancel(job: Job) -> None:
    """Take it out of the queue; what is drawing runs on and is billed."""
    if job.state == "queued":
        _stop(job)
        fal_results.fail(job, "client_cancelled")


def position(job: Job) -> int:
    """How many stand before it; falls to 0 while it waits."""
    waited = asyncio.get_running_loop().time() - job.taken
    left = 1 - waited / job.wait if job.wait else 0
    return max(0, min(POSITIONS - 1, int(left * POSITIONS)))


def new_job(state: State, endpoint: str, arguments: dict[str, Any], mishaps: tuple[str, ...], count: int) -> Job:
    """A job that has not been taken yet."""
    seconds = state.seconds * (8 if "late" in mishaps else 1)
    seed = arguments.get("seed", zlib.crc32(f"{state.seed} {count} {arguments['prompt']}".encode()))
    return Job(
        id=str(uuid4()),
        endpoint=endpoint,
        arguments=arguments,
        webhook=None,
        mishaps=mishaps,
        seed=seed,
        wait=FOREVER if "never-queued" in mishaps else seconds / 4,
        draw=FOREVER if "never-drawing" in mishaps else seconds * 3 / 4,
        taken=asyncio.get_running_loop().time(),
    )


def _draw(state: State, job: Job, tells: bool = True) -> None:
    job.state = "drawing"
    if tells:
        job.timer = asyncio.get_running_loop().call_later(job.draw, _end, state, job, tells)
    else:
        _end(state, job, tells)


def _end(state: State, job: Job, tells: bool) -> None:
    _stop(job)
    units = fal_results.finish(state, job)
    if units:
        microdollars = round(units * fal_models.COSTS[job.endpoint] * 1_000_000)
        state.microdollars += microdollars
        state.journal.write("bill", job.id, endpoint=job.endpoint, units=units, microdollars=microdollars)
    if tells:
        fal_webhooks.tell(state, job)


def _expire(state: State, job: Job) -> None:
    _stop(job)
    fal_results.fail(job, "request_timeout")
    fal_webhooks.tell(state, job)


def _stop(job: Job) -> None:
    if job.timer:
        job.timer.cancel()
    job.timer, job.state = None, "done"

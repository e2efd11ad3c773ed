"""The worker's tasks: what has to be done outside after a generation has ended."""

import asyncio
import logging
from datetime import timedelta

from engine.generations import arriving, steps, submissions
from engine.ports import Done, Failed, Job, Progress, ProviderTrouble
from engine.tables import Outcome
from worker.advance import media_keys
from worker.errands import NotYet
from worker.tools import Tools

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=1)
"""How long a provider can say what became of a request."""

LONGEST_LOOK = 10.0


def close_at_provider(tools: Tools, key: str) -> None:
    """Stop what nobody waits for any more, and find out what it cost: `key` is `generation:try`. Raises NotYet."""
    generation_id, attempt = (int(part) for part in key.split(":"))
    job = _taken(tools, generation_id, attempt)
    if job is None or job.request_id is None:
        return
    request_id, provider = job.request_id, tools.providers[job.provider]
    try:
        provider.cancel(job)
    except ProviderTrouble as error:  # it may have ended all the same
        log.warning("cancel at %s: %s", job.provider, error)
    try:
        progress = asyncio.run(_look(tools, job))
    except (ProviderTrouble, TimeoutError) as error:
        raise NotYet(str(error)) from error
    if not isinstance(progress, Done | Failed):
        raise NotYet(f"{job.provider} has it still: {progress}")
    arrival = tools.database.run(lambda work: arriving.arrive(work, generation_id, attempt, request_id, progress))
    log.info("generation %d, attempt %d: closed, %s", generation_id, attempt, arrival)


def delete_media(tools: Tools, key: str) -> None:
    """Delete whatever the store holds of a generation."""
    tools.media.delete(media_keys(int(key)))


def _taken(tools: Tools, generation_id: int, attempt: int) -> Job | None:
    """The try as its provider knows it; None when it is over, or after so long that the provider has forgotten it."""
    with tools.database.read() as work:
        submission = submissions.get(work, generation_id, attempt)
        if submission is None or submission.outcome is not Outcome.TAKEN:
            return None
        job, is_old = steps.job_of(work, submission), work.now() - submission.asked_at > KEPT_FOR
    if is_old or submission.provider not in tools.providers:
        log.warning("generation %d, attempt %d: nobody says what became of it", generation_id, attempt)
        tools.database.run(lambda work: submissions.lose(work, generation_id, attempt))
        return None
    return job


async def _look(tools: Tools, job: Job) -> Progress:
    async with asyncio.timeout(LONGEST_LOOK):
        return await tools.providers[job.provider].look(job)

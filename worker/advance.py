"""advance(id): look at the row, take the next step under a lease. What happens outside happens between two Works."""

import logging
import random
from dataclasses import replace
from datetime import timedelta
from functools import partial

from engine import circuits
from engine.catalog import model
from engine.database import Work
from engine.generations import Generation, Kept, get, steps, submissions
from engine.generations.asking import MOST_PICTURES
from engine.generations.steps import FINISHES, Lease
from engine.ports import Job, Output, ProviderTrouble, Step, Taken, Trouble
from engine.tables import State
from engine.trace import tracing
from worker.images import BrokenPicture, Facts, Finished, finish
from worker.tools import Tools

log = logging.getLogger(__name__)

ADOPTION_SECONDS = 60
"""How long an unknown outcome waits for the provider's webhook before it is asked for once more."""

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 2, 60

FIRST_LOOK_WHEN_TOLD = timedelta(seconds=5)
"""When a provider that should tell us is asked for the first time: most pictures have come by then."""


def advance(tools: Tools, generation_id: int, step: Step | None = None) -> None:
    """Take the next step of a generation, if there is one to take now (of this kind) and nobody else is at it."""
    lease = tools.database.run(lambda work: steps.lease(work, generation_id, step))
    if lease is None:
        return
    with tracing(lease.generation.trace):
        if lease.generation.state is State.READY:
            _finish(tools, lease)
        else:
            _submit(tools, lease)


def _submit(tools: Tools, lease: Lease) -> None:
    """Say so, ask the provider, write down its answer. Whoever dies in between leaves an unknown outcome."""
    job = tools.database.run(lambda work: steps.begin(work, lease))
    if job is None:
        return
    if tools.callbacks is not None and tools.tells(job.provider):
        job = replace(job, webhook_url=tools.callbacks.url(job.provider, job.generation_id, job.attempt))
    try:
        taken = tools.providers[job.provider].submit(job)
    except ProviderTrouble as error:
        log.warning("submit to %s: %s", job.provider, error)
        tools.database.run(partial(_not_submitted, lease=lease, job=job, error=error))
        return
    log.info("submitted to %s as %s, attempt %d", job.provider, taken.request_id, job.attempt)
    if not tools.database.run(partial(_submitted, lease=lease, job=job, taken=taken)):
        log.info("submitted as %s, and it was over or known already", taken.request_id)


def _submitted(work: Work, lease: Lease, job: Job, taken: Taken) -> bool:
    circuits.takes(work, job.provider)
    first_look = FIRST_LOOK_WHEN_TOLD if job.webhook_url else steps.FIRST_LOOK
    return steps.submitted(work, lease, job.attempt, taken, first_look)


def _not_submitted(work: Work, lease: Lease, job: Job, error: ProviderTrouble) -> None:
    """Once more later, or the end: what nobody knows is never asked for at once."""
    is_known = error.trouble is not Trouble.UNKNOWN
    is_last = job.attempt >= work.settings.submits
    has_other = len(circuits.order(work.settings, model(work, job.model_id))) > 1
    is_over = error.is_permanent and not (error.is_ours and has_other)
    if is_over or (is_last and is_known):
        submissions.reject(work, job.generation_id, job.attempt)
        steps.fail(work, job.generation_id, error.trouble, token=lease.token)
    elif is_known:
        wait = max(_jittered(RETRY_SECONDS * job.attempt), min(error.wait_seconds or 0, LONGEST_RETRY_SECONDS))
        steps.put_off(work, lease, wait, rejected=job.attempt)
    else:
        wait = ADOPTION_SECONDS if work.settings.callback_url else RETRY_SECONDS
        steps.put_off(work, lease, wait, is_known=False)
    if error.is_ours:
        circuits.rejects_us(work, job.provider, job.generation_id, error.detail)
    elif error.trouble in circuits.OURS:
        circuits.works(work, job.provider, job.model_id)
    else:
        circuits.fails(work, job.provider, job.model_id, job.generation_id, error.detail)


def _finish(tools: Tools, lease: Lease) -> None:
    """Fetch the pictures, check and mark them, put them into the store; then charge, all in one commit."""
    generation = lease.generation
    if generation.finishes > FINISHES:  # whoever tried has died of it
        tools.database.run(lambda work: steps.fail(work, generation.id, Trouble.BROKEN_PICTURE, token=lease.token))
        return
    try:
        kept = _keep_all(tools, lease)
    except ProviderTrouble as error:
        log.warning("finish: %s", error)
        _not_finished(tools, lease, error.trouble, error.is_permanent)
    except OSError as error:
        log.error("the media store: %s", error)
        _not_finished(tools, lease, Trouble.STORAGE, is_permanent=False)
    else:
        _store(tools, lease, kept)


def _store(tools: Tools, lease: Lease, kept: list[Kept]) -> None:
    stored = tools.database.run(lambda work: steps.stored(work, lease, kept))
    if stored is not None:
        log.info("%s, charged %d", stored.state, stored.charged)
        return
    with tools.database.read() as work:
        now = get(work, lease.generation.id)
    if not now.is_open and now.state is not State.STORED:
        tools.media.delete(media_keys(lease.generation.id))


def _not_finished(tools: Tools, lease: Lease, trouble: Trouble, is_permanent: bool) -> None:
    if is_permanent or lease.generation.finishes >= FINISHES:
        tools.database.run(lambda work: steps.fail(work, lease.generation.id, trouble, token=lease.token))
    else:
        wait = _jittered(RETRY_SECONDS * lease.generation.finishes)
        tools.database.run(lambda work: steps.put_off(work, lease, wait, is_known=True))


def _keep_all(tools: Tools, lease: Lease) -> list[Kept]:
    """Every good picture, in the store. Raises ProviderTrouble when there is none, OSError of the store."""
    generation = lease.generation
    wanted = generation.outputs[: generation.pictures]
    if not wanted:
        raise ProviderTrouble(Trouble.PROVIDER, is_permanent=True, detail="done without a picture")
    safe = [output for output in wanted if not output.is_flagged]
    if not safe:
        raise ProviderTrouble(Trouble.REFUSED, is_permanent=True, detail="flagged as unsafe")
    with tools.database.read() as work:
        job = steps.job(generation, model(work, generation.model_id), generation.provider or "", generation.submits)
    kept: list[Kept] = []
    trouble = Trouble.BROKEN_PICTURE
    for number, output in enumerate(safe):
        if number:
            tools.database.run(lambda work: steps.renew(work, lease))
        try:
            kept.append(_keep(tools, generation, job, output, number))
        except BrokenPicture as broken:
            log.warning("picture %d of %d: %s", number + 1, len(safe), broken)
        except Blank:
            log.warning("picture %d of %d is blank: a refusal that does not say so", number + 1, len(safe))
            trouble = Trouble.REFUSED
    if not kept:
        raise ProviderTrouble(trouble, is_permanent=True, detail="no picture can be kept")
    return kept


class Blank(Exception):
    """There is nothing on the picture."""


def _keep(tools: Tools, generation: Generation, job: Job, output: Output, number: int) -> Kept:
    """One picture, fetched, checked, marked and in the store."""
    provider = tools.providers.get(job.provider)
    if provider is None:
        raise ProviderTrouble(Trouble.PROVIDER, is_permanent=True, detail=f"{job.provider} is no provider any more")
    content = provider.fetch(job, output)
    facts = Facts(tools.database.settings.name, generation.id, generation.model_id, generation.changed_at)
    picture = finish(content, facts)
    if picture.is_blank:
        raise Blank
    key, thumbnail_key = _keys(generation.id, number, picture.suffix)
    tools.media.put(key, picture.content, picture.content_type)
    tools.media.put(thumbnail_key, picture.thumbnail, "image/jpeg")
    return _kept(picture, key, thumbnail_key)


def _kept(picture: Finished, key: str, thumbnail_key: str) -> Kept:
    size = len(picture.content) + len(picture.thumbnail)
    return Kept(key, thumbnail_key, picture.content_type, picture.width, picture.height, size)


def _keys(generation_id: int, number: int, suffix: str) -> tuple[str, str]:
    """The same for every try, so that a second one leaves nothing behind."""
    stem = f"generations/{generation_id}/{number}"
    return f"{stem}{suffix}", f"{stem}-small.jpg"


def media_keys(generation_id: int) -> list[str]:
    """Every key that a generation's pictures may have."""
    return [key for number in range(MOST_PICTURES) for suffix in (".jpg", ".png")
            for key in _keys(generation_id, number, suffix)]  # fmt: skip


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311  # spacing, no secret

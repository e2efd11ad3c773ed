"""advance(id): look at the row, take the next step under a lease. What happens outside happens between two Works."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import DBAPIError

from engine import circuits
from engine.catalog import model
from engine.database import Work
from engine.errors import Busy
from engine.generations import Kept, get, steps, submissions
from engine.generations.asking import MOST_PICTURES
from engine.generations.steps import FINISHES, Lease
from engine.ports import Job, Output, ProviderTrouble, Step, Taken, Trouble
from engine.tables import State
from engine.trace import tracing
from worker.images import BrokenPicture, Facts, Finished, finish
from worker.tools import Tools

log = logging.getLogger(__name__)

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 2, 60

INSIST_SECONDS, INSIST_PAUSE = 15.0, 0.5
"""How long, and how often, it is tried to write down what a provider answered: with the submit, less than a lease."""

PATIENCE = timedelta(minutes=3)
"""How long a store or a provider's files may be away before a picture that is made is given up."""

RENEW_AFTER_SECONDS = 5.0

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
    if _written(tools, partial(_submitted, lease=lease, job=job, taken=taken)):
        tools.database.run(lambda work: circuits.takes(work, job.provider))


def _submitted(work: Work, lease: Lease, job: Job, taken: Taken) -> bool:
    """The request id before anything else. Whether this provider did not let us in before."""
    first_look = FIRST_LOOK_WHEN_TOLD if job.webhook_url else steps.FIRST_LOOK
    if not steps.submitted(work, lease, job.attempt, taken, first_look):
        log.info("submitted as %s, and it was over or known already", taken.request_id)
    return circuits.shuts_us_out(work, job.provider)


def _written(tools: Tools, note: Callable[[Work], bool]) -> bool:
    """What the provider has answered is written down, if it takes several tries: without its request id a picture may
    be paid for and never found."""
    until = time.monotonic() + INSIST_SECONDS
    while True:
        try:
            return tools.database.run(note)
        except (Busy, DBAPIError):
            if time.monotonic() > until:
                raise
            log.exception("writing down what was submitted")
            time.sleep(INSIST_PAUSE)


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
        wait = steps.ADOPTION.total_seconds() if job.webhook_url else RETRY_SECONDS
        steps.put_off(work, lease, wait, is_known=False)
    if error.is_ours:
        circuits.rejects_us(work, job.provider, job.generation_id, error.detail)
        return
    if error.has_answered:
        circuits.takes(work, job.provider)  # otherwise it would have said that it does not let us in
    if error.trouble in circuits.OURS:
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
    except Lost:
        log.warning("another works on it")
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
    """A picture that is made and paid for is not given up for trouble that passes."""
    if is_permanent or not tools.database.run(lambda work: steps.finish_later(work, lease, PATIENCE)):
        tools.database.run(lambda work: steps.fail(work, lease.generation.id, trouble, token=lease.token))


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
        try:
            kept.append(_keep(tools, lease, job, output, number))
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


class Lost(Exception):
    """The lease is another's by now."""


def _keep(tools: Tools, lease: Lease, job: Job, output: Output, number: int) -> Kept:
    """One picture, fetched, checked, marked and in the store; each of it may take a while. Raises Lost."""
    generation = lease.generation
    provider = tools.providers.get(job.provider)
    if provider is None:
        raise ProviderTrouble(Trouble.PROVIDER, is_permanent=True, detail=f"{job.provider} is no provider any more")
    if number:
        _renew(tools, lease)
    began = time.monotonic()
    content = provider.fetch(job, output)
    facts = Facts(tools.database.settings.name, generation.id, generation.model_id, generation.changed_at)
    picture = finish(content, facts)
    if picture.is_blank:
        raise Blank
    key, thumbnail_key = _keys(generation.id, number, picture.suffix)
    for name, content, kind in (
        (key, picture.content, picture.content_type),
        (thumbnail_key, picture.thumbnail, "image/jpeg"),
    ):
        if time.monotonic() - began > RENEW_AFTER_SECONDS:
            _renew(tools, lease)
        tools.media.put(name, content, kind)
    return _kept(picture, key, thumbnail_key)


def _renew(tools: Tools, lease: Lease) -> None:
    if not tools.database.run(lambda work: steps.renew(work, lease)):
        raise Lost


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

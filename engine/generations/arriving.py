"""What a provider says of a request, by webhook or when asked, in any order and any number of times: used once."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum

import sqlalchemy as sa

from engine import circuits
from engine.catalog import model
from engine.database import Work
from engine.generations import hints, steps, submissions
from engine.generations.row import Generation, get
from engine.generations.submissions import Submission
from engine.ports import Done, Ended, Failed, Output, Taken
from engine.tables import State, generations

TIME_TO_FINISH = timedelta(minutes=10)
WAITS = (State.QUEUED, State.SUBMITTING, State.SUBMITTED)
"""A generation that takes a result: also one whose try seemed to be rejected, and that is in line again."""


class Arrival(StrEnum):
    """What became of a provider's word."""

    USED = "used"
    LATE = "late"  # its cost is counted; nobody waits for it
    KNOWN = "known"  # it came before
    FOREIGN = "foreign"  # about a request that is not this try's


def arrive(work: Work, generation_id: int, attempt: int, request_id: str, ended: Ended) -> Arrival:
    """A try has ended: its cost is counted once, its result or failure is used if the generation waits for it.

    A failure that may not come again is tried once more, as often as the settings allow.
    """
    submission = submissions.get(work, generation_id, attempt)
    if submission is None or submission.request_id not in (None, request_id):
        return Arrival.FOREIGN
    if not submissions.finish(work, generation_id, attempt, request_id, ended):  # the gate: one comes through
        return Arrival.KNOWN
    generation = get(work, generation_id)
    if isinstance(ended, Done):
        is_used = _ready(work, submission, request_id, ended.outputs)
    else:
        is_used = _is_awaited(generation, attempt, request_id) and _failed(work, generation, ended)
    _tell_circuit(work, generation, submission, ended)
    return Arrival.USED if is_used else Arrival.LATE


def adopt(work: Work, generation_id: int, attempt: int, request_id: str) -> Arrival:
    """A try has ended, and its provider has to be asked how: it is looked at in the next round, also when nobody knew
    that it had been taken. What nobody waits for is closed, which asks for its cost."""
    submission = submissions.get(work, generation_id, attempt)
    if submission is None or submission.request_id not in (None, request_id):
        return Arrival.FOREIGN
    if submission.outcome not in submissions.MAY_STILL_END:
        return Arrival.KNOWN
    submissions.take(work, generation_id, attempt, Taken(request_id, submission.memo))
    generation = get(work, generation_id)
    if not _is_awaited(generation, attempt, request_id) or not _looked_at(work, generation, submission, request_id):
        submissions.close(work, generation_id, attempt)
        return Arrival.LATE
    return Arrival.USED


def _looked_at(work: Work, generation: Generation, submission: Submission, request_id: str) -> bool:
    """Submitted, whatever it was, and due now. False when it has moved on since it was seen."""
    now = work.now()
    values: dict[str, object] = {"look_at": now, "lease_token": None, "lease_until": None}
    if generation.state is State.SUBMITTING:
        seconds = model(work, generation.model_id).timeout_seconds
        ours = {"state": State.SUBMITTED.value, "provider": submission.provider, "request_id": request_id}
        values |= {**ours, "submitted_at": now, "changed_at": now, "deadline_at": now + timedelta(seconds=seconds)}
    return bool(work.execute(_as_seen(generation).values(values)).rowcount)


def _as_seen(generation: Generation) -> sa.Update:
    """An UPDATE of a generation that has not moved on since it was seen."""
    return sa.update(generations).where(
        generations.c.id == generation.id,
        generations.c.state == generation.state.value,
        generations.c.submits == generation.submits,
    )


def _ready(work: Work, submission: Submission, request_id: str, outputs: Sequence[Output]) -> bool:
    """What there is to fetch is written down, a worker is told, and other tries are closed. False when too late."""
    now, generation_id = work.now(), submission.generation_id
    made = (
        sa.update(generations)
        .where(generations.c.id == generation_id, generations.c.state.in_([state.value for state in WAITS]))
        .values(
            state=State.READY.value,
            provider=submission.provider,
            request_id=request_id,
            outputs=[asdict(output) for output in outputs],
            lease_token=None,
            lease_until=None,
            changed_at=now,
            deadline_at=now + TIME_TO_FINISH,
            hint=generations.c.hint + 1,
            look_at=now + hints.FIRST_WAIT,
        )
        .returning(generations.c.account_id, generations.c.hint, generations.c.submits)
    )
    row = work.execute(made).one_or_none()
    if row is None:
        return False
    if row.submits > 1:
        submissions.close(work, generation_id)
    hints.push(work, generation_id, State.READY, row.hint)
    work.wake(row.account_id)
    return True


def _is_awaited(generation: Generation, attempt: int, request_id: str) -> bool:
    """Whether it is this try that the generation waits for."""
    if generation.state is State.SUBMITTED:
        return generation.request_id == request_id
    return generation.state is State.SUBMITTING and generation.submits == attempt


def _failed(work: Work, generation: Generation, failed: Failed) -> bool:
    if failed.is_permanent or generation.submits >= work.settings.submits:
        return steps.fail(work, generation.id, failed.trouble, seen=generation) is not None
    return _again(work, generation)


def _again(work: Work, generation: Generation) -> bool:
    """In line once more. False when it has moved on since it was seen."""
    now = work.now()
    moved = _as_seen(generation).values(
        state=State.QUEUED.value,
        request_id=None,
        place=None,
        submitted_at=None,
        began_at=None,
        lease_token=None,
        lease_until=None,
        changed_at=now,
        deadline_at=now + timedelta(seconds=work.settings.queue_seconds),
    )
    if not work.execute(moved).rowcount:
        return False
    hints.hint(work, generation.id, State.QUEUED, now)
    work.wake(generation.account_id)
    return True


def _tell_circuit(work: Work, generation: Generation, submission: Submission, ended: Ended) -> None:
    if isinstance(ended, Done) or ended.trouble in circuits.OURS:
        circuits.works(work, submission.provider, generation.model_id)
    elif generation.is_open:  # what nobody waits for was stopped by us
        detail = ended.detail or ended.trouble.value
        circuits.fails(work, submission.provider, generation.model_id, generation.id, detail)

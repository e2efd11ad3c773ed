"""What workers do with a generation: each step is guarded by the row's state and its lease.

A lease is a token and an end in the row, by database time. Every later write carries the token: who lost his lease
writes nothing. What a step has to do outside happens between two Works, never inside one.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine import circuits, tasks
from engine.catalog import Model, model
from engine.credits import Credits
from engine.database import Work
from engine.generations import submissions
from engine.generations.ending import conclude, lock_with_owner
from engine.generations.row import COLUMNS, Generation, Kept, get, read
from engine.generations.submissions import Submission
from engine.policies import banned
from engine.ports import Job, Step, Taken, Trouble
from engine.tables import Outcome, State, generations

LEASE = timedelta(seconds=30)
FINISHES = 5
"""How often a worker may begin to finish a picture: one that kills its worker is not tried for ever."""

SOONEST_FINISH, LATEST_FINISH = timedelta(seconds=2), timedelta(seconds=30)
"""Between two tries to finish a picture while a store or a provider's files are away."""

WAITING_FOR: dict[Step | None, tuple[State, ...]] = {
    Step.SUBMIT: (State.QUEUED, State.SUBMITTING),
    Step.FINISH: (State.READY,),
    None: (State.QUEUED, State.SUBMITTING, State.READY),
}
"""What each kind of worker takes up: pictures are opened only where they are finished."""

ADOPTION = timedelta(seconds=60)
"""How long an unknown outcome waits for the provider's webhook before it is asked for once more."""

LONGEST_IN_LINE = timedelta(seconds=60)
"""How long a generation waits while nobody can be asked for its model."""

SOONEST_AGAIN, LATEST_AGAIN = 1.0, 5.0

FIRST_LOOK = timedelta(seconds=1)
"""When a provider that tells us nothing by itself is asked how far it is."""


@dataclass(frozen=True)
class Lease:
    """The right to work on a generation for a while."""

    generation: Generation
    token: str


def lease(work: Work, generation_id: int, step: Step | None = None) -> Lease | None:
    """Take the lease of an open generation that waits for this step, or for any. None when it does not, or somebody
    else works on it."""
    token, now = secrets.token_hex(8), work.now()
    finishing = sa.case((generations.c.state == State.READY.value, 1), else_=0)
    taken = (
        sa.update(generations)
        .where(
            generations.c.id == generation_id,
            generations.c.state.in_([state.value for state in WAITING_FOR[step]]),
            is_free(now),
        )
        .values(
            lease_token=token,
            lease_until=now + LEASE,
            look_at=now + LEASE,
            finishes=generations.c.finishes + finishing,
        )
        .returning(*COLUMNS)
    )
    row = work.execute(taken).one_or_none()
    return Lease(read(row), token) if row else None


def renew(work: Work, held: Lease) -> bool:
    """Keep the lease for as long again. False when it is lost."""
    until = work.now() + LEASE
    return _under(work, held, lease_until=until, look_at=until)


def begin(work: Work, held: Lease) -> Job | None:
    """Choose whom to ask, and say so before it is done. None when the lease is lost, when everything was tried, or when
    all who could draw it are left alone for now: then it waits in line.

    A generation found `submitting` was asked for by somebody who died, or whose answer got lost: it counts as one try.
    Whoever is banned by now gets nothing, and all credits back.
    """
    generation = held.generation
    if banned.find(work, generation.account_id, generation.space_id):
        fail(work, generation.id, Trouble.BANNED, token=held.token)
        return None
    if generation.submits >= work.settings.submits:
        fail(work, generation.id, Trouble.UNKNOWN, token=held.token)
        return None
    if (left := _adoption_left(work, generation)) is not None:
        put_off(work, held, left, is_known=False)
        return None
    asked = model(work, generation.model_id)
    provider = circuits.choose(work, asked, generation.id, but=generation.provider)
    if provider is None:
        _wait_for_a_probe(work, held, asked)
        return None
    attempt = generation.submits + 1
    values = {"state": State.SUBMITTING.value, "submits": attempt, "provider": provider}
    if not _under(work, held, **values, changed_at=work.now()):
        return None
    submissions.ask(work, generation.id, attempt, provider)
    work.wake(generation.account_id)
    return job(generation, asked, provider, attempt)


def job(generation: Generation, of: Model, provider: str, attempt: int, memo: str = "") -> Job:
    """What a provider is told of this try of a generation."""
    return Job(
        provider=provider,
        generation_id=generation.id,
        attempt=attempt,
        model_id=of.id,
        endpoint=of.endpoint,
        input=of.input,
        output=of.output,
        prompt=generation.prompt,
        size=generation.size,
        seed=generation.seed,
        takes_seed="seed" in of.capabilities,
        pictures=generation.pictures,
        start_seconds=of.start_seconds,
        cost_microdollars=of.cost_microdollars,
        cost_unit=of.cost_unit,
        request_id=generation.request_id,
        memo=memo,
    )


def job_of(work: Work, submission: Submission) -> Job:
    """The job of a try that was made, as its provider was told it."""
    generation = get(work, submission.generation_id)
    of = model(work, generation.model_id)
    told = job(generation, of, submission.provider, submission.attempt, submission.memo)
    return replace(told, request_id=submission.request_id)


def submitted(work: Work, held: Lease, attempt: int, taken: Taken, first_look: timedelta = FIRST_LOOK) -> bool:
    """The provider has taken it. False when it is no longer ours: ended meanwhile, or a webhook was faster."""
    submissions.take(work, held.generation.id, attempt, taken)
    now = work.now()
    seconds = model(work, held.generation.model_id).timeout_seconds
    done = _under(
        work,
        held,
        state=State.SUBMITTED.value,
        request_id=taken.request_id,
        submitted_at=now,
        changed_at=now,
        deadline_at=now + timedelta(seconds=seconds),
        look_at=now + first_look,
        lease_token=None,
        lease_until=None,
    )
    if done:
        work.wake(held.generation.account_id)
    elif get(work, held.generation.id).request_id != taken.request_id:
        submissions.close(work, held.generation.id, attempt)
    return done


def put_off(work: Work, held: Lease, seconds: float, rejected: int | None = None, is_known: bool = True) -> bool:
    """End the lease and let it be tried again later. `is_known`: the provider has not taken it, so it is queued again;
    `rejected` is the try that it did not take.

    Otherwise, or when the outcome of an earlier try is unknown, it stays `submitting`, for a webhook to adopt.
    """
    if rejected is not None:
        submissions.reject(work, held.generation.id, rejected)
    state = State.QUEUED.value if is_known and held.generation.state is State.QUEUED else generations.c.state
    look = work.now() + timedelta(seconds=seconds)
    return _under(work, held, state=state, look_at=look, lease_token=None, lease_until=None)


def finish_later(work: Work, held: Lease, patience: timedelta) -> bool:
    """Let it be finished later, because of trouble that will pass: this time does not count. False when it has lasted
    for longer than `patience` already, or the lease is lost."""
    age = work.now() - held.generation.changed_at
    if age > patience:
        return False
    look = work.now() + min(max(age / 2, SOONEST_FINISH), LATEST_FINISH)
    finishes = generations.c.finishes - 1
    return _under(work, held, look_at=look, finishes=finishes, lease_token=None, lease_until=None)


def stored(work: Work, held: Lease, kept: Sequence[Kept]) -> Generation | None:
    """The pictures lie in the store: charge what came, write them down, tell the owner. None when the lease is lost.

    Fewer pictures than asked for cost their share. Whoever was banned meanwhile gets none, and all credits back.
    """
    generation = lock_with_owner(work, held.generation.id)
    if generation.lease_token != held.token or generation.state is not State.READY:
        return None
    if banned.find(work, generation.account_id, generation.space_id):
        tasks.add(work, "delete_media", str(generation.id))
        return conclude(work, generation, State.CANCELLED, trouble=Trouble.BANNED)
    captured = Credits(generation.price * len(kept) // generation.pictures)
    size = sum(picture.bytes for picture in kept)
    return conclude(work, generation, State.STORED, captured, size, kept=kept)


def fail(
    work: Work, generation_id: int, trouble: Trouble, token: str | None = None, seen: Generation | None = None
) -> Generation | None:
    """End a generation without a picture: the credits go back, the owner is told why.

    None when it has ended already, when `token` is given and the lease is lost, or when it has moved on since it was
    `seen`. What a provider has taken is stopped, what lies in the store is deleted.
    """
    generation = lock_with_owner(work, generation_id)
    if not generation.is_open or (token is not None and generation.lease_token != token):
        return None
    if seen is not None and (generation.state, generation.submits) != (seen.state, seen.submits):
        return None
    submissions.close(work, generation_id)
    if generation.state is State.READY:
        tasks.add(work, "delete_media", str(generation_id))
    end = State.CANCELLED if trouble is Trouble.BANNED else State.FAILED
    return conclude(work, generation, end, trouble=trouble)


def is_free(now: datetime) -> sa.ColumnElement[bool]:
    """Nobody has the lease, or no longer."""
    return sa.or_(generations.c.lease_until.is_(None), generations.c.lease_until < now)


def _adoption_left(work: Work, generation: Generation) -> float | None:
    """Seconds that a webhook may still take to adopt a try of which nobody knows whether it was taken; None when there
    is no such try, or nobody can call us, or it has had its time."""
    if generation.state is not State.SUBMITTING or work.settings.callback_url is None:
        return None
    submission = submissions.get(work, generation.id, generation.submits)
    if submission is None or submission.outcome is not Outcome.ASKED:
        return None
    left = (submission.asked_at + ADOPTION - work.now()).total_seconds()
    return left if left > 0 else None


def _wait_for_a_probe(work: Work, held: Lease, of: Model) -> None:
    """In line until somebody may be asked for this model again, though not for long: then the credits go back."""
    now, until = work.now(), circuits.rests_until(work, of)
    if now - held.generation.changed_at > LONGEST_IN_LINE:
        fail(work, held.generation.id, Trouble.PROVIDER, token=held.token)
        return
    left = (until - now).total_seconds() if until else 0
    put_off(work, held, min(max(left, SOONEST_AGAIN), LATEST_AGAIN))  # another's probe may end well at any time


def _under(work: Work, held: Lease, **values: Any) -> bool:
    """Change the row if the lease is still ours and the state is the one it was taken in."""
    state = held.generation.state.value
    still = (State.SUBMITTING.value,) if state == State.QUEUED.value else ()
    changed = (
        sa.update(generations)
        .where(
            generations.c.id == held.generation.id,
            generations.c.lease_token == held.token,
            generations.c.state.in_((state, *still)),
        )
        .values(**values)
    )
    return work.execute(changed).rowcount == 1

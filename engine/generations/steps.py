"""What workers do with a generation: each step is guarded by the row's state and its lease.

A lease is a token and an end in the row, by database time. Every later write carries the token: who lost his lease
writes nothing. What a step has to do outside happens between two Works, never inside one.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine import tasks
from engine.catalog import Model, model
from engine.credits import Credits
from engine.database import Work
from engine.generations import hints
from engine.generations.ending import conclude, lock_with_owner
from engine.generations.row import COLUMNS, Generation, Kept, read
from engine.policies import banned
from engine.ports import Job, Output, Step, Trouble
from engine.tables import State, generations

LEASE = timedelta(seconds=30)
FINISHES = 5
"""How often a worker may begin to finish a picture: one that kills its worker is not tried for ever."""

TIME_TO_FINISH = timedelta(minutes=10)
WAITING_FOR: dict[Step | None, tuple[State, ...]] = {
    Step.SUBMIT: (State.QUEUED, State.SUBMITTING),
    Step.FINISH: (State.READY,),
    None: (State.QUEUED, State.SUBMITTING, State.READY),
}
"""What each kind of worker takes up: pictures are opened only where they are finished."""

FIRST_LOOK = timedelta(seconds=1)


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


def begin(work: Work, held: Lease, provider: str) -> Job | None:
    """Say that the provider is about to be asked, before it is. None when the lease is lost or everything was tried.

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
    values = {"state": State.SUBMITTING.value, "submits": generation.submits + 1, "provider": provider}
    if not _under(work, held, **values, changed_at=work.now()):
        return None
    work.wake(generation.account_id)
    return job(generation, model(work, generation.model_id), attempt=generation.submits + 1)


def job(generation: Generation, of: Model, attempt: int | None = None) -> Job:
    """What a provider is told of a generation."""
    return Job(
        generation_id=generation.id,
        attempt=attempt or generation.submits,
        model_id=of.id,
        endpoint=of.endpoint,
        prompt=generation.prompt,
        size=generation.size,
        seed=generation.seed,
        pictures=generation.pictures,
        timeout_seconds=of.timeout_seconds,
        request_id=generation.request_id,
    )


def submitted(work: Work, held: Lease, request_id: str) -> bool:
    """The provider has taken it. False when it is no longer ours: ended meanwhile, or a webhook was faster."""
    now = work.now()
    seconds = model(work, held.generation.model_id).timeout_seconds
    done = _under(
        work,
        held,
        state=State.SUBMITTED.value,
        request_id=request_id,
        submitted_at=now,
        changed_at=now,
        deadline_at=now + timedelta(seconds=seconds),
        look_at=now + FIRST_LOOK,
        lease_token=None,
        lease_until=None,
    )
    if done:
        work.wake(held.generation.account_id)
    return done


def put_off(work: Work, held: Lease, seconds: float, is_known: bool) -> bool:
    """End the lease and let it be tried again later. `is_known`: the provider has not taken it, so it is queued again.

    Otherwise, or when the outcome of an earlier try is unknown, it stays `submitting`, for a webhook to adopt.
    """
    state = State.QUEUED.value if is_known and held.generation.state is State.QUEUED else generations.c.state
    look = work.now() + timedelta(seconds=seconds)
    return _under(work, held, state=state, look_at=look, lease_token=None, lease_until=None)


def ready(work: Work, generation_id: int, request_id: str, outputs: Sequence[Output]) -> bool:
    """The provider is done: what there is to fetch is written down, and a worker is told. False when it came too late
    or was known already."""
    now = work.now()
    made = (
        sa.update(generations)
        .where(
            generations.c.id == generation_id,
            generations.c.state.in_((State.SUBMITTING.value, State.SUBMITTED.value)),
            sa.or_(generations.c.request_id.is_(None), generations.c.request_id == request_id),
        )
        .values(
            state=State.READY.value,
            request_id=request_id,
            outputs=[asdict(output) for output in outputs],
            lease_token=None,
            lease_until=None,
            changed_at=now,
            deadline_at=now + TIME_TO_FINISH,
        )
        .returning(generations.c.account_id)
    )
    account_id = work.execute(made).scalar_one_or_none()
    if account_id is None:
        return False
    hints.hint(work, generation_id, State.READY, now)
    work.wake(account_id)
    return True


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
    work: Work, generation_id: int, trouble: Trouble, token: str | None = None, state: State | None = None
) -> Generation | None:
    """End a generation without a picture: the credits go back, the owner is told why.

    None when it has ended already, when `token` is given and the lease is lost, or when it has left the `state` that
    it failed in. What lies in the store is deleted.
    """
    generation = lock_with_owner(work, generation_id)
    if not generation.is_open or (token is not None and generation.lease_token != token):
        return None
    if state is not None and generation.state is not state:
        return None
    if generation.state in (State.SUBMITTING, State.SUBMITTED) and generation.request_id:
        tasks.add(work, "cancel_at_provider", str(generation_id))
    if generation.state is State.READY:
        tasks.add(work, "delete_media", str(generation_id))
    end = State.CANCELLED if trouble is Trouble.BANNED else State.FAILED
    return conclude(work, generation, end, trouble=trouble)


def is_free(now: datetime) -> sa.ColumnElement[bool]:
    """Nobody has the lease, or no longer."""
    return sa.or_(generations.c.lease_until.is_(None), generations.c.lease_until < now)


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

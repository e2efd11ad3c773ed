"""What we asked of providers: one row a try, with how it ended and what it cost us, also when nobody waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine import tasks
from engine.database import Work
from engine.ports import Done, Ended, Taken
from engine.tables import Outcome, generations, submissions


@dataclass(frozen=True)
class Submission:
    """One try. `cost_microdollars` is None while nobody knows it."""

    generation_id: int
    attempt: int
    provider: str
    outcome: Outcome
    request_id: str | None
    memo: str
    cost_microdollars: int | None
    asked_at: datetime


NOT_OVER = (Outcome.ASKED, Outcome.TAKEN)
MAY_STILL_END = (*NOT_OVER, Outcome.REJECTED, Outcome.LOST)
"""What a provider's word may end: it knows better whether it has taken what it seemed to reject."""

LONGEST_ANSWER = timedelta(hours=1)

_COLUMNS = tuple(submissions.c[name] for name in Submission.__dataclass_fields__)


def get(work: Work, generation_id: int, attempt: int) -> Submission | None:
    """One try, if there was such a one."""
    row = work.execute(sa.select(*_COLUMNS).where(*_is(generation_id, attempt))).one_or_none()
    return _read(row) if row else None


def of(work: Work, generation_id: int) -> list[Submission]:
    """Every try of a generation, in order."""
    chosen = sa.select(*_COLUMNS).where(submissions.c.generation_id == generation_id)
    return [_read(row) for row in work.execute(chosen.order_by(submissions.c.attempt))]


def current(work: Work, generation_ids: Sequence[int]) -> dict[int, Submission]:
    """By generation, the try whose request it waits for, of those that wait for one."""
    chosen = (
        sa.select(*_COLUMNS)
        .join(generations, generations.c.id == submissions.c.generation_id)
        .where(
            submissions.c.generation_id.in_(generation_ids),
            submissions.c.provider == generations.c.provider,
            submissions.c.request_id == generations.c.request_id,
        )
    )
    return {row.generation_id: _read(row) for row in work.execute(chosen)}


def ask(work: Work, generation_id: int, attempt: int, provider: str) -> None:
    """Somebody is about to ask."""
    which = {"generation_id": generation_id, "attempt": attempt}
    row = {**which, "provider": provider, "outcome": Outcome.ASKED.value, "asked_at": work.now()}
    work.execute(sa.insert(submissions).values(row))


def reject(work: Work, generation_id: int, attempt: int) -> None:
    """The provider has not taken it, which costs nothing; unless it has told otherwise meanwhile."""
    over = {"outcome": Outcome.REJECTED.value, "cost_microdollars": 0, "ended_at": work.now()}
    asked = submissions.c.outcome == Outcome.ASKED.value
    work.execute(sa.update(submissions).where(*_is(generation_id, attempt), asked).values(over))


def take(work: Work, generation_id: int, attempt: int, taken: Taken) -> None:
    """The provider has taken it, also what it seemed to reject; a webhook may have told before how it has ended."""
    may = submissions.c.outcome.in_([one.value for one in MAY_STILL_END])
    same = sa.or_(submissions.c.request_id.is_(None), submissions.c.request_id == taken.request_id)
    values = {"outcome": Outcome.TAKEN.value, "cost_microdollars": None, "ended_at": None}
    values |= {"request_id": taken.request_id, "memo": taken.memo}
    work.execute(sa.update(submissions).where(*_is(generation_id, attempt), may, same).values(values))


def finish(work: Work, generation_id: int, attempt: int, request_id: str, ended: Ended) -> bool:
    """Write down how it has ended, and its cost. False when that is known already, or it was another request."""
    outcome = Outcome.DONE if isinstance(ended, Done) else Outcome.FAILED
    finished = (
        sa.update(submissions)
        .where(
            *_is(generation_id, attempt),
            submissions.c.outcome.in_([one.value for one in MAY_STILL_END]),
            sa.or_(submissions.c.request_id.is_(None), submissions.c.request_id == request_id),
        )
        .values(
            outcome=outcome.value,
            request_id=request_id,
            cost_microdollars=ended.cost_microdollars,
            ended_at=work.now(),
        )
    )
    return work.execute(finished).rowcount == 1


def lose(work: Work, generation_id: int, attempt: int) -> None:
    """The provider no longer says what became of it, so its cost stays unknown."""
    taken = submissions.c.outcome == Outcome.TAKEN.value
    lost = {"outcome": Outcome.LOST.value, "ended_at": work.now()}
    work.execute(sa.update(submissions).where(*_is(generation_id, attempt), taken).values(lost))


def close(work: Work, generation_id: int, attempt: int | None = None) -> None:
    """Nobody waits for what a provider has taken, of this try or of all: it is stopped, and its cost asked for."""
    for submission in of(work, generation_id):
        if submission.outcome is Outcome.TAKEN and attempt in (None, submission.attempt):
            tasks.add(work, "close_at_provider", f"{generation_id}:{submission.attempt}")


def unknown(work: Work, since: datetime) -> int:
    """How many tries since then may have cost something that nobody knows: their answer got lost, or their end."""
    old = sa.and_(submissions.c.outcome == Outcome.ASKED.value, submissions.c.asked_at < work.now() - LONGEST_ANSWER)
    lost = submissions.c.outcome == Outcome.LOST.value
    chosen = sa.select(sa.func.count()).where(submissions.c.asked_at >= since, sa.or_(old, lost))
    return int(work.execute(chosen).scalar_one())


def _is(generation_id: int, attempt: int) -> tuple[sa.ColumnElement[bool], ...]:
    return submissions.c.generation_id == generation_id, submissions.c.attempt == attempt


def _read(row: sa.Row) -> Submission:  # type: ignore[type-arg]
    values = dict(row._mapping)
    return Submission(**{**values, "outcome": Outcome(values["outcome"])})

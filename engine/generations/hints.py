"""Telling a worker to look at a generation. A hint may be lost: the row says when the watcher hints again."""

from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from engine.database import Work
from engine.ports import Step
from engine.tables import State, generations

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(seconds=30)


def hint(work: Work, generation_id: int, state: State, now: datetime) -> None:
    """Raise the row's hint number, and once committed tell the workers; look again later, with growing spacing."""
    raised = (
        sa.update(generations)
        .where(generations.c.id == generation_id)
        .values(hint=generations.c.hint + 1)
        .returning(generations.c.hint)
    )
    number = int(work.execute(raised).scalar_one())
    again = sa.update(generations).where(generations.c.id == generation_id).values(look_at=now + wait(number))
    work.execute(again)
    push(work, generation_id, state, number)


def push(work: Work, generation_id: int, state: State, number: int) -> None:
    """Once committed, tell the workers of the step that this state waits for."""
    if work.queue is not None:
        step = Step.FINISH if state is State.READY else Step.SUBMIT
        work.after_commit.append(partial(work.queue.hint, step, generation_id, number))


def wait(number: int) -> timedelta:
    """How long to wait for a worker after the hint of this number."""
    return min(FIRST_WAIT * float(2 ** min(number - 1, 10)), LONGEST_WAIT)

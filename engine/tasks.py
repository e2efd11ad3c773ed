"""The duty to do something outside later: a row written in the Work that makes it due, done by the watcher."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine.database import Work
from engine.tables import tasks

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(hours=1)
LEASE = timedelta(minutes=1)


@dataclass(frozen=True)
class Task:
    """Something to do: `kind` says what, `key` to what. `attempts` counts how often it was begun."""

    id: int
    kind: str
    key: str
    attempts: int


def add(work: Work, kind: str, key: str, wait: timedelta = timedelta()) -> None:
    """Make it due, once a kind and key while it is not done."""
    now = work.now()
    known = sa.select(tasks.c.id).where(tasks.c.kind == kind, tasks.c.key == key)
    if work.execute(known).first() is None:
        with suppress(IntegrityError), work.connection.begin_nested():  # somebody else may be first
            work.execute(sa.insert(tasks).values(kind=kind, key=key, due_at=now + wait, created_at=now))


def claim(work: Work, limit: int = 20) -> list[Task]:
    """Take what is due, for a minute: whoever dies meanwhile leaves it to the next."""
    now = work.now()
    columns = (tasks.c.id, tasks.c.kind, tasks.c.key, tasks.c.attempts)
    chosen = sa.select(tasks.c.id).where(tasks.c.due_at <= now).order_by(tasks.c.due_at).limit(limit)
    ids = work.execute(chosen.with_for_update(skip_locked=True)).scalars().all()
    if not ids:
        return []
    taken = (
        sa.update(tasks)
        .where(tasks.c.id.in_(ids))
        .values(due_at=now + LEASE, attempts=tasks.c.attempts + 1)
        .returning(*columns)
    )
    return [Task(**row._mapping) for row in work.execute(taken)]


def done(work: Work, task: Task) -> None:
    """It is done; nothing is left of it."""
    work.execute(sa.delete(tasks).where(tasks.c.id == task.id))


def again(work: Work, task: Task) -> None:
    """It did not work: once more, with growing spacing."""
    wait = min(FIRST_WAIT * 2 ** min(task.attempts, 15), LONGEST_WAIT)
    work.execute(sa.update(tasks).where(tasks.c.id == task.id).values(due_at=work.now() + wait))

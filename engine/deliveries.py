"""The duty to show how a generation ended, on the platform it was asked for. Delivery never changes the charge."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.database import Work
from engine.tables import deliveries, generations
from engine.trace import tracing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """What to show to whom: the generation says it all; `address` is in words of the platform."""

    id: int
    account_id: int
    generation_id: int
    platform: str
    address: str
    locale: str
    attempts: int
    trace: str


def add(work: Work, generation_id: int, platform: str) -> None:
    """Owe the result of a generation to the platform that asked for it."""
    now = work.now()
    owed = {"generation_id": generation_id, "platform": platform, "not_before": now, "created_at": now}
    work.execute(sa.insert(deliveries).values(**owed))


def claim(work: Work, platform: str, limit: int = 20, seconds: int = 30) -> list[Delivery]:
    """Take what a platform has to show now, for so many seconds: whoever dies meanwhile leaves it to the next."""
    return _claim(work, deliveries.c.platform == platform, limit, seconds)


def claim_of(work: Work, platform: str, account_id: int, limit: int = 20, seconds: int = 30) -> list[Delivery]:
    """The same, of one account."""
    owned = sa.select(generations.c.id).where(generations.c.account_id == account_id)
    return _claim(
        work, sa.and_(deliveries.c.platform == platform, deliveries.c.generation_id.in_(owned)), limit, seconds
    )


def done(work: Work, delivery: Delivery) -> None:
    """Shown."""
    _end(work, delivery, "done", None)
    work.after_commit.append(partial(_told, delivery))


def later(work: Work, delivery: Delivery, seconds: float) -> None:
    """Not now: the platform wants so many seconds of silence, or could not be reached."""
    wait = work.now() + timedelta(seconds=seconds)
    work.execute(sa.update(deliveries).where(*_pending(delivery)).values(not_before=wait))


def give_up(work: Work, delivery: Delivery, reason: str) -> None:
    """It cannot be shown there, ever: it waits where its owner finds it."""
    _end(work, delivery, "undeliverable", reason)


def _claim(work: Work, chosen: sa.ColumnElement[bool], limit: int, seconds: int) -> list[Delivery]:
    now = work.now()
    due = sa.select(deliveries.c.id).where(chosen, deliveries.c.state == "pending", deliveries.c.not_before <= now)
    first = due.order_by(deliveries.c.not_before).limit(limit).with_for_update(skip_locked=True)
    ids = work.execute(first).scalars().all()
    if not ids:
        return []
    taken = {"not_before": now + timedelta(seconds=seconds), "attempts": deliveries.c.attempts + 1}
    work.execute(sa.update(deliveries).where(deliveries.c.id.in_(ids)).values(taken))
    return [Delivery(**row._mapping) for row in work.execute(_FULL.where(deliveries.c.id.in_(ids)))]


def _end(work: Work, delivery: Delivery, state: str, reason: str | None) -> None:
    ended = {"state": state, "reason": reason, "done_at": work.now()}
    work.execute(sa.update(deliveries).where(*_pending(delivery)).values(ended))


def _told(delivery: Delivery) -> None:
    with tracing(delivery.trace):
        log.info("delivered on %s", delivery.platform)


def _pending(delivery: Delivery) -> tuple[sa.ColumnElement[bool], ...]:
    return (deliveries.c.id == delivery.id, deliveries.c.state == "pending")


_FULL: sa.Select[Any] = sa.select(
    deliveries.c.id,
    generations.c.account_id,
    deliveries.c.generation_id,
    deliveries.c.platform,
    generations.c.address,
    generations.c.locale,
    deliveries.c.attempts,
    generations.c.trace,
).join(generations, generations.c.id == deliveries.c.generation_id)

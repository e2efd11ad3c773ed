"""What operators must know: one row a matter while it lasts, however often it is met."""

import logging
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine.database import Work
from engine.tables import alerts

log = logging.getLogger(__name__)

LONGEST_DETAIL = 500


@dataclass(frozen=True)
class Alert:
    """A matter that lasts: its kind, what it is about, what was met last, and how often since when (UTC)."""

    kind: str
    key: str
    detail: str
    times: int
    first_at: datetime
    last_at: datetime


def alert(work: Work, kind: str, key: str, detail: str) -> None:
    """Write it down, and into the log."""
    log.error("alert %s %s: %s", kind, key, detail)
    now, detail = work.now(), detail[:LONGEST_DETAIL]
    again = sa.update(alerts).where(*_lasts(kind, key)).values(times=alerts.c.times + 1, last_at=now, detail=detail)
    if work.execute(again).rowcount:
        return
    first = {"kind": kind, "key": key, "detail": detail, "first_at": now, "last_at": now}
    try:
        with work.connection.begin_nested():
            work.execute(sa.insert(alerts).values(first))
    except IntegrityError:  # somebody else was first between our look and our insert
        work.execute(again)


def end(work: Work, kind: str, key: str) -> bool:
    """It is over. False when there was nothing."""
    ended = sa.update(alerts).where(*_lasts(kind, key)).values(ended_at=work.now())
    return bool(work.execute(ended).rowcount)


def lasting(work: Work) -> list[Alert]:
    """Whatever is not over, oldest first."""
    columns = (alerts.c[name] for name in ("kind", "key", "detail", "times", "first_at", "last_at"))
    chosen = sa.select(*columns).where(alerts.c.ended_at.is_(None)).order_by(alerts.c.first_at, alerts.c.id)
    return [Alert(**row._mapping) for row in work.execute(chosen)]


def _lasts(kind: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return alerts.c.kind == kind, alerts.c.key == key, alerts.c.ended_at.is_(None)

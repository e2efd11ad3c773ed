"""Whom to ask for a picture: a provider that failed five times in a row with a model is left alone for a while.

Then one generation probes it, and the others wait for how that ends: it closes again, or opens for longer. A provider
that does not let us in is left alone with all its models, until it takes a request again.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine import alerts
from engine.catalog import Model
from engine.database import Work
from engine.ports import Trouble
from engine.settings import Settings
from engine.tables import circuits

FAILURES = 5
REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)
PROBE = timedelta(minutes=2)
"""How long the others wait for a probe: whoever made it may be dead."""

SOON = timedelta(seconds=5)
EVERY = "*"
"""Instead of a model: all that a provider draws, when it does not let us in."""

OURS = (Trouble.REFUSED, Trouble.UNFIT)
"""Troubles that the asker has made: a provider that says so works."""


def order(settings: Settings, model: Model) -> list[str]:
    """Who may draw with this model, first choice first."""
    chosen = [name for name in model.providers or settings.drawing if name in settings.drawing]
    return chosen or list(settings.drawing)


def choose(work: Work, model: Model, generation_id: int, but: str | None = None) -> str | None:
    """The provider to ask now, if there is one: `but`, who has just failed, only where nobody else is left."""
    names = order(work.settings, model)
    names.sort(key=lambda name: name == but)  # keeps the order otherwise
    for name in names:
        if _may_ask(work, name, model.id, generation_id):
            return name
    return None


def rests_until(work: Work, model: Model) -> datetime | None:
    """When somebody can be asked for this model again; None when somebody can be now."""
    return resting(work, [model]).get(model.id)


def resting(work: Work, models: Sequence[Model]) -> dict[str, datetime]:
    """By id, until when a model rests, of those that nobody can be asked for now."""
    now = work.now()
    known = (circuits.c.open_until > now, circuits.c.model_id.in_((EVERY, *(model.id for model in models))))
    rows = work.execute(sa.select(circuits).where(*known)).all()
    found = {}
    for model in models if rows else ():
        about = (model.id, EVERY)
        until = [
            max((_likely(row, now) for row in rows if row.provider == name and row.model_id in about), default=now)
            for name in order(work.settings, model)
        ]
        if min(until) > now:
            found[model.id] = min(until)
    return found


def _likely(row: sa.Row[Any], now: datetime) -> datetime:
    """When it is tried again: while somebody probes, that may be known any moment."""
    until: datetime = row.open_until
    return until if row.probe is None else min(until, now + SOON)


def works(work: Work, provider: str, model_id: str) -> None:
    """It has done what it was asked, or has said why not: forget what went wrong before."""
    if _closes(work, provider, model_id):
        alerts.end(work, "circuit", f"{provider}:{model_id}")


def shuts_us_out(work: Work, provider: str) -> bool:
    """Whether it did not let us in when it was asked last."""
    return work.execute(_ANY, {"provider": provider, "model": EVERY}).first() is not None


def takes(work: Work, provider: str) -> None:
    """It takes requests, so our key is good there, and our money."""
    if _closes(work, provider, EVERY):
        alerts.end(work, "provider", provider)


def fails(work: Work, provider: str, model_id: str, generation_id: int, detail: str) -> None:
    """Count it. The fifth in a row and a failed probe open the circuit."""
    if rest := _count(work, provider, model_id, generation_id, FAILURES):
        told = f"left alone for {rest.total_seconds():.0f} s: {detail}"
        alerts.alert(work, "circuit", f"{provider}:{model_id}", told)


def rejects_us(work: Work, provider: str, generation_id: int, detail: str) -> None:
    """Our key or our money is not good there: all its models are left alone, at once."""
    _count(work, provider, EVERY, generation_id, 1)
    alerts.alert(work, "provider", provider, f"our key or our money is not good there: {detail}")


def _count(work: Work, provider: str, model_id: str, generation_id: int, most: int) -> timedelta | None:
    """One more failure; how long it rests now, when this one has opened the circuit."""
    row, now = _locked(work, provider, model_id), work.now()
    values: dict[str, object] = {"failures": row.failures + 1}
    rest = None
    rests = row.open_until is not None and row.open_until > now and row.probe != generation_id
    if not rests and row.failures + 1 >= most:
        rest = min(REST * 2 ** min(row.openings, 10), LONGEST_REST)
        values |= {"open_until": now + rest, "openings": row.openings + 1, "probe": None}
    work.execute(sa.update(circuits).where(*_is(provider, model_id)).values(values))
    return rest


def _closes(work: Work, provider: str, model_id: str) -> bool:
    """Forget it. True when it was open."""
    if work.execute(_ANY, {"provider": provider, "model": model_id}).first() is None:  # so it is nearly always
        return False
    closed = sa.delete(circuits).where(*_is(provider, model_id)).returning(circuits.c.openings)
    row = work.execute(closed).one_or_none()
    return bool(row and row.openings)


def _locked(work: Work, provider: str, model_id: str) -> sa.Row[Any]:
    """Its row until the Work ends, made now when there was none."""
    chosen = sa.select(circuits).where(*_is(provider, model_id)).with_for_update()
    while (row := work.execute(chosen).one_or_none()) is None:
        with suppress(IntegrityError), work.connection.begin_nested():  # somebody else may be first
            work.execute(sa.insert(circuits).values(provider=provider, model_id=model_id, failures=0))
    return row


def _may_ask(work: Work, provider: str, model_id: str, generation_id: int) -> bool:
    """Whether nothing is open, or this generation is the one that probes what is: of several at once, one."""
    mine = (
        circuits.c.provider == provider,
        circuits.c.model_id.in_((model_id, EVERY)),
        circuits.c.open_until.is_not(None),
    )
    if all(work.execute(_ANY, {"provider": provider, "model": one}).first() is None for one in (model_id, EVERY)):
        return True
    is_open = work.execute(sa.select(circuits).where(*mine).order_by(circuits.c.model_id).with_for_update()).all()
    now = work.now()
    if any(row.open_until > now for row in is_open):
        return False
    work.execute(sa.update(circuits).where(*mine).values(open_until=now + PROBE, probe=generation_id))
    return True


def _is(provider: str, model_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return circuits.c.provider == provider, circuits.c.model_id == model_id


# Built once: every submit and every result asks, and nearly always there is no such row.
_ANY = sa.select(circuits.c.failures).where(
    circuits.c.provider == sa.bindparam("provider"), circuits.c.model_id == sa.bindparam("model")
)

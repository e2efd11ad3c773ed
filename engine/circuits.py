"""Whom to ask for a picture: a provider that failed five times in a row with a model is left alone for a while.

Then one generation probes it, and the others wait for how that ends: it closes again, or opens for longer.
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
from engine.tables import State, circuits, generations

FAILURES = 5
REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=10)
PROBE = timedelta(minutes=2)
"""How long the others wait for a probe: whoever made it may be dead."""

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
    open_until = _open_until(work, model.id, names)
    now = work.now()
    for name in names:
        until = open_until.get(name)
        if until is None or (until <= now and _probes(work, name, model.id, generation_id, until, now)):
            return name
    return None


def rests_until(work: Work, model: Model) -> datetime | None:
    """When somebody can be asked for this model again; None when somebody can be now."""
    return resting(work, [model]).get(model.id)


def resting(work: Work, models: Sequence[Model]) -> dict[str, datetime]:
    """By id, until when a model rests, of those that nobody can be asked for now."""
    now = work.now()
    known = (circuits.c.open_until > now, circuits.c.model_id.in_([model.id for model in models]))
    open_until = {
        (row.model_id, row.provider): row.open_until for row in work.execute(sa.select(circuits).where(*known))
    }
    found = {}
    for model in models if open_until else ():
        until = [open_until.get((model.id, name)) for name in order(work.settings, model)]
        rests = [one for one in until if one is not None]
        if len(rests) == len(until):
            found[model.id] = min(rests)
    return found


def works(work: Work, provider: str, model_id: str) -> None:
    """It has done what it was asked, or has said why not: forget what went wrong before. Nobody waits any longer."""
    closed = sa.delete(circuits).where(*_is(provider, model_id)).returning(circuits.c.openings)
    row = work.execute(closed).one_or_none()
    if row and row.openings:
        alerts.end(work, "circuit", f"{provider}:{model_id}")
        alerts.end(work, "provider", provider)
        _resume(work, model_id)


def fails(work: Work, provider: str, model_id: str, generation_id: int, detail: str, is_ours: bool = False) -> None:
    """Count it. The fifth in a row, a failed probe and what is wrong with our own key (`is_ours`) open the circuit."""
    row = _locked(work, provider, model_id)
    values: dict[str, object] = {"failures": row.failures + 1}
    now = work.now()
    rests = row.open_until is not None and row.open_until > now and row.probe != generation_id
    if not rests and (is_ours or row.failures + 1 >= FAILURES):
        rest = min(REST * 2 ** min(row.openings, 10), LONGEST_REST)
        values |= {"open_until": now + rest, "openings": row.openings + 1, "probe": None}
        alerts.alert(
            work, "circuit", f"{provider}:{model_id}", f"left alone for {rest.total_seconds():.0f} s: {detail}"
        )
    work.execute(sa.update(circuits).where(*_is(provider, model_id)).values(values))
    if is_ours:
        alerts.alert(work, "provider", provider, f"our key or our money is not good there: {detail}")


def _locked(work: Work, provider: str, model_id: str) -> sa.Row[Any]:
    """Its row until the Work ends, made now when there was none."""
    chosen = sa.select(circuits).where(*_is(provider, model_id)).with_for_update()
    row = work.execute(chosen).one_or_none()
    if row is None:
        with suppress(IntegrityError), work.connection.begin_nested():  # somebody else may be first
            work.execute(sa.insert(circuits).values(provider=provider, model_id=model_id, failures=0))
        row = work.execute(chosen).one()
    return row


def _resume(work: Work, model_id: str) -> None:
    """Those in line for this model are hinted at in the next round: they were to wait as long as a probe may take."""
    # Who is just being worked on is passed over: waiting for his row here could be waiting for each other.
    in_line = (generations.c.state == State.QUEUED.value, generations.c.model_id == model_id)
    idle = sa.select(generations.c.id).where(*in_line, generations.c.lease_token.is_(None))
    ids = idle.with_for_update(skip_locked=True)
    work.execute(sa.update(generations).where(generations.c.id.in_(ids)).values(look_at=work.now()))


def _open_until(work: Work, model_id: str, names: Sequence[str]) -> dict[str, datetime]:
    is_open = (circuits.c.model_id == model_id, circuits.c.provider.in_(names), circuits.c.open_until.is_not(None))
    rows = work.execute(sa.select(circuits.c.provider, circuits.c.open_until).where(*is_open))
    return {row.provider: row.open_until for row in rows}


def _probes(work: Work, provider: str, model_id: str, generation_id: int, until: datetime, now: datetime) -> bool:
    """Whether this generation is the one that probes: of several at once, one."""
    claimed = sa.update(circuits).where(*_is(provider, model_id), circuits.c.open_until == until)
    return bool(work.execute(claimed.values(open_until=now + PROBE, probe=generation_id)).rowcount)


def _is(provider: str, model_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return circuits.c.provider == provider, circuits.c.model_id == model_id

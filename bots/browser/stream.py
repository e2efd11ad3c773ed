"""What a browser is told without asking: one stream of events. While it waits it holds neither thread nor session."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from bots.browser import desk, fragments, shown
from bots.browser.desk import PLATFORM, Desk
from bots.browser.front import Front
from bots.browser.shown import Shown
from bots.browser.visitor import Visitor
from engine import deliveries, history
from engine.database import Work
from engine.deliveries import Delivery
from engine.errors import Busy, NotFound

WHILE_RUNNING, OTHERWISE = 2.0, 5.0
"""Seconds between looks; a wake-up makes one at once, but what another program writes rings no bell here."""
HEARTBEAT = 15.0
OVERLAP = 5_000_000
"""Microseconds told twice: a commit may be seen later than the moment written in it. Telling twice is harmless."""
RETRY = 2000


@dataclass
class Told:
    """What this stream has told: the version of each generation, and the badge."""

    generations: dict[int, str] = field(default_factory=dict)
    badge: Mapping[str, object] | None = None


async def events(front: Front, visitor: Visitor, since: int | None) -> AsyncIterator[bytes]:
    """The state, then what changes, until the server stops, the visitor goes, or a newer stream takes the seat."""
    told, at = Told(), time.monotonic()
    with front.seats.take(visitor.user_id or "") as leave:
        account_id = 0
        while not (front.stopping.is_set() or leave.is_set()):
            with front.bells.listen(account_id) as heard:
                found = await _look(front, visitor, since)
                if found and (found.account_id or 0) != account_id:
                    account_id = found.account_id or 0
                    continue  # listen first, then look: nothing is missed between the two
                async for event in _news(front, visitor, told, found):
                    at = time.monotonic()
                    yield event
                if found:
                    since = found.at
                if time.monotonic() - at >= HEARTBEAT:
                    at = time.monotonic()
                    yield KEEPALIVE_COMMENT
                await _first(_pause(found), heard, leave, front.stopping)
        if leave.is_set():
            yield _event("taken", {})


async def _look(front: Front, visitor: Visitor, since: int | None) -> Desk | None:
    """What there is now; None while too much is going on."""

    def look() -> Desk:
        with front.database.read() as work:
            return desk.look(work, visitor.user_id, visitor.locale, None if since is None else since - OVERLAP)

    try:
        return await front.looking.run(look)
    except Busy:
        return None


async def _news(front: Front, visitor: Visitor, told: Told, found: Desk | None) -> AsyncIterator[bytes]:
    """What of it the browser does not know yet. What has ended is delivered once it was handed to the network."""
    if found is None:
        return
    fresh = [one for one in found.generations if told.generations.get(one.id) != one.version]
    badge = fragments.badge(front, visitor, found)
    is_first = told.badge is None
    if is_first:
        pieces = [fragments.generation(front, found.language, one) for one in fresh]
        yield _event("state", {**badge, "generations": pieces}, found.at)
    else:
        for one in fresh:
            yield _event("generation", fragments.generation(front, found.language, one), found.at)
        if badge != told.badge:
            yield _event("badge", badge, found.at)
    told.badge = badge
    told.generations |= {one.id: one.version for one in fresh}
    if found.account_id and (is_first or any(not one.is_running for one in fresh)):
        async for event in _deliver(front, found, told):
            yield event


async def _deliver(front: Front, found: Desk, told: Told) -> AsyncIterator[bytes]:
    """Mark what was owed as shown; what this stream has not told yet is told first."""
    try:
        owed, missed = await front.looking.run(lambda: front.database.run(lambda work: _owed(work, found, told)))
        for one in missed:
            yield _event("generation", fragments.generation(front, found.language, one), found.at)
            told.generations[one.id] = one.version
        if owed:
            await front.looking.run(lambda: front.database.run(lambda work: _mark(work, owed)))
    except Busy:
        return  # the claim runs out, and the next stream shows it


def _owed(work: Work, found: Desk, told: Told) -> tuple[list[Delivery], list[Shown]]:
    owed = deliveries.claim_of(work, PLATFORM, found.account_id or 0)
    missing = [one.generation_id for one in owed if one.generation_id not in told.generations]
    balance = history.balance(work, found.account_id or 0) if missing else None
    missed = []
    for generation_id in missing:
        try:
            missed.append(shown.one_shown(work, balance, generation_id)) if balance else None
        except NotFound:
            continue
    return owed, missed


def _mark(work: Work, owed: list[Delivery]) -> None:
    for delivery in owed:
        deliveries.done(work, delivery)


def _pause(found: Desk | None) -> float:
    return WHILE_RUNNING if found is None or found.is_running else OTHERWISE


async def _first(timeout: float, *awaited: asyncio.Event) -> None:
    """Wait for any of these events, but not for ever."""
    tasks = [asyncio.ensure_future(event.wait()) for event in awaited]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _event(kind: str, data: Mapping[str, object], at: int | None = None) -> bytes:
    number = str(at) if at is not None else None
    return format_sse_event(data_str=json.dumps(data, ensure_ascii=False), event=kind, id=number, retry=RETRY)

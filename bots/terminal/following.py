"""Follows a generation until its end, and shows results that are still owed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from rich.console import Console
from rich.live import Live

from bots.commands import results
from bots.commands.conversation import Picture, Reply, Request
from bots.commands.dispatch import dispatch
from bots.commands.plain import plain
from bots.terminal.drawing import draw, frame, note
from engine import accounts, deliveries
from engine.database import Database, Work
from engine.deliveries import Delivery

PLATFORM = "terminal"


@dataclass(frozen=True)
class Seat:
    """Who sits at which screen: `where` says where a picture is, `pause` passes between two looks at it."""

    database: Database
    console: Console
    user_id: str
    locale: str
    where: Callable[[Picture], str]
    pause: Callable[[], None]


def request(seat: Seat) -> Request:
    """A request of whoever sits here, still without a command."""
    return Request(PLATFORM, seat.user_id, "", "", locale=seat.locale, address=PLATFORM)


def follow(seat: Seat, reply: Reply) -> Reply:
    """Show how far a running generation is until it ends, and return how it looks then; other answers at once.

    Ctrl-C stops looking: the picture goes on.
    """
    if not _is_running(reply):
        return reply
    try:
        ended = _watch_live(seat, reply) if seat.console.is_terminal else _watch_lines(seat, reply)
    except KeyboardInterrupt:
        note(seat.console, reply.language, "terminal.goes_on")
        return reply
    draw(seat.console, ended, seat.where)
    show_owed(seat, ended.generation_id)
    return ended


def show_owed(seat: Seat, shown: int | None = None) -> None:
    """Whatever ended while nobody looked; `shown` is a generation that is on the screen already."""
    for delivery, reply in seat.database.run(lambda work: _owed(work, seat)):
        if delivery.generation_id != shown:
            draw(seat.console, reply, seat.where)
        seat.database.run(partial(deliveries.done, delivery=delivery))


def _watch_live(seat: Seat, reply: Reply) -> Reply:
    with Live(frame(reply), console=seat.console, transient=True) as live:
        while _is_running(reply):
            seat.pause()
            reply = _look(seat, reply)
            live.update(frame(reply))
    return reply


def _watch_lines(seat: Seat, reply: Reply) -> Reply:
    while _is_running(reply):
        seat.pause()
        before, reply = reply, _look(seat, reply)
        if _is_running(reply) and plain(reply) != plain(before):
            draw(seat.console, reply, seat.where)
    return reply


def _look(seat: Seat, reply: Reply) -> Reply:
    options: dict[str, str | int | bool] = {"id": reply.generation_id or 0}
    return dispatch(seat.database, replace(request(seat), command="last", options=options))


def _is_running(reply: Reply) -> bool:
    return reply.card is not None and reply.card.look == "progress"


def _owed(work: Work, seat: Seat) -> list[tuple[Delivery, Reply]]:
    account_id = accounts.find(work, PLATFORM, seat.user_id)
    if account_id is None:
        return []
    claimed = deliveries.claim_of(work, PLATFORM, account_id)
    return [(each, results.show(work, account_id, each.generation_id, each.locale)) for each in claimed]

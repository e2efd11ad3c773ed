"""The door of the command layer: a Request in, a Reply out, one commit between; a Refusal becomes a card."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from bots import commands
from bots.commands import parsing, refusals, rights
from bots.commands.conversation import Button, Card, Command, Reply, Request, Row, Text
from bots.commands.language import language
from bots.commands.picker import dismiss
from bots.commands.shortages import try_again
from bots.texts import language_of
from engine import accounts, trace
from engine.database import Database, Work
from engine.errors import AccountClosed, Busy, Refusal

log = logging.getLogger(__name__)


def dispatch(database: Database, request: Request) -> Reply:
    """Answer a request. Never raises: what goes wrong on our side is logged under the id that the answer names."""
    return _answered(database, request, lambda traced: perform(database, traced))


def hear(database: Database, request: Request, line: str) -> Reply:
    """Answer a line that was typed: `request` says who and where, the line says the rest."""
    try:
        command, options = parsing.read(line, commands.COMMANDS)
    except parsing.BadLine as bad:
        refusal = bad
        return _answered(database, request, lambda traced: refused(database, traced, refusal))
    return dispatch(database, replace(request, command=command.name, options=options))


def perform(database: Database, request: Request) -> Reply:
    """The same for a caller with a language of his own for refusals. Raises Refusal, and whatever goes wrong."""
    command = commands.by_name(request.command)
    checked = replace(request, options=parsing.checked(command, request.options))
    try:
        return _run(database, command, checked)
    except AccountClosed:  # joined into another one between our look and our lock: look again
        return _run(database, command, checked)


def _answered(database: Database, request: Request, answer: Callable[[Request], Reply]) -> Reply:
    traced = replace(request, trace=request.trace or trace.current() or trace.new())
    with trace.tracing(traced.trace):
        try:
            try:
                return answer(traced)
            except Refusal as refusal:
                return refused(database, traced, refusal)
        except Exception:
            log.exception("trouble %s: /%s on %s", traced.trace, traced.command, traced.platform)
            return _trouble(traced)


def _trouble(request: Request) -> Reply:
    sorry = Text("refusal.trouble", {"id": request.trace})
    ways = (try_again(request), dismiss())
    return Reply(text=sorry, buttons=ways, is_refusal=True, language=language_of(request.locale))


def _run(database: Database, command: Command, request: Request) -> Reply:
    if command.is_read:
        with database.read() as work:
            account_id = _account(work, request)
            if account_id is not None:
                return _reply(work, command, replace(request, account_id=account_id))
    return database.run(lambda work: _reply(work, command, _known(work, request)))


def _reply(work: Work, command: Command, request: Request) -> Reply:
    rights.check(work, command, request)
    asked = replace(request, language=language(work, request.account_id, request.locale))
    reply = command.run(work, asked)
    return _finished(replace(reply, is_private=reply.is_private or command.is_private), asked.language)


def _known(work: Work, request: Request) -> Request:
    """The request with its account; a stranger becomes a guest in this same Work."""
    account_id = _account(work, request)
    if account_id is None:
        account_id = accounts.find_or_create(work, request.platform, request.user_id)
    return replace(request, account_id=account_id)


def _account(work: Work, request: Request) -> int | None:
    if request.account_id:
        return accounts.survivor(work, request.account_id)
    return accounts.find(work, request.platform, request.user_id)


def refused(database: Database, request: Request, refusal: Refusal) -> Reply:
    """The card of a refusal, read from a new Work: the refused one is rolled back."""
    try:
        with database.read() as work:
            account_id = _account(work, request) or 0
            spoken = language(work, account_id, request.locale)
            asked = replace(request, account_id=account_id, language=spoken)
            return _finished(refusals.card(work, asked, refusal), spoken)
    except Busy as busy:
        return _finished(refusals.busy(request, busy), language_of(request.locale))


def _finished(reply: Reply, spoken: str) -> Reply:
    """In a language, and without buttons and sentences for commands that do not exist (yet)."""
    card = reply.card and _card(reply.card)
    return replace(reply, card=card, buttons=_existing(reply.buttons), language=reply.language or spoken)


def _card(card: Card) -> Card:
    return replace(card, lines=_sayable(card.lines), rows=tuple(_row(row) for row in card.rows))


def _row(row: Row) -> Row:
    button, extra = _existing((row.button,)), _existing((row.extra,))
    details = _sayable(row.details)
    return replace(row, details=details, button=button[0] if button else None, extra=extra[0] if extra else None)


def _existing(buttons: Sequence[Button | None]) -> tuple[Button, ...]:
    return tuple(button for button in buttons if button and _exists(button.command))


def _sayable(lines: Sequence[Text]) -> tuple[Text, ...]:
    return tuple(line for line in lines if _exists(line.only_with))


def _exists(name: str) -> bool:
    return not name or any(command.name == name for command in commands.COMMANDS)

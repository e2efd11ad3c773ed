"""/credits: what can be spent, where it came from, when the day tops up, what happened last."""

from bots.commands import badge, statement
from bots.commands.conversation import Button, Card, Command, Meter, Reply, Request, Row, Text, Tone
from bots.texts import Amount, Bytes, Number
from engine import history
from engine.database import Work
from engine.history import Balance, Part

LAST = 5


def run(work: Work, request: Request) -> Reply:
    """The badge with its meters, every part of the balance, and the last transactions."""
    balance = history.balance(work, request.account_id)
    shown = badge.of(work, balance)
    last = history.statement(work, request.account_id, limit=LAST).lines
    rows = [_part(part, balance) for part in balance.parts if part.spendable or part.held or part.frozen]
    if last:
        rows += [Row(Text("credits.last")), *(statement.row(line) for line in last)]
    lines = _guest_lines(balance) if balance.guest else _member_lines(balance)
    card = Card("coin", shown.text, shown.tone, lines, (shown.meter, _storage(balance)), tuple(rows))
    return Reply(card=card, buttons=_buttons(balance, bool(last)))


def _guest_lines(balance: Balance) -> tuple[Text, ...]:
    assert balance.guest is not None
    lines = [Text("credits.guest")]
    if balance.guest.returns_at:
        lines.append(Text("credits.slot_returns", {"left": balance.guest.returns_at - balance.at}))
    return (*lines, Text("credits.offer"))


def _member_lines(balance: Balance) -> tuple[Text, ...]:
    lines = [Text("credits.spendable", {"amount": Amount(balance.spendable)})]
    if balance.is_low:
        lines.append(Text("credits.low"))
    if balance.held:
        lines.append(Text("credits.held", {"amount": Amount(balance.held)}))
    if balance.frozen:
        lines.append(Text("credits.frozen", {"amount": Amount(balance.frozen)}))
    if balance.owed:
        lines.append(Text("credits.owed", {"amount": Amount(balance.owed)}))
    if balance.day and balance.day.limit:
        facts = {"limit": Number(balance.day.limit), "left": balance.day.tops_up_at - balance.at}
        lines.append(Text("credits.tops_up", facts))
    return tuple(lines)


def _part(part: Part, balance: Balance) -> Row:
    details = [Text("credits.part", {"amount": Amount(part.spendable)})]
    if part.held:
        details.append(Text("credits.part_held", {"amount": Amount(part.held)}))
    if part.frozen:
        details.append(Text("credits.part_frozen", {"amount": Amount(part.frozen)}))
    if part.expires_at:
        details.append(Text("credits.until", {"left": part.expires_at - balance.at}))
    return Row(Text(f"source.{part.source.value}"), tuple(details))


def _storage(balance: Balance) -> Meter:
    facts = {"used": Bytes(balance.bytes_used), "limit": Bytes(balance.bytes_limit)}
    tone = Tone.OUT if balance.bytes_used >= balance.bytes_limit else Tone.GOOD
    return Meter(balance.bytes_used, max(balance.bytes_limit, 1), tone, Text("credits.storage", facts))


def _buttons(balance: Balance, has_history: bool) -> tuple[Button, ...]:
    sign_up = (Button(Text("buttons.sign_up"), "signup", is_main=True),) if balance.guest else ()
    more = (Button(Text("buttons.history"), "history"),) if has_history else ()
    return (*sign_up, Button(Text("buttons.buy"), "buy"), *more)


COMMAND = Command("credits", run, is_private=True, is_read=True)

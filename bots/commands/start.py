"""/start: who you are here, what is free, and something to begin with."""

from bots.commands import examples
from bots.commands.badge import badge
from bots.commands.conversation import Button, Card, Command, Option, Reply, Request, Text
from bots.texts import Amount, Number
from engine import history
from engine.database import Work
from engine.history import Balance


def run(work: Work, request: Request) -> Reply:
    """A greeting that a guest and a member each find their own numbers in."""
    balance = history.balance(work, request.account_id)
    shown = badge(work, request.account_id)
    lines = (_who(work, balance), Text("start.how"))
    card = Card("person", Text("start.title", {"name": work.settings.name}), shown.tone, lines, (shown.meter,))
    ways = (Button(Text("buttons.sign_up"), "signup"),) if balance.guest else ()
    return Reply(card=card, buttons=(*examples.buttons(work, request), *ways, Button(Text("start.help"), "help")))


def _who(work: Work, balance: Balance) -> Text:
    if balance.guest:
        return Text("start.guest", {"left": balance.guest.left, "limit": balance.guest.limit})
    if balance.day and balance.day.limit:
        return Text("start.member", {"amount": Amount(balance.spendable), "limit": Number(balance.day.limit)})
    return Text("start.no_day", {"amount": Amount(balance.spendable)})


# A link may bring words along; they mean nothing yet.
COMMAND = Command("start", run, options=(Option("code", is_required=True, is_hidden=True),))

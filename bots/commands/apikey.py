"""/apikey: personal keys for the API: make one, see them, end them."""

from bots.commands.conversation import Button, Card, Command, Kind, Option, Reply, Request, Row, Text
from engine import keys
from engine.database import Work
from engine.keys import Key


def run(work: Work, request: Request) -> Reply:
    """The keys that live; a new one shows its secret this once. Raises TooManyKeys, NotFound."""
    if request.options.get("new"):
        return _made(work, request)
    lines = []
    if (ended := request.options.get("revoke")) is not None:
        keys.revoke(work, request.account_id, int(ended))
        lines.append(Text("apikey.revoked", {"id": ended}))
    living = keys.all_keys(work, request.account_id)
    lines.append(Text("apikey.how") if living else Text("apikey.none"))
    card = Card("list", Text("apikey.title"), lines=tuple(lines), rows=tuple(_row(key) for key in living))
    return Reply(card=card, buttons=(Button(Text("apikey.make"), "apikey", {"new": True}),), is_private=True)


def _made(work: Work, request: Request) -> Reply:
    fresh = keys.create(work, request.account_id)
    lines = (Text("apikey.secret", {"secret": fresh.secret}), Text("apikey.once"), Text("apikey.use"))
    end = Button(Text("apikey.revoke"), "apikey", {"revoke": fresh.id})
    return Reply(
        card=Card("list", Text("apikey.made"), lines=lines),
        buttons=(Button(Text("apikey.copied"), "", is_main=True), end),
        is_private=True,
    )


def _row(key: Key) -> Row:
    used = Text("apikey.used", {"at": key.last_used_at}) if key.last_used_at else Text("apikey.unused")
    details = (Text("apikey.created", {"at": key.created_at}), used)
    end = Button(Text("apikey.revoke"), "apikey", {"revoke": key.id})
    return Row(Text("apikey.key", {"id": key.id, "hint": key.hint}), details, end)


COMMAND = Command("apikey", run, options=(Option("new", Kind.FLAG), Option("revoke", Kind.INTEGER)), is_private=True)

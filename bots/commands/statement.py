"""The lines of the statement in words: what, when, change, balance."""

from bots.commands.conversation import Row, Text
from bots.texts import Amount, Change, Number
from engine.history import Line

PLAIN = {
    "daily": Text("statement.daily"),
    "welcome": Text("statement.welcome"),
    "lapse": Text("statement.lapse"),
    "revoke": Text("statement.revoke"),
    "give": Text("statement.give"),
    "receive": Text("statement.receive"),
    "link": Text("statement.link"),
    "join": Text("statement.link"),
    "move": Text("statement.link"),
    "once": Text("statement.once"),
    "reversal": Text("statement.reversal"),
}
"""Kinds of transactions that need nothing but their name."""


def row(line: Line) -> Row:
    """One line of the statement."""
    change = (Text("statement.change", {"change": Change(line.change)}),) if line.change else ()
    balance = Text("statement.balance", {"balance": Number(line.balance)})
    return Row(words(line), (*change, balance, Text("statement.at", {"at": line.at})))


def words(line: Line) -> Text:
    """What happened."""
    match line.kind:
        case "hold":
            return Text("statement.hold", {"id": _about(line)})
        case "settle":
            return _settled(line)
        case "grant":
            return _granted(line)
        case "debt":
            return Text("statement.debt_paid") if line.change <= 0 else Text("statement.debt_returned")
        case kind:
            return PLAIN.get(kind, Text("statement.other", {"kind": kind}))


def _settled(line: Line) -> Text:
    """Charged, given back, or both. What a refund of its purchase has claimed meanwhile comes back to nobody."""
    facts = {"id": _about(line), "spent": Amount(line.spent)}
    if line.spent and line.change:
        return Text("statement.charged_in_part", facts)
    if line.spent:
        return Text("statement.charged", facts)
    return Text("statement.returned", facts) if line.change else Text("statement.taken_back", facts)


def _granted(line: Line) -> Text:
    if line.key.startswith("purchase:"):
        return Text("statement.purchase")
    return Text("statement.from_operator") if line.key.startswith("admin:") else Text("statement.grant")


def _about(line: Line) -> str:
    return line.key.rpartition(":")[2]

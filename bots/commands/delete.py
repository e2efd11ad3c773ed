"""/delete: make room by deleting own pictures, for good, after a question."""

import re
from contextlib import suppress

from bots.commands.conversation import Button, Card, Command, Kind, Meter, Option, Reply, Request, Row, Text, Tone
from bots.commands.picker import dismiss
from bots.commands.wishes import echo
from bots.texts import Bytes
from engine import generations, history, storage
from engine.database import Work
from engine.errors import NotFound
from engine.storage import KeptGeneration

ID = re.compile(r"[1-9][0-9]{0,17}")
AT_ONCE = 10
MOST = 100


def run(work: Work, request: Request) -> Reply:
    """What is used and the oldest pictures; with `id` or `oldest` a question; with the yes to it they are gone."""
    if request.text("ids"):
        return _delete(work, request)
    if "id" in request.options:
        return _question([_one(work, request)])
    if "oldest" not in request.options:
        return _overview(work, request)
    count = max(1, min(int(request.options["oldest"]), MOST))
    chosen = storage.oldest(work, request.account_id, limit=count)
    return _question(chosen) if chosen else Reply(text=Text("delete.empty"), is_private=True)


def _delete(work: Work, request: Request) -> Reply:
    """Exactly what the question named: a second press finds them gone and takes no others."""
    gone, freed = 0, 0
    for generation_id in (int(part) for part in request.text("ids").split(",")[:MOST] if ID.fullmatch(part)):
        with suppress(NotFound):
            freed += storage.delete(work, request.account_id, generation_id)
            gone += 1
    lines = (Text("delete.freed", {"freed": Bytes(freed)}),)
    title = Text("delete.done_one") if gone == 1 else Text("delete.done", {"count": gone})
    return Reply(card=Card("disk", title, lines=lines, meters=(_meter(work, request),)), is_private=True)


def _one(work: Work, request: Request) -> KeptGeneration:
    generation = generations.mine(work, request.account_id, int(request.options["id"]))
    if not generation.bytes_stored:
        raise NotFound("picture", str(generation.id))
    return KeptGeneration(generation.id, generation.bytes_stored, generation.created_at, generation.prompt)


def _overview(work: Work, request: Request) -> Reply:
    oldest = storage.oldest(work, request.account_id, limit=AT_ONCE)
    rows = tuple(_row(kept) for kept in oldest)
    lines = (Text("delete.how") if rows else Text("delete.empty"),)
    card = Card("disk", Text("delete.title"), lines=lines, meters=(_meter(work, request),), rows=rows)
    together = Text("delete.oldest", {"count": len(oldest), "size": Bytes(sum(kept.bytes for kept in oldest))})
    all_of_them = Button(together, "delete", {"oldest": len(oldest)})
    return Reply(card=card, buttons=(all_of_them,) if len(oldest) > 1 else (), is_private=True)


def _question(chosen: list[KeptGeneration]) -> Reply:
    facts = {"count": len(chosen), "size": Bytes(sum(kept.bytes for kept in chosen))}
    title = Text("delete.question_one") if len(chosen) == 1 else Text("delete.question", facts)
    rows = tuple(Row(_name(kept), _details(kept)) for kept in chosen)
    card = Card("disk", title, Tone.LOW, (Text("delete.for_good"),), rows=rows)
    ids = ",".join(str(kept.generation_id) for kept in chosen)
    yes = Button(Text("delete.yes", facts), "delete", {"ids": ids})
    return Reply(card=card, buttons=(yes, dismiss()), is_private=True)


def _row(kept: KeptGeneration) -> Row:
    button = Button(Text("delete.one", {"size": Bytes(kept.bytes)}), "delete", {"id": kept.generation_id})
    return Row(_name(kept), _details(kept), button)


def _name(kept: KeptGeneration) -> Text:
    return Text("delete.picture", {"id": kept.generation_id, "prompt": echo(kept.prompt, 80)})


def _details(kept: KeptGeneration) -> tuple[Text, ...]:
    return (Text("delete.size", {"size": Bytes(kept.bytes)}), Text("delete.at", {"at": kept.created_at}))


def _meter(work: Work, request: Request) -> Meter:
    balance = history.balance(work, request.account_id)
    facts = {"used": Bytes(balance.bytes_used), "limit": Bytes(balance.bytes_limit)}
    is_full = balance.bytes_used + balance.bytes_held >= balance.bytes_limit
    tone = Tone.OUT if is_full else Tone.GOOD
    return Meter(balance.bytes_used, max(balance.bytes_limit, 1), tone, Text("delete.meter", facts))


COMMAND = Command(
    "delete",
    run,
    options=(
        Option("id", Kind.INTEGER),
        Option("oldest", Kind.INTEGER),
        Option("ids", is_hidden=True),  # what the question named, for its yes
    ),
    is_private=True,
)

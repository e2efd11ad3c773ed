"""/last: the newest generation again, whatever became of it."""

from dataclasses import replace

from bots.commands import examples, results
from bots.commands.conversation import Card, Command, Kind, Option, Reply, Request, Text
from engine import generations
from engine.database import Work


def run(work: Work, request: Request) -> Reply:
    """The newest one or the one with that id, as it is now; `file` wants the picture unchanged. Raises NotFound."""
    wanted = request.options.get("id")
    if wanted is None:
        newest = generations.latest(work, request.account_id, limit=1)
        if not newest:
            card = Card("picture", Text("last.nothing.title"), lines=(Text("last.nothing.how"),))
            return Reply(card=card, buttons=examples.buttons(work, request))
        wanted = newest[0].id
    reply = results.show(work, request.account_id, int(wanted))
    return replace(reply, as_file=bool(request.options.get("file") and reply.pictures))


COMMAND = Command(
    "last",
    run,
    options=(Option("id", Kind.INTEGER), Option("file", Kind.FLAG, is_hidden=True)),
    is_read=True,
)

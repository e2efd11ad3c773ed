"""/cancel: stop a picture that nobody has begun to draw."""

from bots.commands import results
from bots.commands.conversation import Command, Kind, Option, Reply, Request, Text
from engine import generations
from engine.database import Work


def run(work: Work, request: Request) -> Reply:
    """The newest running one, or the one with that id. Raises TooLateToCancel, NotFound."""
    wanted = request.options.get("id")
    if wanted is None:
        wanted = _newest_running(work, request.account_id)
    if wanted is None:
        return Reply(text=Text("cancel.nothing"))
    generations.cancel(work, request.account_id, int(wanted))
    return results.show(work, request.account_id, int(wanted))


def _newest_running(work: Work, account_id: int) -> int | None:
    """There are never more running ones than the account's limit, and they are among the newest."""
    newest = generations.latest(work, account_id, limit=20 + work.settings.running_per_account)
    return next((generation.id for generation in newest if generation.is_open), None)


COMMAND = Command("cancel", run, options=(Option("id", Kind.INTEGER),))

"""/history: the statement, page by page: every credit that came, was held, charged or given back."""

from bots.commands import statement
from bots.commands.conversation import Button, Card, Command, Option, Reply, Request, Text
from bots.commands.parsing import BadLine
from engine import history
from engine.database import Work

PAGE = 10


def run(work: Work, request: Request) -> Reply:
    """The newest lines, or those after the cursor that the button "older" carries."""
    try:
        page = history.statement(work, request.account_id, request.text("after") or None, limit=PAGE)
    except ValueError:
        raise BadLine(Text("history.bad_cursor"), COMMAND) from None
    if not page.lines:
        return Reply(card=Card("list", Text("history.title"), lines=(Text("history.empty"),)))
    rows = tuple(statement.row(line) for line in page.lines)
    older = (Button(Text("history.older"), "history", {"after": page.after}),) if page.after else ()
    return Reply(card=Card("list", Text("history.title"), rows=rows), buttons=older)


COMMAND = Command("history", run, options=(Option("after", is_hidden=True),), is_private=True, is_read=True)

"""/feedback: a word to whoever runs this."""

from bots.commands.conversation import Command, Option, Reply, Request, Text
from engine import feedback
from engine.database import Work


def run(work: Work, request: Request) -> Reply:
    """Keep it and say thanks. Raises FeedbackEmpty, FeedbackTooLong."""
    feedback.give(work, request.account_id, request.platform, request.text("text"))
    return Reply(text=Text("feedback.thanks"), is_private=True)


COMMAND = Command("feedback", run, options=(Option("text", is_required=True),), is_private=True, opens_form=True)

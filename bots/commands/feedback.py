"""/feedback: a word to whoever runs this."""

from bots.commands.conversation import Card, Command, Option, Reply, Request, Text
from bots.commands.picker import close
from engine import feedback
from engine.database import Work


def run(work: Work, request: Request) -> Reply:
    """Keep it and say thanks; without a word, ask for some. Raises FeedbackTooLong."""
    if not request.text("text"):
        return question()
    feedback.give(work, request.account_id, request.platform, request.text("text"))
    return Reply(text=Text("feedback.thanks"), is_private=True)


def question() -> Reply:
    """What we would like to hear."""
    return Reply(card=Card("list", Text("feedback.question"), lines=(Text("feedback.how"),)), buttons=(close(),))


COMMAND = Command("feedback", run, options=(Option("text", is_required=True),), is_private=True)

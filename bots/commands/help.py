"""/help: every command there is, made from the one list."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from bots.commands.conversation import Card, Command, Option, Reply, Request, Row, Text, Who
from bots.commands.parsing import is_the_line, usage
from engine.database import Work


def command(commands: Callable[[], Sequence[Command]]) -> Command:
    """/help over a list that is complete only later, because it holds /help itself."""

    def run(work: Work, request: Request) -> Reply:
        known = [each for each in commands() if each.who is Who.EVERYONE]
        asked = request.text("about").lstrip("/").lower()
        nearest = get_close_matches(asked, [each.name for each in known], n=1, cutoff=0.8) if asked else []
        if nearest:
            return _about(next(each for each in known if each.name == nearest[0]))
        rows = tuple(Row(Text("help.command", {"command": each.name}), (each.description,)) for each in known)
        card = Card("list", Text("help.title", {"name": work.settings.name}), lines=(Text("help.how"),), rows=rows)
        return Reply(card=card)

    return Command("help", run, options=(Option("about", is_required=True, is_hidden=True),), is_read=True)


def _about(each: Command) -> Reply:
    options = [option for option in each.options if not option.is_hidden]
    rows = tuple(Row(_typed(option), (each.about(option),)) for option in options)
    return Reply(card=Card("list", Text("help.usage", {"usage": usage(each)}), lines=(each.description,), rows=rows))


def _typed(option: Option) -> Text:
    facts = {"option": option.name}
    return Text("help.line", facts) if is_the_line(option) else Text("help.option", facts)

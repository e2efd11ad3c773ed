"""/signup: a guest accepts the terms and becomes a member."""

from bots.commands import examples
from bots.commands.conversation import Button, Card, Command, Option, Reply, Request, Text, Tone
from bots.commands.picker import dismiss
from bots.texts import Amount, Number
from engine import accounts, history
from engine.credits import Credits, Source
from engine.database import Work
from engine.errors import AlreadyMember, TermsNotAccepted
from engine.history import Balance

TERMS = (Text("terms.1"), Text("terms.2"), Text("terms.3"), Text("terms.4"))


def run(work: Work, request: Request) -> Reply:
    """The terms and a button; pressed, the welcome. Raises AlreadyMember, TermsNotAccepted."""
    accepted = request.text("accept")
    if accepted:
        if accepted != work.settings.terms_version:
            raise TermsNotAccepted(work.settings.terms_version)
        accounts.sign_up(work, request.account_id, terms=accepted)
        return _welcome(work, request)
    if not accounts.can_sign_up(work, request.account_id):
        raise AlreadyMember(request.account_id)
    return terms(work)


def terms(work: Work) -> Reply:
    """What signing up gives and asks for, with the button that says yes to these very terms."""
    gift, day, version = work.settings.welcome_credits, work.settings.daily_credits, work.settings.terms_version
    gets = Text("signup.gets", {"gift": Amount(gift), "day": Number(day)})
    lines = (gets, *TERMS, Text("signup.version", {"version": version}))
    card = Card("person", Text("signup.title"), Tone.GUEST, lines)
    accept = Button(Text("signup.accept"), "signup", {"accept": version}, is_main=True)
    return Reply(card=card, buttons=(accept, dismiss()))


def _welcome(work: Work, request: Request) -> Reply:
    balance = history.balance(work, request.account_id)
    lines = [Text("signup.kept")]
    if balance.day and balance.day.limit:
        lines.insert(0, Text("signup.day", {"limit": Number(balance.day.limit)}))
    if gift := _welcome_credits(balance):
        lines.insert(0, Text("signup.gift", {"gift": Amount(gift)}))
    card = Card("person", Text("signup.welcome"), lines=tuple(lines))
    return Reply(card=card, buttons=(*examples.buttons(work, request), Button(Text("buttons.credits"), "credits")))


def _welcome_credits(balance: Balance) -> Credits:
    return Credits(sum(part.spendable for part in balance.parts if part.source is Source.WELCOME))


COMMAND = Command("signup", run, options=(Option("accept", is_hidden=True),), is_private=True)

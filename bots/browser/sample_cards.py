"""Cards and messages of commands, made by hand for the style guide: the picker, lists, forms to press."""

from datetime import UTC, datetime, timedelta

from bots.browser.sample_work import FOX, picture
from bots.commands.conversation import Button, Card, Meter, Reply, Row, Text, Tone
from bots.texts import Amount, Bytes, Number

DISMISS = Button(Text("buttons.dismiss"), "")
SIGN_UP = Button(Text("buttons.sign_up"), "signup", is_main=True)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def all_answers() -> dict[str, Reply]:
    """Each by the name of its state."""
    return {
        "text": Reply(text=Text("feedback.thanks")),
        "trouble": Reply(text=Text("refusal.trouble", {"id": "3f9a01c2"}), buttons=(DISMISS,), is_refusal=True),
        "picker": picker(Amount(100), Amount(50)),
        "picker-guest": picker_of_guest(),
        "original": Reply(
            card=Card("picture", Text("result.stored", {"model": "Flux Dev"})),
            pictures=(picture((1024, 1024)),),
            as_file=True,
        ),
        "start": start(),
        "signup": sign_up(),
        "welcome": Reply(
            card=Card(
                "person",
                Text("signup.welcome"),
                lines=(Text("signup.gift", {"gift": Amount(5000)}), Text("signup.kept")),
            ),
            buttons=(Button(Text("buttons.credits"), "credits"),),
        ),
        "credits": credits(),
        "history": history(),
        "history-empty": Reply(card=Card("list", Text("history.title"), lines=(Text("history.empty"),))),
        "settings": settings(),
        "delete": delete(),
        "typo": Reply(
            card=Card(
                "list",
                Text("line.no_command", {"command": "imagin"}),
                Tone.LOW,
                (Text("line.meant", {"command": "imagine"}),),
            ),
            buttons=(Button(Text("line.run", {"command": "imagine"}), "imagine"), Button(Text("buttons.help"), "help")),
            is_refusal=True,
        ),
    }


def picker(price: Amount, less: Amount) -> Reply:
    """Every model with its price; one is recommended, one is out of reach."""
    rows = (
        _model("Nano Banana", "nano-banana", Text("picker.draw.price", {"price": less})),
        _model("Flux Dev", "flux-dev", Text("picker.draw.price", {"price": price}), is_best=True),
        _model(
            "Nano Banana Pro",
            "nano-banana-pro",
            Text("picker.draw.price", {"price": Amount(200)}),
            reason=Text("offer.missing", {"missing": Amount(50)}),
        ),
    )
    lines = (Text("picker.prompt", {"prompt": FOX}),)
    return Reply(card=Card("picker", Text("picker.title"), lines=lines, rows=rows), buttons=(DISMISS,))


def picker_of_guest() -> Reply:
    """The same for a guest, who draws for free."""
    free = Text("picker.draw.free")
    rows = (
        _model("Flux Dev", "flux-dev", free, is_best=True),
        _model("Nano Banana Pro", "nano-banana-pro", free, reason=Text("offer.members_only")),
    )
    return Reply(card=Card("picker", Text("picker.title"), lines=(Text("picker.prompt", {"prompt": FOX}),), rows=rows))


def start() -> Reply:
    """A guest's greeting."""
    meter = Meter(2, 3, Tone.GUEST, Text("badge.slots", {"left": 2}))
    lines = (Text("start.guest", {"left": 2, "limit": 3}), Text("start.how"))
    card = Card("person", Text("start.title", {"name": "Easel"}), Tone.GUEST, lines, (meter,))
    return Reply(card=card, buttons=(Button(Text("buttons.sign_up"), "signup"), Button(Text("start.help"), "help")))


def sign_up() -> Reply:
    """The terms, with the button that says yes."""
    gets = Text("signup.gets", {"gift": Amount(5000), "day": Number(500)})
    lines = (
        gets,
        *(Text(f"terms.{number}") for number in range(1, 5)),
        Text("signup.version", {"version": "2026-11-20"}),
    )
    accept = Button(Text("signup.accept"), "signup", {"accept": "2026-11-20"}, is_main=True)
    return Reply(card=Card("person", Text("signup.title"), Tone.GUEST, lines), buttons=(accept, DISMISS))


def credits() -> Reply:
    """A member's balance, running low."""
    day = Text("badge.day", {"left": Number(350), "limit": Number(500)})
    total = Meter(350, 500, Tone.LOW, Text("badge.total", {"amount": Amount(850)}))
    storage = Text("credits.storage", {"used": Bytes(84_000_000), "limit": Bytes(200_000_000)})
    lines = (
        Text("credits.spendable", {"amount": Amount(850)}),
        Text("credits.low"),
        Text("credits.held", {"amount": Amount(100)}),
        Text("credits.tops_up", {"limit": Number(500), "left": timedelta(hours=7, minutes=12)}),
    )
    rows = (
        Row(Text("source.daily"), (Text("credits.part", {"amount": Amount(350)}),)),
        Row(Text("source.welcome"), (Text("credits.part", {"amount": Amount(500)}),)),
        Row(Text("credits.last")),
        *_statement(),
    )
    card = Card("coin", day, Tone.LOW, lines, (total, Meter(84, 200, Tone.GOOD, storage)), rows)
    return Reply(card=card, buttons=(Button(Text("buttons.history"), "history"),))


def history() -> Reply:
    """A page of the statement."""
    older = Button(Text("history.older"), "history", {"after": "1-7"})
    return Reply(card=Card("list", Text("history.title"), rows=_statement()), buttons=(older,))


def settings() -> Reply:
    """What can be chosen, and what is chosen."""
    is_so = Text("settings.is_so")
    value = Text("settings.model_is", {"model": "Flux Dev", "price": Amount(100)})
    choose = Button(Text("settings.choose_model"), "models")
    rows = (
        Row(Text("settings.model"), (value,), choose, Button(Text("models.ask"), "settings", {"model": "none"})),
        Row(Text("settings.bought"), (Text("settings.bought_is.ask"),)),
        Row(Text("settings.bought_means.ask"), (), Button(Text("settings.bought_name.ask"), "settings", reason=is_so)),
        Row(Text("settings.bought_means.auto"), (), Button(Text("settings.bought_name.auto"), "settings")),
        Row(Text("settings.language"), (Text("language.follows"),)),
    )
    return Reply(card=Card("list", Text("settings.title"), lines=(Text("settings.changed"),), rows=rows))


def delete() -> Reply:
    """The question before something is gone for good."""
    facts = {"count": 2, "size": Bytes(9_400_000)}
    row = Row(Text("delete.picture", {"id": 7, "prompt": FOX}), (Text("delete.size", {"size": Bytes(4_700_000)}),))
    card = Card("disk", Text("delete.question", facts), Tone.LOW, (Text("delete.for_good"),), rows=(row, row))
    return Reply(card=card, buttons=(Button(Text("delete.yes", facts), "delete", {"ids": "7,8"}), DISMISS))


def _model(name: str, model_id: str, draw: Text, is_best: bool = False, reason: Text | None = None) -> Row:
    details = (Text(f"catalog.{model_id}.tier"), Text(f"catalog.{model_id}.best_for"))
    button = Button(draw, "imagine", {"prompt": FOX, "model": model_id}, is_main=is_best, reason=reason)
    default = None if reason else Button(Text("picker.default"), "settings", {"model": model_id})
    mark = Text("picker.recommended") if is_best else None
    return Row(Text("offer.name", {"model": name}), details, button, default, mark)


def _statement() -> tuple[Row, ...]:
    return (
        _line(Text("statement.charged", {"id": 41, "spent": Amount(100)}), "0", 850),
        _line(Text("statement.hold", {"id": 41}), "-1", 850),
        _line(Text("statement.daily"), "+5", 950),
    )


def _line(what: Text, change: str, balance: int) -> Row:
    details = (Text("statement.change", {"change": change}), Text("statement.balance", {"balance": Number(balance)}))
    return Row(what, (*details, Text("statement.at", {"at": NOON})))

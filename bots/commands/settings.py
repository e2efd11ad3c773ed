"""/settings: the default model, how bought credits may be spent, a cap a day, the language."""

from collections.abc import Callable

from bots.commands.conversation import Button, Card, Command, Kind, Option, Reply, Request, Row, Text
from bots.commands.language import language
from bots.commands.offers import offer, priced, priced_at, purse
from bots.commands.parsing import BadLine
from bots.commands.picker import dismiss
from bots.commands.wishes import asked, echo
from bots.texts import FALLBACK, Amount, languages, say
from engine import catalog, preferences
from engine.catalog import Model
from engine.credits import Credits, parse, show
from engine.database import Work
from engine.errors import ModelOff, PriceChanged
from engine.preferences import Preferences
from engine.tables import Bought

NONE = "none"
CAPS = (Credits(5_00), Credits(10_00), Credits(25_00))


def run(work: Work, request: Request) -> Reply:
    """Change what was asked for, then show all of it, in the language it is now; on the way to a picture only that."""
    notes = [note for name, change in CHANGES.items() if request.text(name) for note in change(work, request)]
    changed = [note for place, note in enumerate(notes) if note not in notes[:place]]  # "Saved." once for all
    if request.text("prompt") and request.text("model") not in ("", NONE):
        return _draw_now(work, request, tuple(changed))
    chosen = preferences.get(work, request.account_id)
    rows = (_model_row(work, chosen), *_bought_rows(chosen), *_cap_rows(chosen), *_language_rows(chosen))
    return Reply(
        card=Card("list", Text("settings.title"), lines=tuple(changed), rows=rows),
        is_private=True,
        language=language(work, request.account_id, request.locale),
    )


def _choose_model(work: Work, request: Request) -> list[Text]:
    """The price that was shown is kept, so that another one is asked about before it is paid."""
    if request.text("model") == NONE:
        preferences.choose_model(work, request.account_id, None, None)
        return [Text("settings.model_asked")]
    model = catalog.model(work, request.text("model"))
    if not model.is_enabled:
        raise ModelOff(model.id)
    mine = purse(work, request.account_id)
    due = mine.due(model.price)
    shown = Credits(int(request.options.get("price", due)))
    if shown != due:
        raise PriceChanged(model.id, shown, due)
    preferences.choose_model(work, request.account_id, model.id, due)
    return [priced("settings.model_chosen", mine, model.price, model=model.name)]


def _choose_bought(work: Work, request: Request) -> list[Text]:
    wanted = request.text("bought").replace("-", "_").lower()
    if wanted not in list(Bought):
        raise BadLine(Text("settings.bad_bought"), COMMAND)
    preferences.choose_bought(work, request.account_id, Bought(wanted))
    return [Text("settings.changed")]


def _choose_cap(work: Work, request: Request) -> list[Text]:
    if request.text("cap") == NONE:
        preferences.choose_cap(work, request.account_id, None)
        return [Text("settings.changed")]
    try:
        cap = parse(request.text("cap").replace(",", "."))
    except ValueError:
        raise BadLine(Text("settings.bad_cap"), COMMAND) from None
    if cap < 0:
        raise BadLine(Text("settings.bad_cap"), COMMAND)
    preferences.choose_cap(work, request.account_id, cap)
    return [Text("settings.changed")]


def _choose_language(work: Work, request: Request) -> list[Text]:
    wanted = request.text("language").lower()
    if wanted not in (*languages(), NONE):
        raise BadLine(Text("settings.bad_language", {"languages": ", ".join(languages())}), COMMAND)
    preferences.choose_language(work, request.account_id, None if wanted == NONE else wanted)
    return [Text("settings.changed")]


def _draw_now(work: Work, request: Request, changed: tuple[Text, ...]) -> Reply:
    """Who made a model the default on the way to a picture goes on from here."""
    mine, wish = purse(work, request.account_id), asked(request)
    wanted = offer(mine, catalog.model(work, request.text("model")))
    label = priced("settings.draw", mine, wanted.model.price)
    draw = Button(label, "imagine", wish.drawn(wanted), is_main=True, reason=wanted.reason)
    title, *more = changed
    lines = (*more, Text("picker.prompt", {"prompt": echo(wish.prompt)}))
    return Reply(card=Card("picker", title, lines=lines), buttons=(draw, dismiss()), is_private=True)


def _model_row(work: Work, chosen: Preferences) -> Row:
    if chosen.default_model is None:
        value = Text("settings.model_none")
    else:
        name, price = catalog.model(work, chosen.default_model).name, chosen.default_price or Credits(0)
        value = priced_at("settings.model_is", price, model=name)
    forget = Button(Text("models.ask"), "settings", {"model": NONE}) if chosen.default_model else None
    return Row(Text("settings.model"), (value,), Button(Text("settings.choose_model"), "models"), forget)


def _bought_rows(chosen: Preferences) -> tuple[Row, ...]:
    named = [
        Row(
            Text(f"settings.bought_means.{mode.value}"),
            button=_choice(Text(f"settings.bought_name.{mode.value}"), "bought", mode.value, mode is chosen.bought),
        )
        for mode in Bought
    ]
    return (Row(Text("settings.bought"), (Text(f"settings.bought_is.{chosen.bought.value}"),)), *named)


def _cap_rows(chosen: Preferences) -> tuple[Row, ...]:
    caps = [
        Row(
            Text("settings.cap_of", {"cap": Amount(cap)}),
            button=_choice(Text("settings.cap_is", {"cap": Amount(cap)}), "cap", show(cap), cap == chosen.daily_cap),
        )
        for cap in CAPS
    ]
    none = _choice(Text("settings.no_cap"), "cap", NONE, chosen.daily_cap is None)
    return (Row(Text("settings.cap"), (_cap(chosen),)), *caps, Row(Text("settings.without_cap"), button=none))


def _cap(chosen: Preferences) -> Text:
    if chosen.daily_cap is None:
        return Text("settings.cap_none")
    return Text("settings.cap_is", {"cap": Amount(chosen.daily_cap)}) if chosen.daily_cap else Text("settings.cap_zero")


def _language_rows(chosen: Preferences) -> tuple[Row, ...]:
    value = Text(f"language.{chosen.language}") if chosen.language in languages() else Text("language.follows")
    named = [
        Row(
            Text("language.answer", {"language": say(FALLBACK, f"language.{name}")}),
            button=_choice(Text(f"language.{name}"), "language", name, name == chosen.language),
        )
        for name in languages()
    ]
    follow = _choice(Text("language.follow"), "language", NONE, chosen.language is None)
    return (Row(Text("settings.language"), (value,)), *named, Row(Text("language.follow_means"), button=follow))


def _choice(label: Text, option: str, value: str, is_chosen: bool) -> Button:
    return Button(label, "settings", {option: value}, reason=Text("settings.is_so") if is_chosen else None)


def _choices(*values: str) -> Callable[[list[Model]], list[str]]:
    return lambda models: list(values)


CHANGES: dict[str, Callable[[Work, Request], list[Text]]] = {
    "model": _choose_model,
    "bought": _choose_bought,
    "cap": _choose_cap,
    "language": _choose_language,
}

COMMAND = Command(
    "settings",
    run,
    options=(
        Option("model", choices=lambda models: [*(model.id for model in models), NONE]),
        Option("bought", choices=_choices(*Bought)),
        Option("cap", choices=_choices("5", "10", "25", NONE)),
        Option("language", choices=_choices(*languages(), NONE)),
        Option("price", Kind.INTEGER, is_hidden=True),  # what the button said, in hundredths
        Option("prompt", is_hidden=True),  # what was being asked for meanwhile, with its size and seed
        Option("size", is_hidden=True),
        Option("seed", Kind.INTEGER, is_hidden=True),
    ),
    is_private=True,
)

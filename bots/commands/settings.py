"""/settings: the default model, how bought credits may be spent, a cap a day, the language."""

from collections.abc import Callable

from bots.commands.conversation import Button, Card, Command, Kind, Option, Reply, Request, Row, Text
from bots.commands.language import language
from bots.commands.offers import priced, purse
from bots.commands.parsing import BadLine
from bots.texts import Amount, languages
from engine import catalog, preferences
from engine.catalog import Model
from engine.credits import Credits, parse
from engine.database import Work
from engine.errors import ModelOff, PriceChanged
from engine.preferences import Preferences
from engine.tables import Bought

NONE = "none"
CAPS = (Credits(5_00), Credits(10_00), Credits(25_00))


def run(work: Work, request: Request) -> Reply:
    """Change what was asked for, then show all of it, in the language it is now."""
    changed = [note for name, change in CHANGES.items() if request.text(name) for note in change(work, request)]
    chosen = preferences.get(work, request.account_id)
    spending = (_bought_row(chosen), *_bought_choices(chosen), _cap_row(chosen))
    rows = (_model_row(work, chosen), *spending, _language_row(chosen))
    return Reply(
        card=Card("list", Text("settings.title"), lines=tuple(changed), rows=rows),
        buttons=(*_draw_now(work, request), *_cap_buttons(chosen), *_language_buttons(chosen)),
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
    shown = Credits(int(request.options.get("price", model.price)))
    if shown != model.price:
        raise PriceChanged(model.id, shown, model.price)
    preferences.choose_model(work, request.account_id, model.id, model.price)
    mine = purse(work, request.account_id)
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
        cap = parse(request.text("cap"))
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


def _draw_now(work: Work, request: Request) -> tuple[Button, ...]:
    """Who made a model the default on the way to a picture goes on from here."""
    prompt, model_id = request.text("prompt"), request.text("model")
    if not prompt or model_id == NONE:
        return ()
    model = catalog.model(work, model_id)
    label = priced("settings.draw", purse(work, request.account_id), model.price)
    return (Button(label, "imagine", {"prompt": prompt, "model": model.id, "price": model.price}, is_main=True),)


def _model_row(work: Work, chosen: Preferences) -> Row:
    if chosen.default_model is None:
        value = Text("settings.model_none")
    else:
        facts = {"model": catalog.model(work, chosen.default_model).name, "price": Amount(chosen.default_price or 0)}
        value = Text("settings.model_is", facts)
    forget = Button(Text("models.ask"), "settings", {"model": NONE}) if chosen.default_model else None
    return Row(Text("settings.model"), (value,), Button(Text("settings.choose_model"), "models"), forget)


def _bought_row(chosen: Preferences) -> Row:
    return Row(Text("settings.bought"), (Text(f"settings.bought_is.{chosen.bought.value}"),))


def _bought_choices(chosen: Preferences) -> tuple[Row, ...]:
    return tuple(
        Row(
            Text(f"settings.bought_means.{mode.value}"),
            button=_choice(Text(f"settings.bought_name.{mode.value}"), "bought", mode.value, mode is chosen.bought),
        )
        for mode in Bought
    )


def _cap_row(chosen: Preferences) -> Row:
    cap = chosen.daily_cap
    value = Text("settings.cap_none") if cap is None else Text("settings.cap_is", {"cap": Amount(cap)})
    return Row(Text("settings.cap"), (value,))


def _language_row(chosen: Preferences) -> Row:
    value = Text(f"language.{chosen.language}") if chosen.language in languages() else Text("language.follows")
    return Row(Text("settings.language"), (value,))


def _cap_buttons(chosen: Preferences) -> tuple[Button, ...]:
    caps = [
        _choice(Text("settings.cap_of", {"cap": Amount(cap)}), "cap", f"{cap / 100:g}", cap == chosen.daily_cap)
        for cap in CAPS
    ]
    return (*caps, _choice(Text("settings.no_cap"), "cap", NONE, chosen.daily_cap is None))


def _language_buttons(chosen: Preferences) -> tuple[Button, ...]:
    named = [_choice(Text(f"language.{name}"), "language", name, name == chosen.language) for name in languages()]
    return (*named, _choice(Text("language.follow"), "language", NONE, chosen.language is None))


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
        Option("prompt", is_hidden=True),  # what was being asked for meanwhile
    ),
    is_private=True,
)

"""Cards for what is wrong with the request itself: words, models, options, prices, things that are not there."""

from bots.commands import examples, feedback, offers, picker, shortages
from bots.commands.conversation import Button, Card, Reply, Request, Text, Tone
from bots.commands.offers import priced, priced_at
from bots.commands.parsing import BadLine, Meant, usage
from bots.commands.picker import close, dismiss
from bots.commands.wishes import asked, echo
from bots.texts import Amount
from engine import catalog, errors, preferences
from engine.credits import Credits
from engine.database import Work

Buttons = tuple[Button, ...]


def bad_line(work: Work, request: Request, refusal: BadLine) -> Reply:
    lines = [Text("help.usage", {"usage": usage(refusal.command)})] if refusal.command else []
    ways = [Button(Text("buttons.help"), "help")]
    if refusal.suggestion:
        lines.append(Text("line.meant", {"command": echo(refusal.suggestion.line)}))
        ways.insert(0, _run(work, request, refusal.suggestion))
    return no("list", refusal.problem, tuple(lines), tuple(ways), Tone.LOW)


def _run(work: Work, request: Request, meant: Meant) -> Button:
    """What was meant, with its words; with its price where that draws at once."""
    facts = {"command": echo(meant.line, 60)}
    if meant.command.name == "imagine" and "prompt" in meant.options:
        mine = offers.purse(work, request.account_id)
        chosen = meant.options.get("model") or preferences.get(work, request.account_id).default_model
        model = next((model for model in catalog.all_models(work) if model.id == chosen), None)
        if model:
            label = priced("line.run_now", mine, model.price, **facts)
            return Button(label, "imagine", {**meant.options, "model": model.id, "price": mine.due(model.price)})
    return Button(Text("line.run", facts), meant.command.name, meant.options)


def not_found(work: Work, request: Request, refusal: errors.NotFound) -> Reply:
    facts = {"id": refusal.id[:40]}
    match refusal.kind:
        case "model":
            ways: Buttons = (Button(Text("buttons.models"), "models"), dismiss())
            return no("picker", Text("refusal.not_found.model", facts), _offered(work), ways)
        case "generation" | "picture":
            return no("picture", Text("refusal.not_found.picture", facts), (), (close(),))
        case "key":
            return no("list", Text("refusal.not_found.key", facts), (), (Button(Text("buttons.keys"), "apikey"),))
        case kind:
            return no("list", Text("refusal.not_found.other", {**facts, "kind": kind}), (), (close(),))


def prompt_empty(work: Work, request: Request, refusal: errors.PromptEmpty) -> Reply:
    return examples.what_to_draw(work, request)


def prompt_too_long(work: Work, request: Request, refusal: errors.PromptTooLong) -> Reply:
    return no("list", Text("refusal.prompt_long.title"), (_length("refusal.prompt_long.how", refusal),), (close(),))


def prompt_forbidden(work: Work, request: Request, refusal: errors.PromptForbidden) -> Reply:
    return no("list", Text("refusal.prompt_forbidden.title"), (Text("refusal.prompt_forbidden.how"),), (close(),))


def not_offered(work: Work, request: Request, refusal: errors.NotOffered) -> Reply:
    """What it does offer, a button each; without the option where it has none of it."""
    facts = {"model": _model_name(work, refusal.model), "value": refusal.value[:40], "option": refusal.option}
    mine, price = offers.purse(work, request.account_id), catalog.model(work, refusal.model).price
    without = {name: value for name, value in request.options.items() if name != refusal.option}
    without |= {"model": refusal.model, "price": mine.due(price)}
    if not refusal.offered:
        title = Text("refusal.not_offered.none", facts)
        label = priced("refusal.not_offered.without", mine, price, **facts)
        ways: Buttons = (Button(label, request.command, without, is_main=True),)
    else:
        title = Text("refusal.not_offered.title", facts)
        ways = tuple(
            Button(
                priced("refusal.not_offered.instead", mine, price, value=value),
                request.command,
                {**without, refusal.option: value},
            )
            for value in refusal.offered
        )
    return no("picker", title, (), (*ways, _others(request), dismiss()), Tone.LOW)


def model_off(work: Work, request: Request, refusal: errors.ModelOff) -> Reply:
    title = Text("refusal.model_off", {"model": _model_name(work, refusal.model)})
    return no("picker", title, _offered(work), (_others(request), dismiss()), Tone.LOW)


def model_resting(work: Work, request: Request, refusal: errors.ModelResting) -> Reply:
    """The others first: nobody has to wait to get a picture."""
    facts = {"model": _model_name(work, refusal.model), "left": refusal.retry_at - work.now()}
    lines = (Text("refusal.resting.how", facts),)
    ways = (_others(request), shortages.try_again(request), dismiss())
    return no("clock", Text("refusal.resting.title", facts), lines, ways, Tone.LOW)


def price_changed(work: Work, request: Request, refusal: errors.PriceChanged) -> Reply:
    """Going on is the same request at the new price; who has this model as his default may say yes for good."""
    facts = {"model": _model_name(work, refusal.model), "shown": Amount(refusal.shown), "price": Amount(refusal.price)}
    now: dict[str, str | int | bool] = {"model": refusal.model, "price": refusal.price}
    label = Text("refusal.price.go_on", facts) if refusal.price else Text("refusal.price.go_on_free")
    draws = request.command == "imagine"
    go_on = (Button(label, request.command, {**request.options, **now}, is_main=True),) if draws else ()
    keep: Buttons = ()
    if not draws or not request.text("model"):
        kept = priced_at("refusal.price.keep", refusal.price)
        keep = (Button(kept, "settings", {**asked(request).carried(), **now}, is_main=not draws),)
    ways = (*go_on, *keep, _others(request), dismiss())
    return no("coin", Text("refusal.price.title", facts), (_how(refusal.shown, refusal.price, facts),), ways, Tone.LOW)


def _how(shown: Credits, price: Credits, facts: dict[str, object]) -> Text:
    if not shown:
        return Text("refusal.price.was_free", facts)
    return Text("refusal.price.how", facts) if price else Text("refusal.price.is_free", facts)


def guest_model(work: Work, request: Request, refusal: errors.GuestModelTooDear) -> Reply:
    facts = {"model": _model_name(work, refusal.model), "price": Amount(refusal.price), "limit": Amount(refusal.limit)}
    sign_up = Button(Text("buttons.sign_up"), "signup")
    ways = (*shortages.cheaper_button(work, request, refusal.price), sign_up, dismiss())
    return no(
        "person", Text("refusal.guest_model.title", facts), (Text("refusal.guest_model.how", facts),), ways, Tone.GUEST
    )


def feedback_empty(work: Work, request: Request, refusal: errors.FeedbackEmpty) -> Reply:
    return feedback.question()


def feedback_long(work: Work, request: Request, refusal: errors.FeedbackTooLong) -> Reply:
    return no("list", Text("refusal.feedback.long"), (_length("refusal.feedback.length", refusal),), (close(),))


def no(look: str, title: Text, lines: tuple[Text, ...], buttons: Buttons, tone: Tone = Tone.OUT) -> Reply:
    """A card that says no, with its ways on."""
    return Reply(card=Card(look, title, tone, lines), buttons=buttons, is_refusal=True)


def _others(request: Request) -> Button:
    """The picker for what was asked; where nothing was asked, the list of models."""
    if request.text("prompt"):
        return picker.other_model(asked(request))
    return Button(Text("buttons.models"), "models")


def _model_name(work: Work, model_id: str) -> str:
    return catalog.model(work, model_id).name


def _offered(work: Work) -> tuple[Text, ...]:
    names = ", ".join(offer.id for offer in catalog.all_models(work))
    return (Text("refusal.not_found.models", {"models": names}),) if names else ()


def _length(key: str, refusal: errors.PromptTooLong | errors.FeedbackTooLong) -> Text:
    return Text(key, {"length": refusal.length, "limit": refusal.limit})

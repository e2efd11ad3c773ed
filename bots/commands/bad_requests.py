"""Cards for what is wrong with the request itself: words, models, options, prices, things that are not there."""

from bots.commands import examples, picker, shortages
from bots.commands.conversation import Button, Card, Reply, Request, Text, Tone
from bots.commands.parsing import BadLine, usage
from bots.commands.picker import dismiss
from bots.texts import Amount
from engine import catalog, errors
from engine.database import Work

Buttons = tuple[Button, ...]


def bad_line(work: Work, request: Request, refusal: BadLine) -> Reply:
    lines = [Text("help.usage", {"usage": usage(refusal.command)})] if refusal.command else []
    ways = [Button(Text("buttons.help"), "help")]
    if refusal.suggestion:
        lines.append(Text("line.meant", {"command": refusal.suggestion.name}))
        ways.insert(0, Button(Text("line.run", {"command": refusal.suggestion.name}), refusal.suggestion.name))
    return no("list", refusal.problem, tuple(lines), tuple(ways), Tone.LOW)


def not_found(work: Work, request: Request, refusal: errors.NotFound) -> Reply:
    facts = {"id": refusal.id[:40]}
    match refusal.kind:
        case "model":
            ways: Buttons = (Button(Text("buttons.models"), "models"), dismiss())
            return no("picker", Text("refusal.not_found.model", facts), _offered(work), ways)
        case "generation" | "picture":
            return no("picture", Text("refusal.not_found.picture", facts), (), (dismiss(),))
        case "key":
            return no("list", Text("refusal.not_found.key", facts), (), (Button(Text("buttons.keys"), "apikey"),))
        case kind:
            return no("list", Text("refusal.not_found.other", {**facts, "kind": kind}), (), (dismiss(),))


def prompt_empty(work: Work, request: Request, refusal: errors.PromptEmpty) -> Reply:
    return examples.what_to_draw(work, request)


def prompt_too_long(work: Work, request: Request, refusal: errors.PromptTooLong) -> Reply:
    return no("list", Text("refusal.prompt_long.title"), (_length("refusal.prompt_long.how", refusal),), (dismiss(),))


def prompt_forbidden(work: Work, request: Request, refusal: errors.PromptForbidden) -> Reply:
    return no("list", Text("refusal.prompt_forbidden.title"), (Text("refusal.prompt_forbidden.how"),), (dismiss(),))


def not_offered(work: Work, request: Request, refusal: errors.NotOffered) -> Reply:
    """What it does offer, a button each; without the option where it has none of it."""
    facts = {"model": _model_name(work, refusal.model), "value": refusal.value[:40], "option": refusal.option}
    without = {name: value for name, value in request.options.items() if name != refusal.option}
    if not refusal.offered:
        ways: Buttons = (Button(Text("refusal.not_offered.without", facts), request.command, without, is_main=True),)
        return no("picker", Text("refusal.not_offered.none", facts), (), (*ways, _others(request), dismiss()), Tone.LOW)
    ways = tuple(
        Button(
            Text("refusal.not_offered.instead", {"value": value}), request.command, {**without, refusal.option: value}
        )
        for value in refusal.offered
    )
    lines = (Text("refusal.not_offered.offered", {"offered": ", ".join(refusal.offered)}),)
    return no("picker", Text("refusal.not_offered.title", facts), lines, (*ways, _others(request), dismiss()), Tone.LOW)


def model_off(work: Work, request: Request, refusal: errors.ModelOff) -> Reply:
    title = Text("refusal.model_off", {"model": _model_name(work, refusal.model)})
    return no("picker", title, _offered(work), (_others(request), dismiss()), Tone.LOW)


def price_changed(work: Work, request: Request, refusal: errors.PriceChanged) -> Reply:
    """Going on is the same request at the new price; who has this model as his default may say yes for good."""
    facts = {"model": _model_name(work, refusal.model), "shown": Amount(refusal.shown), "price": Amount(refusal.price)}
    again = {**request.options, "model": refusal.model, "price": refusal.price}
    go_on = Button(Text("refusal.price.go_on", facts), request.command, again, is_main=True)
    title = Text("refusal.price.title", facts)
    default: dict[str, str | int | bool] = {
        "model": refusal.model,
        "price": refusal.price,
        "prompt": request.text("prompt"),
    }
    keep = () if request.text("model") else (Button(Text("refusal.price.keep", facts), "settings", default),)
    ways = (go_on, *keep, _others(request), dismiss())
    return no("coin", title, (Text("refusal.price.how", facts),), ways, Tone.LOW)


def guest_model(work: Work, request: Request, refusal: errors.GuestModelTooDear) -> Reply:
    facts = {"model": _model_name(work, refusal.model), "price": Amount(refusal.price), "limit": Amount(refusal.limit)}
    sign_up = Button(Text("buttons.sign_up"), "signup")
    ways = (*shortages.cheaper_button(work, request, refusal.price), sign_up, dismiss())
    return no(
        "person", Text("refusal.guest_model.title", facts), (Text("refusal.guest_model.how", facts),), ways, Tone.GUEST
    )


def feedback_empty(work: Work, request: Request, refusal: errors.FeedbackEmpty) -> Reply:
    return no("list", Text("refusal.feedback.empty"), (Text("refusal.feedback.how"),), (dismiss(),), Tone.LOW)


def feedback_long(work: Work, request: Request, refusal: errors.FeedbackTooLong) -> Reply:
    return no("list", Text("refusal.feedback.long"), (_length("refusal.feedback.length", refusal),), (dismiss(),))


def no(look: str, title: Text, lines: tuple[Text, ...], buttons: Buttons, tone: Tone = Tone.OUT) -> Reply:
    """A card that says no, with its ways on."""
    return Reply(card=Card(look, title, tone, lines), buttons=buttons, is_refusal=True)


def _others(request: Request) -> Button:
    """The picker for what was asked; where nothing was asked, the list of models."""
    if request.command == "imagine" and request.text("prompt"):
        return picker.other_model(request.text("prompt"), request.text("size") or None)
    return Button(Text("buttons.models"), "models")


def _model_name(work: Work, model_id: str) -> str:
    return catalog.model(work, model_id).name


def _offered(work: Work) -> tuple[Text, ...]:
    names = ", ".join(offer.id for offer in catalog.all_models(work))
    return (Text("refusal.not_found.models", {"models": names}),) if names else ()


def _length(key: str, refusal: errors.PromptTooLong | errors.FeedbackTooLong) -> Text:
    return Text(key, {"length": refusal.length, "limit": refusal.limit})

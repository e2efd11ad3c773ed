"""The models as a list: to choose one for a prompt, or just to look at."""

from bots.commands.conversation import Button, Card, Reply, Request, Row, Text
from bots.commands.offers import Offer, all_offers, best_for, priced, purse, recommended, tier
from engine.database import Work


def pick(work: Work, request: Request) -> Reply:
    """Every model for this request's prompt, with its price; a press starts."""
    offers = all_offers(work, purse(work, request.account_id))
    best = recommended(offers)
    rows = tuple(_row(request, offer, offer is best) for offer in offers)
    lines = (Text("picker.prompt", {"prompt": request.text("prompt")}),)
    return Reply(card=Card("picker", Text("picker.title"), lines=lines, rows=rows), buttons=(dismiss(),))


def details(offer: Offer) -> tuple[Text, ...]:
    """What a list says of a model: price, tier, what it is best for."""
    return (priced("offer.price", offer.purse, offer.model.price), tier(offer.model), best_for(offer.model))


def make_default(offer: Offer, prompt: str = "") -> Button:
    """The smaller way: make this model, at this price, the one that /imagine takes."""
    options: dict[str, str | int | bool] = {"model": offer.model.id, "price": offer.model.price}
    if prompt:
        options["prompt"] = prompt
    return Button(Text("picker.default"), "settings", options)


def dismiss() -> Button:
    """Puts a card away."""
    return Button(Text("buttons.dismiss"), "")


def other_model(prompt: str, size: str | None = None) -> Button:
    """Opens the picker for a prompt, also for who has a default model."""
    options: dict[str, str | int | bool] = {"prompt": prompt, "choose": True}
    if size:
        options["size"] = size
    return Button(Text("buttons.other_model"), "imagine", options)


def _row(request: Request, offer: Offer, is_best: bool) -> Row:
    """A size that this model does not have is left out, and the row says so."""
    size, model = request.text("size"), offer.model
    options: dict[str, str | int | bool] = {"prompt": request.text("prompt"), "model": model.id, "price": model.price}
    notes: tuple[Text, ...] = ()
    if size and size in model.sizes:
        options["size"] = size
    elif size:
        notes = (Text("picker.without_size", {"size": size}),)
    if "seed" in request.options and "seed" in model.capabilities:
        options["seed"] = request.options["seed"]
    label = priced("picker.draw", offer.purse, model.price)
    return Row(
        Text("offer.name", {"model": model.name}),
        details(offer) + notes,
        Button(label, "imagine", options, is_main=is_best, reason=offer.reason),
        make_default(offer, request.text("prompt")) if offer.reason is None else None,
        Text("picker.recommended") if is_best else None,
    )

"""The models as a list: to choose one for a prompt, or just to look at."""

from bots.commands.conversation import Button, Card, Reply, Request, Row, Text
from bots.commands.offers import Offer, all_offers, best_for, priced, purse, recommended, tier
from bots.commands.wishes import Wish, asked, echo
from engine.database import Work


def pick(work: Work, request: Request) -> Reply:
    """Every model for this request's prompt, with its price; a press starts."""
    offers = all_offers(work, purse(work, request.account_id))
    best, wish = recommended(offers), asked(request)
    rows = tuple(_row(wish, offer, offer is best) for offer in offers)
    lines = (Text("picker.prompt", {"prompt": echo(wish.prompt)}),)
    return Reply(card=Card("picker", Text("picker.title"), lines=lines, rows=rows), buttons=(dismiss(),))


def details(offer: Offer) -> tuple[Text, ...]:
    """What a list says of a model: price, tier, what it is best for."""
    return (priced("offer.price", offer.purse, offer.model.price), tier(offer.model), best_for(offer.model))


def make_default(offer: Offer, wish: Wish) -> Button:
    """The smaller way: make this model, at this price, the one that /imagine takes; the wish is kept meanwhile."""
    return Button(Text("picker.default"), "settings", wish.drawn(offer))


def dismiss() -> Button:
    """Puts a card away."""
    return Button(Text("buttons.dismiss"), "")


def close() -> Button:
    """The same, for a card that asks nothing."""
    return Button(Text("buttons.close"), "")


def other_model(wish: Wish) -> Button:
    """Opens the picker for a wish, also for who has a default model."""
    return Button(Text("buttons.other_model"), "imagine", {**wish.carried(), "choose": True})


def _row(wish: Wish, offer: Offer, is_best: bool) -> Row:
    """A size that this model does not have is left out, and the row says so."""
    lacks_size = wish.size is not None and wish.size not in offer.model.sizes
    notes = (Text("picker.without_size", {"size": wish.size}),) if lacks_size else ()
    label = priced("picker.draw", offer.purse, offer.model.price)
    return Row(
        Text("offer.name", {"model": offer.model.name}),
        details(offer) + notes,
        Button(label, "imagine", wish.drawn(offer), is_main=is_best, reason=offer.reason),
        make_default(offer, wish) if offer.reason is None else None,
        Text("picker.recommended") if is_best else None,
    )

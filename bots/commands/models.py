"""/models: what there is to draw with, and what it costs."""

from bots.commands import picker
from bots.commands.conversation import Button, Card, Command, Reply, Request, Row, Text
from bots.commands.offers import Offer, all_offers, purse, recommended
from bots.commands.wishes import Wish
from engine import preferences
from engine.database import Work


def run(work: Work, request: Request) -> Reply:
    """Every enabled model; one that is in reach can be made the default."""
    offers = all_offers(work, purse(work, request.account_id))
    chosen = preferences.get(work, request.account_id).default_model
    rows = tuple(_row(offer, chosen, offer is recommended(offers)) for offer in offers)
    forget = (Button(Text("models.ask"), "settings", {"model": "none"}),) if chosen else ()
    return Reply(card=Card("list", Text("models.title"), lines=(Text("models.how"),), rows=rows), buttons=forget)


def _row(offer: Offer, chosen: str | None, is_best: bool) -> Row:
    is_chosen = offer.model.id == chosen
    mark = Text("models.default") if is_chosen else Text("picker.recommended") if is_best else None
    notes = (offer.reason,) if offer.reason else ()
    extra = None if is_chosen or offer.reason else picker.make_default(offer, Wish(""))
    name = Text("models.name", {"model": offer.model.name, "id": offer.model.id})
    return Row(name, picker.details(offer) + notes, extra=extra, mark=mark)


COMMAND = Command("models", run, is_read=True)

"""What each model costs this person, whether it is in reach, and which one to recommend."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bots.commands.conversation import Text
from bots.texts import FALLBACK, Amount, keys
from engine import catalog, circuits, history
from engine.catalog import Model
from engine.credits import Credits
from engine.database import Work
from engine.history import Balance


@dataclass(frozen=True)
class Purse:
    """What somebody can pay with: a guest with free pictures (`slots`), anyone else with hundredths of a credit."""

    is_guest: bool
    spendable: Credits
    slots: int
    dearest: Credits  # what a guest's model may cost
    wait: timedelta | None = None  # until a guest's next slot returns

    def due(self, price: Credits) -> Credits:
        """What a picture at this price costs this very person: nothing where a guest may draw it."""
        return Credits(0) if self.is_guest and price <= self.dearest else price


@dataclass(frozen=True)
class Offer:
    """A model as this person may have it; `reason` says why not."""

    model: Model
    purse: Purse
    reason: Text | None


def purse(work: Work, account_id: int) -> Purse:
    """What an account can pay with now; account 0 is a stranger's, who would be a guest."""
    if account_id:
        return purse_of(work, history.balance(work, account_id))
    return Purse(True, Credits(0), work.settings.guest_generations, work.settings.guest_model_price)


def purse_of(work: Work, balance: Balance) -> Purse:
    """The same from a balance that was read already."""
    window = balance.guest
    slots = window.left if window else 0
    wait = window.returns_at - balance.at if window and window.returns_at else None
    return Purse(balance.standing == "guest", balance.spendable, slots, work.settings.guest_model_price, wait)


def all_offers(work: Work, mine: Purse) -> list[Offer]:
    """Every enabled model, in the catalog's order."""
    models, now = catalog.all_models(work), work.now()
    resting = {name: _resting(until - now) for name, until in circuits.resting(work, models).items()}
    return [
        replace(one, reason=resting.get(one.model.id, one.reason)) for one in (offer(mine, model) for model in models)
    ]


def offer(mine: Purse, model: Model) -> Offer:
    """One model, also one that is switched off."""
    return Offer(model, mine, _out_of_reach(mine, model.price) if model.is_enabled else Text("offer.switched_off"))


def recommended(offers: list[Offer]) -> Offer | None:
    """The one in reach that gives most for what it takes, or None.

    The only measure of quality that the catalog has is what a picture costs us at the provider. A member pays in
    credits, so the most of it for a credit wins; with equal value the cheaper one. A guest pays with a free picture
    whatever he chooses, so simply the finest wins, and of two equals the one that would cost him more later.
    """
    in_reach = [offer for offer in offers if offer.reason is None]
    return max(in_reach, key=_value, default=None)


def cheaper(work: Work, mine: Purse, than: Credits) -> Offer | None:
    """The best model in reach that costs less than so many hundredths."""
    return recommended([offer for offer in all_offers(work, mine) if offer.model.price < than])


def priced(key: str, mine: Purse, price: Credits, **facts: object) -> Text:
    """A label with its price: `<key>.price`, or `<key>.free` where nothing is paid."""
    return priced_at(key, mine.due(price), **facts)


def priced_at(key: str, due: Credits, **facts: object) -> Text:
    """The same for who knows what is paid."""
    return Text(f"{key}.price", {**facts, "price": Amount(due)}) if due else Text(f"{key}.free", facts)


def tier(model: Model) -> Text:
    """The model's tier in the reader's language."""
    return _said(model, "tier", model.tier)


def best_for(model: Model) -> Text:
    """What the model is best for, in the reader's language."""
    return _said(model, "best_for", model.best_for)


def _resting(left: timedelta) -> Text:
    return Text("offer.resting", {"left": left})


def _out_of_reach(mine: Purse, price: Credits) -> Text | None:
    if mine.is_guest and price > mine.dearest:
        return Text("offer.members_only")
    if mine.is_guest:
        return None if mine.slots else _used_up(mine)
    if price > mine.spendable:
        return Text("offer.missing", {"missing": Amount(price - mine.spendable)})
    return None


def _used_up(mine: Purse) -> Text:
    return Text("offer.no_free_picture") if mine.wait is None else Text("offer.next_free_picture", {"left": mine.wait})


def _value(offer: Offer) -> tuple[float, int, int]:
    cost, price = offer.model.cost_microdollars, offer.model.price
    if offer.purse.is_guest:
        return (cost, price, -offer.model.position)
    return (cost / price if price else float("inf"), -price, -offer.model.position)


def _said(model: Model, what: str, words: str) -> Text:
    """Translated while the row says what the catalog's file said; an operator's own words stay as they are."""
    told = Text(f"catalog.{model.id}.{what}")
    return told if keys(FALLBACK).get(told.key) == words else Text("catalog.own", {"words": words})

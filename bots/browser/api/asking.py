"""What the API asks the engine for: a generation, named by its Idempotency-Key."""

from collections.abc import Callable
from typing import TypeVar

from bots.browser.api.callers import Caller
from bots.browser.api.shapes import Wish
from bots.commands import offers
from bots.commands.offers import Offer
from engine import generations, preferences, trace
from engine.database import Work
from engine.errors import AccountClosed, KeyReused, NotFound
from engine.generations import Ask, Generation
from engine.generations.repeats import earlier, request_key

PLATFORM = "api"

T = TypeVar("T")


def ask(work: Work, caller: Caller, wish: Wish, model_id: str | None, key: str) -> Generation:
    """Start what is wished for. The same wish under the same key is the generation that it began before.

    The price is in the answer and in the list of models, so nobody is asked about it.
    Raises the engine's refusals, KeyReused.
    """
    assert caller.account_id is not None
    found = earlier(work, caller.account_id, PLATFORM, key)
    if found is None:
        found = generations.request(work, _ask(work, caller, caller.account_id, wish, model_id, key))
    if not _is_for(found, wish, model_id):
        raise KeyReused(f"Idempotency-Key {key!r} came before with another wish")
    return found


def once_more_when_joined(function: Callable[[], T]) -> T:
    """Again, for an account that was joined into another one between our look and our lock."""
    try:
        return function()
    except AccountClosed:
        return function()


def _ask(work: Work, caller: Caller, account_id: int, wish: Wish, model_id: str | None, key: str) -> Ask:
    return Ask(
        account_id=account_id,
        platform=PLATFORM,
        request_key=request_key(account_id, key),
        model_id=model_id or _model(work, account_id, wish),
        prompt=wish.prompt,
        size=wish.size,
        seed=wish.seed,
        locale=caller.language,
        may_spend_bought=wish.use_bought_credits,
        trace=trace.current() or trace.new(),
    )


def _is_for(generation: Generation, wish: Wish, model_id: str | None) -> bool:
    """What the wish leaves open - the model, the seed - was chosen when it came first."""
    is_same_model = model_id in (None, generation.model_id)
    is_same_seed = wish.seed in (None, generation.seed)
    return is_same_model and is_same_seed and (generation.prompt, generation.size) == (wish.prompt, wish.size)


def _model(work: Work, account_id: int, wish: Wish) -> str:
    """The account's default, else the cheapest it may use, of those that can do what is wished for if any can."""
    chosen = preferences.get(work, account_id).default_model
    if chosen is not None:
        return chosen
    allowed = [offer for offer in offers.all_offers(work, offers.purse(work, account_id)) if _may_use(offer)]
    able = [offer for offer in allowed if _can_do(offer, wish)]
    cheapest = min(able or allowed, key=lambda offer: offer.model.price, default=None)
    if cheapest is None:
        raise NotFound("model", "any")
    return cheapest.model.id


def _may_use(offer: Offer) -> bool:
    """Pictures only; whether it can be paid for is told by a refusal."""
    is_allowed = not offer.purse.is_guest or offer.model.price <= offer.purse.dearest
    return offer.model.kind == "image" and is_allowed


def _can_do(offer: Offer, wish: Wish) -> bool:
    has_size = wish.size is None or wish.size in offer.model.sizes
    return has_size and (wish.seed is None or "seed" in offer.model.capabilities)

"""What the engine knows, in the shapes of the API."""

from urllib.parse import urljoin

from bots.browser.api.callers import Caller
from bots.browser.api.shapes import Drawing, Failure, Image, Line, Model, Models, Pack, Packs, Page
from bots.browser.front import Front
from bots.commands import offers, statement
from bots.commands.conversation import Text
from bots.commands.offers import Offer
from bots.texts import say
from engine import catalog, generations, history
from engine.credits import Credits
from engine.database import Work
from engine.generations import Generation, StoredPicture
from engine.tables import State

PREFIX = "/api"
YARDSTICK = "starter"
"""The pack that the others are compared with; should it be gone, the first one."""


def drawing(work: Work, front: Front, caller: Caller, generation: Generation) -> Drawing:
    """One generation of the caller's, with what is left to spend."""
    balance = history.balance(work, generation.account_id)
    kept = generations.stored_pictures(work, [generation.id]).get(generation.id, [])
    return Drawing(
        id=generation.id,
        state=generation.state,
        model=generation.model_id,
        prompt=generation.prompt,
        size=generation.size,
        seed=generation.seed,
        cost=generation.price if generation.is_open else generation.charged,
        remaining=balance.spendable,
        free_pictures_left=balance.guest.left if balance.guest else None,
        status_url=f"{caller.site}{PREFIX}/generations/{generation.id}",
        created_at=generation.created_at,
        ended_at=generation.ended_at,
        images=[_image(front, caller, picture) for picture in kept],
        error=_failure(generation, caller.language),
    )


def page(work: Work, caller: Caller, after: str | None, limit: int) -> Page:
    """The caller's statement. Raises ValueError on a cursor that is none."""
    if caller.account_id is None:
        return Page(lines=[], after=None)
    found = history.statement(work, caller.account_id, after, limit)
    return Page(lines=[line(each, caller.language) for each in found.lines], after=found.after)


def line(told: history.Line, language: str) -> Line:
    """One line of the statement."""
    return Line(
        at=told.at,
        kind=told.kind,
        text=_say(language, statement.words(told)),
        change=told.change,
        spent=told.spent,
        balance=told.balance,
    )


def models(work: Work, caller: Caller) -> Models:
    """Every model; whether it is in reach where we know for whom."""
    purse = offers.purse(work, caller.account_id or 0)
    return Models(models=[_model(offer, caller) for offer in offers.all_offers(work, purse)])


def packs(work: Work) -> Packs:
    """Every pack, measured against Starter."""
    all_packs = catalog.all_packs(work)
    yardstick = next((pack for pack in all_packs if pack.id == YARDSTICK), None)
    return Packs(packs=[_pack(pack, yardstick or all_packs[0]) for pack in all_packs])


def _image(front: Front, caller: Caller, picture: StoredPicture) -> Image:
    return Image(
        url=urljoin(f"{caller.site}/", front.media.link(picture.key)),
        thumbnail_url=urljoin(f"{caller.site}/", front.media.link(picture.thumbnail_key)),
        width=picture.width,
        height=picture.height,
        content_type=picture.content_type,
    )


def _failure(generation: Generation, language: str) -> Failure | None:
    if generation.trouble is not None:
        kind = generation.trouble.value
        return Failure(kind=kind, message=say(language, f"result.failed.{kind}"))
    if generation.state is State.CANCELLED:
        return Failure(kind="cancelled", message=say(language, "result.cancelled"))
    return None


def _model(offer: Offer, caller: Caller) -> Model:
    model = offer.model
    return Model(
        id=model.id,
        name=model.name,
        kind=model.kind,
        tier=_say(caller.language, offers.tier(model)),
        best_for=_say(caller.language, offers.best_for(model)),
        price=model.price,
        sizes=model.sizes,
        takes_seed="seed" in model.capabilities,
        is_within_reach=offer.reason is None if caller.is_known else None,
        reason=_say(caller.language, offer.reason) if caller.is_known and offer.reason else None,
    )


def _pack(pack: catalog.Pack, yardstick: catalog.Pack) -> Pack:
    """Rounded against us: what we promise is there."""
    same_money = -(-pack.price_cents * yardstick.credits // yardstick.price_cents)
    share = -(-100 * pack.price_cents * yardstick.credits // (pack.credits * yardstick.price_cents))
    bonus = Credits(max(0, pack.credits - same_money))
    return Pack(
        id=pack.id,
        name=pack.name,
        price=pack.price_cents,
        currency="USD",
        credits=pack.credits,
        bonus=bonus,
        bonus_percent=100 * bonus // same_money,
        saving_percent=max(0, 100 - share),
        is_best_value=pack.is_best_value,
    )


def _say(language: str, text: Text) -> str:
    return say(language, text.key, text.facts)

"""How a generation looks at any moment of its life: the first answer, progress, the delivery, /last."""

from dataclasses import replace

from bots.commands.conversation import Button, Card, Meter, Picture, Reply, Text, Tone
from bots.commands.language import language
from bots.commands.offers import Purse, offer, priced, purse_of
from bots.commands.picker import other_model
from bots.commands.wishes import Wish, echo
from bots.texts import Amount
from engine import catalog, generations, history
from engine.catalog import Model
from engine.database import Work
from engine.generations import Generation, StoredPicture
from engine.history import Balance
from engine.ports import Trouble
from engine.tables import State

STEPS = 4
"""Queued, drawing, finishing, there."""


def show(work: Work, account_id: int, generation_id: int, locale: str = "") -> Reply:
    """A generation of this account as it is now. With a locale the Reply names its language; dispatch does otherwise.

    Raises NotFound.
    """
    generation = generations.mine(work, account_id, generation_id)
    reply = view(work, generation, history.balance(work, account_id))
    return replace(reply, language=language(work, account_id, locale)) if locale else reply


def view(work: Work, generation: Generation, balance: Balance) -> Reply:
    """The same for who has read both already."""
    model, mine = catalog.model(work, generation.model_id), purse_of(work, balance)
    match generation.state:
        case State.STORED:
            return _stored(work, generation, model, balance, mine)
        case State.FAILED | State.CANCELLED:
            return _ended(generation, model, mine)
        case _:
            return _running(work, generation, model)


def _running(work: Work, generation: Generation, model: Model) -> Reply:
    step, title = _stage(work, generation)
    can_stop = generation.state is State.QUEUED or (generation.state is State.SUBMITTED and step == 1)
    meter = Meter(step, STEPS, Tone.GOOD, Text("result.step", {"step": step, "steps": STEPS}))
    lines = (_prompt(generation), _promise(generation, model))
    stop = (Button(Text("buttons.cancel"), "cancel", {"id": generation.id}),) if can_stop else ()
    card = Card("progress", title, lines=lines, meters=(meter,))
    return Reply(card=card, buttons=stop, generation_id=generation.id)


def _stage(work: Work, generation: Generation) -> tuple[int, Text]:
    """How far it is, of `STEPS`, and in words. Our queue and the provider's are one to whoever waits."""
    if generation.state is State.READY:
        return 3, Text("result.finishing")
    if generation.state is State.SUBMITTED and (generation.began_at or not generation.place):
        return 2, Text("result.drawing")
    place = generation.place or 1
    if generation.state is State.QUEUED:
        place = generations.ahead(work, generation) + 1
    return 1, Text("result.next") if place == 1 else Text("result.queued", {"place": place})


def _stored(work: Work, generation: Generation, model: Model, balance: Balance, mine: Purse) -> Reply:
    kept = generations.stored_pictures(work, [generation.id]).get(generation.id, [])
    title = Text("result.stored", {"model": model.name}) if kept else Text("result.deleted")
    again = _again("result.again", generation, model, mine, is_same=False)
    original = Button(Text("result.original"), "last", {"id": generation.id, "file": True})
    hint = Button(Text("buttons.sign_up"), "signup")
    return Reply(
        card=Card("picture", title, lines=(_prompt(generation), _charge(generation, balance))),
        buttons=(
            again,
            other_model(_wish(generation)),
            *((original,) if kept else ()),
            *((hint,) if mine.is_guest else ()),
        ),
        pictures=tuple(_picture(picture, generation.prompt) for picture in kept),
        generation_id=generation.id,
    )


def _picture(picture: StoredPicture, prompt: str) -> Picture:
    return Picture(
        picture.generation_id,
        picture.number,
        picture.key,
        picture.thumbnail_key,
        picture.content_type,
        picture.width,
        picture.height,
        prompt,
    )


def _ended(generation: Generation, model: Model, mine: Purse) -> Reply:
    is_cancelled = generation.state is State.CANCELLED and generation.trouble is None
    trouble = generation.trouble or Trouble.PROVIDER
    title = Text("result.cancelled") if is_cancelled else Text(f"result.failed.{trouble.value}")
    card = Card("failed", title, Tone.LOW, lines=(_prompt(generation), _return(generation)))
    again = _again("result.try_again", generation, model, mine, is_same=True)
    ways = () if trouble is Trouble.BANNED else (again, other_model(_wish(generation)))
    return Reply(card=card, buttons=ways, generation_id=generation.id)


def _again(key: str, generation: Generation, model: Model, mine: Purse, is_same: bool) -> Button:
    """The same request once more; `is_same` keeps the seed too, otherwise the picture would be the same."""
    wanted = offer(mine, model)
    options = _wish(generation, generation.seed if is_same else None).drawn(wanted)
    return Button(priced(key, mine, model.price), "imagine", options, is_main=True, reason=wanted.reason)


def _wish(generation: Generation, seed: int | None = None) -> Wish:
    return Wish(generation.prompt, generation.size, seed)


def _prompt(generation: Generation) -> Text:
    return Text("result.prompt", {"prompt": echo(generation.prompt)})


def _promise(generation: Generation, model: Model) -> Text:
    if generation.price:
        return Text("result.promise.price", {"model": model.name, "price": Amount(generation.price)})
    return Text("result.promise.free", {"model": model.name})


def _charge(generation: Generation, balance: Balance) -> Text:
    """What it cost, exactly, and what is left."""
    if not generation.is_guest:
        charged = generation.charged or 0
        return Text("result.charged", {"charged": Amount(charged), "left": Amount(balance.spendable)})
    if balance.guest is None:
        return Text("result.was_free")
    return Text("result.free", {"left": balance.guest.left, "limit": balance.guest.limit})


def _return(generation: Generation) -> Text:
    if generation.price:
        return Text("result.back.price", {"price": Amount(generation.price)})
    return Text("result.back.free")

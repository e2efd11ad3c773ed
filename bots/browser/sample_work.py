"""Pictures in every state of their life, made by hand for the style guide."""

from bots.browser.shown import Shown
from bots.commands.conversation import Button, Card, Meter, Picture, Reply, Text, Tone
from bots.texts import Amount
from engine.ports import Trouble

FOX = "a fox in the snow, ink and wash, soft morning light"
LONG = "an orchard on a hill above the sea, every tree in blossom, " * 8
PRICE = Amount(100)
SAMPLE = "sample.svg"
OTHER = Button(Text("buttons.other_model"), "imagine", {"prompt": FOX, "choose": True})
AGAIN = Button(Text("result.again.price", {"price": PRICE}), "imagine", {"prompt": FOX}, is_main=True)
RETRY = Button(Text("result.try_again.price", {"price": PRICE}), "imagine", {"prompt": FOX}, is_main=True)
ORIGINAL = Button(Text("result.original"), "last", {"id": 1, "file": True})
STOP = Button(Text("buttons.cancel"), "cancel", {"id": 1})
CHARGED = Text("result.charged", {"charged": PRICE, "left": Amount(4400)})
FREE = Text("result.free", {"left": 2, "limit": 3})


def all_work() -> dict[str, Shown]:
    """Each by the name of its state."""
    return {
        "queued": running(1, Text("result.queued", {"place": 3}), buttons=(STOP,)),
        "queued-next": running(1, Text("result.next"), size=(16, 9), buttons=(STOP,)),
        "drawing": running(2, Text("result.drawing")),
        "drawing-upright": running(2, Text("result.drawing"), size=(3, 4)),
        "drawing-four": running(2, Text("result.drawing"), count=4),
        "finishing": running(3, Text("result.finishing"), size=(4, 3)),
        "done": done((1024, 1024)),
        "done-wide": done((1280, 720)),
        "done-upright": done((768, 1024), prompt=LONG),
        "done-four": done((1024, 1024), count=4),
        "done-guest": done((1024, 1024), charge=FREE, more=(Button(Text("result.sign_up"), "signup"),)),
        "deleted": over("picture", Text("result.deleted"), (AGAIN, OTHER), CHARGED),
        "cancelled": over("failed", Text("result.cancelled"), (RETRY, OTHER)),
        **{f"failed-{trouble.value}": failed(trouble) for trouble in Trouble},
    }


def running(
    step: int, title: Text, size: tuple[int, int] = (1, 1), count: int = 1, buttons: tuple[Button, ...] = ()
) -> Shown:
    """On its way, at a step of three."""
    meter = Meter(step, 4, Tone.GOOD, Text("result.step", {"step": step, "steps": 4}))
    promise = Text("result.promise.price", {"model": "Flux Dev", "price": PRICE})
    card = Card("progress", title, lines=(_prompt(FOX), promise), meters=(meter,))
    return Shown(1, 0, FOX, size, count, Reply(card=card, buttons=buttons, generation_id=1))


def done(
    size: tuple[int, int], count: int = 1, prompt: str = FOX, charge: Text = CHARGED, more: tuple[Button, ...] = ()
) -> Shown:
    """There, with its charge and the ways on."""
    pictures = tuple(picture(size, number, prompt) for number in range(count))
    card = Card("picture", Text("result.stored", {"model": "Flux Dev"}), lines=(_prompt(prompt), charge))
    buttons = (AGAIN, OTHER, ORIGINAL, *more)
    return Shown(1, 0, prompt, size, count, Reply(card=card, buttons=buttons, pictures=pictures, generation_id=1))


def failed(trouble: Trouble) -> Shown:
    """Ended without a picture, and given back."""
    ways = () if trouble is Trouble.BANNED else (RETRY, OTHER)
    return over("failed", Text(f"result.failed.{trouble.value}"), ways)


def over(look: str, title: Text, buttons: tuple[Button, ...], note: Text | None = None) -> Shown:
    """Ended, with nothing to look at."""
    back = note or Text("result.back.price", {"price": PRICE})
    card = Card(look, title, Tone.LOW, lines=(_prompt(FOX), back))
    return Shown(1, 0, FOX, (1, 1), 1, Reply(card=card, buttons=buttons, generation_id=1))


def picture(size: tuple[int, int], number: int = 0, prompt: str = FOX) -> Picture:
    """A stored picture; the style guide hangs its one sample for it."""
    return Picture(1, number, SAMPLE, SAMPLE, "image/svg+xml", *size, prompt)


def _prompt(prompt: str) -> Text:
    return Text("result.prompt", {"prompt": prompt})

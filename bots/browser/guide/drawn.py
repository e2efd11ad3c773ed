"""Generations at every moment of their life: requested on the stage, and led there step by step."""

from dataclasses import dataclass
from uuid import uuid4

from bots.browser import shown
from bots.browser.desk import PLATFORM
from bots.browser.guide.stage import FOX, Stage
from bots.browser.shown import Shown
from engine import generations, history, storage
from engine.generations import Ask, Kept, steps, watching
from engine.generations.arriving import arrive
from engine.ports import Done, Output, Taken, Trouble

LONG = "an orchard on a hill above the sea, every tree in blossom, " * 8
WIDE, HIGH, THREE_TO_FOUR, FOUR_TO_THREE = "16:9", "9:16", "3:4", "4:3"
SIZES = {
    None: (1024, 1024),
    WIDE: (1280, 720),
    HIGH: (720, 1280),
    THREE_TO_FOUR: (768, 1024),
    FOUR_TO_THREE: (1024, 768),
}


@dataclass(frozen=True)
class Wish:
    """What is asked for, and by whom."""

    prompt: str = FOX
    size: str | None = None
    pictures: int = 1
    who: str = "dora"


def all_drawn(stage: Stage) -> dict[str, Shown]:
    """Each by the name of its state."""
    done, failed = _done(stage), _failed(stage)  # before who waits: places in line count everybody
    led = _running(stage) | done | failed
    owners = {wish.who: stage.account(wish.who) for wish, _ in led.values()}
    with stage.database.read() as work:
        balances = {who: history.balance(work, account_id) for who, account_id in owners.items()}
        return {name: shown.one_shown(work, balances[wish.who], id) for name, (wish, id) in led.items()}


def use_up(stage: Stage, who: str) -> None:
    """Every free picture of a guest."""
    for number in range(stage.database.settings.guest_generations):
        store(stage, Wish(f"{FOX}, {number + 1}", who=who))


def store(stage: Stage, wish: Wish) -> int:
    """A picture that has come; the number of its generation. The guide hangs its one sample for each."""
    generation_id = _draw(stage, wish)
    _is_ready(stage, generation_id, wish)
    held = stage.database.run(lambda work: steps.lease(work, generation_id))
    assert held is not None
    width, height = SIZES[wish.size]
    keys = [f"{generation_id}/{number}" for number in range(wish.pictures)]
    kept = [Kept(key, key, "image/jpeg", width, height, 2_400_000) for key in keys]
    stage.database.run(lambda work: steps.stored(work, held, kept))
    return generation_id


Led = dict[str, tuple[Wish, int]]


def _done(stage: Stage) -> Led:
    wishes = {
        "done": Wish(),
        "done-wide": Wish(size=WIDE),
        "done-upright": Wish(LONG, THREE_TO_FOUR),
        "done-tall": Wish(size=HIGH),
        "done-four": Wish(pictures=4),
        "done-guest": Wish(who="gus"),
        "deleted": Wish(),
    }
    led = {name: (wish, store(stage, wish)) for name, wish in wishes.items()}
    wish, gone = led["deleted"]
    owner = stage.account(wish.who)
    stage.database.run(lambda work: storage.delete(work, owner, gone))
    return led


def _failed(stage: Stage) -> Led:
    led = {f"failed-{trouble.value}": (Wish(), _fail(stage, Wish(), trouble)) for trouble in Trouble}
    free, stopped = Wish(who="gus"), Wish()
    led["failed-guest"] = (free, _fail(stage, free, Trouble.PROVIDER))
    led["cancelled"] = (stopped, _request(stage, stopped))
    stage.ask(stopped.who, "cancel", id=led["cancelled"][1])
    return led


def _running(stage: Stage) -> Led:
    wishes = {
        "drawing": Wish(),
        "drawing-upright": Wish(size=THREE_TO_FOUR),
        "drawing-four": Wish(pictures=4),
        "finishing": Wish(size=FOUR_TO_THREE),
    }
    led = {name: (wish, _draw(stage, wish)) for name, wish in wishes.items()}
    wish, generation_id = led["finishing"]
    _is_ready(stage, generation_id, wish)
    for name, waits in {"queued-next": Wish(size=WIDE), "queued-second": Wish(), "queued": Wish()}.items():
        led[name] = (waits, _request(stage, waits))
    return led


def _request(stage: Stage, wish: Wish) -> int:
    account_id, key = stage.account(wish.who), uuid4().hex
    ask = Ask(account_id, PLATFORM, key, "flux-dev", wish.prompt, wish.size, pictures=wish.pictures)
    return stage.database.run(lambda work: generations.request(work, ask)).id


def _fail(stage: Stage, wish: Wish, trouble: Trouble) -> int:
    generation_id = _request(stage, wish)
    stage.database.run(lambda work: steps.fail(work, generation_id, trouble))
    return generation_id


def _draw(stage: Stage, wish: Wish) -> int:
    """Taken by the provider, which has begun."""
    generation_id = _request(stage, wish)
    held = stage.database.run(lambda work: steps.lease(work, generation_id))
    assert held is not None
    job = stage.database.run(lambda work: steps.begin(work, held))
    assert job is not None
    stage.database.run(lambda work: steps.submitted(work, held, job.attempt, Taken(_name(generation_id))))
    sight = watching.Sight(generation_id, _name(generation_id), None, True, steps.FIRST_LOOK)
    stage.database.run(lambda work: watching.saw(work, [sight]))
    return generation_id


def _is_ready(stage: Stage, generation_id: int, wish: Wish) -> None:
    outputs = [Output("https://provider.example/picture.jpg")] * wish.pictures
    stage.database.run(lambda work: arrive(work, generation_id, 1, _name(generation_id), Done(tuple(outputs))))


def _name(generation_id: int) -> str:
    """What the provider calls it."""
    return f"guide-{generation_id}"

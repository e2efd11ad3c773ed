"""A generation as the page shows it: its reply, and the room it takes before there is a picture."""

import re
from dataclasses import dataclass
from functools import cached_property

from bots.commands import results
from bots.commands.conversation import Picture, Reply
from engine import generations
from engine.database import Work
from engine.generations import Generation
from engine.history import Balance

LOOKS = ("progress", "picture", "failed")
PHASES = ("queued", "drawing", "finishing")
RATIO = re.compile(r"(?P<wide>\d{1,2})[:_x](?P<high>\d{1,2})$")
HISTORY = 20


@dataclass(frozen=True)
class Shown:
    """`version` changes whenever the page has to show something else; `changed` in microseconds since 1970."""

    id: int
    changed: int
    prompt: str
    ratio: tuple[int, int]
    count: int
    reply: Reply

    @property
    def version(self) -> str:
        return f"{self.changed}-{self._place}"

    @property
    def is_running(self) -> bool:
        return self.phase in PHASES

    @cached_property
    def phase(self) -> str:
        """queued, drawing, finishing, done, failed, or gone (deleted by its owner)."""
        card = self.reply.card
        if card is not None and card.look == "progress":
            return PHASES[card.meters[0].value - 1]
        if card is not None and card.look == "picture":
            return "done" if self.reply.pictures else "gone"
        return "failed"

    @property
    def steps(self) -> tuple[str, ...]:
        """How each step of the progress looks."""
        now = PHASES.index(self.phase)
        return tuple("is-past" if step < now else "is-now" if step == now else "" for step in range(len(PHASES)))

    @property
    def hanging(self) -> str:
        """How wide it hangs; the same before and after, so that nothing jumps."""
        return _hanging(self.count, *self.ratio)

    @property
    def _place(self) -> object:
        """The place in line moves without the row changing."""
        card = self.reply.card
        return card.title.facts.get("place", 0) if card else 0


def all_shown(work: Work, balance: Balance, since: int | None = None) -> list[Shown]:
    """The newest generations, oldest first; with `since` (microseconds) what runs and what has changed after it."""
    newest = generations.latest(work, balance.account_id, HISTORY)
    wanted = [one for one in newest if since is None or one.is_open or _micros(one) > since]
    return [_shown(work, one, balance) for one in reversed(wanted)]


def one_shown(work: Work, balance: Balance, generation_id: int) -> Shown:
    """One of the account's. Raises NotFound."""
    return _shown(work, generations.mine(work, balance.account_id, generation_id), balance)


def answered(work: Work, account_id: int, reply: Reply) -> Shown | None:
    """What a command's answer shows of a generation, as it words it; None when it is about something else."""
    is_about = reply.card is not None and reply.card.look in LOOKS and not reply.as_file
    if reply.generation_id is None or not is_about:
        return None
    return _around(generations.mine(work, account_id, reply.generation_id), reply)


def hanging(pictures: tuple[Picture, ...]) -> str:
    """How wide these pictures hang."""
    return _hanging(len(pictures), pictures[0].width, pictures[0].height)


def _shown(work: Work, generation: Generation, balance: Balance) -> Shown:
    return _around(generation, results.view(work, generation, balance))


def _around(generation: Generation, reply: Reply) -> Shown:
    shape = ratio(generation.size)
    return Shown(generation.id, _micros(generation), generation.prompt, shape, generation.pictures, reply)


def ratio(size: str | None) -> tuple[int, int]:
    """The shape a size stands for, whatever the model calls it: 16:9, landscape_16_9, portrait_4_3, square_hd."""
    found = RATIO.search(size or "")
    if not found:
        return 1, 1
    wide, high = int(found["wide"]) or 1, int(found["high"]) or 1
    is_upright = (size or "").startswith("portrait") and wide > high
    return (high, wide) if is_upright else (wide, high)


def _hanging(count: int, wide: int, high: int) -> str:
    if count > 1:
        return "is-many"
    return "is-tall" if high > wide else "is-square" if high == wide else "is-wide"


def _micros(generation: Generation) -> int:
    return int(generation.changed_at.timestamp() * 1_000_000)

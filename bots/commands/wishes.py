"""What somebody wants drawn, carried from button to button: the prompt with its size and seed."""

from dataclasses import dataclass

from bots.commands.conversation import Request
from bots.commands.offers import Offer

ECHO = 200
Carried = dict[str, str | int | bool]


@dataclass(frozen=True)
class Wish:
    """A prompt and how it is to be drawn, with whatever model."""

    prompt: str
    size: str | None = None
    seed: int | None = None

    def carried(self) -> Carried:
        """All of it, for a button that does not draw yet."""
        every = {"prompt": self.prompt, "size": self.size, "seed": self.seed}
        return {name: value for name, value in every.items() if value not in (None, "")}

    def drawn(self, offer: Offer) -> Carried:
        """The same with a model and what it costs this person; what the model does not offer is left out."""
        model = offer.model
        taken = {"prompt": True, "size": self.size in model.sizes, "seed": "seed" in model.capabilities}
        wanted = {name: value for name, value in self.carried().items() if taken[name]}
        return {**wanted, "model": model.id, "price": offer.purse.due(model.price)}


def asked(request: Request) -> Wish:
    """What a request wants drawn."""
    seed = request.options.get("seed")
    return Wish(request.text("prompt"), request.text("size") or None, None if seed is None else int(seed))


def echo(words: str, most: int = ECHO) -> str:
    """A user's own words as an answer repeats them: the beginning, when they are many."""
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"

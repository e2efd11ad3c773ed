"""Prompts to begin with, as buttons."""

from bots.commands.conversation import Button, Card, Reply, Request, Text
from bots.commands.offers import Purse, priced, purse
from bots.texts import FALLBACK, say
from engine import catalog, preferences
from engine.database import Work

EXAMPLES = (Text("examples.fox"), Text("examples.harbour"), Text("examples.robot"))


def buttons(work: Work, request: Request) -> tuple[Button, ...]:
    """Ready prompts. Who has a default model starts at once, so the price is on the button."""
    chosen = preferences.get(work, request.account_id) if request.account_id else None
    model = catalog.model(work, chosen.default_model) if chosen and chosen.default_model else None
    prompts = [say(request.language or FALLBACK, example.key) for example in EXAMPLES]
    if model is None:
        return tuple(_without_price(prompt) for prompt in prompts)
    mine = purse(work, request.account_id)
    return tuple(_with_price(prompt, mine, model) for prompt in prompts)


def what_to_draw(work: Work, request: Request) -> Reply:
    """The answer to /imagine without a prompt."""
    card = Card("picker", Text("imagine.empty.title"), lines=(Text("imagine.empty.how"),))
    return Reply(card=card, buttons=buttons(work, request))


def _with_price(prompt: str, mine: Purse, model: catalog.Model) -> Button:
    label = priced("examples.button", mine, model.price, prompt=prompt)
    return Button(label, "imagine", {"prompt": prompt, "model": model.id, "price": mine.due(model.price)})


def _without_price(prompt: str) -> Button:
    """The picker comes first, and has the prices."""
    return Button(Text("examples.button.choose", {"prompt": prompt}), "imagine", {"prompt": prompt})

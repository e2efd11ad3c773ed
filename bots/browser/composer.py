"""What the message box offers: commands, their options, and the values of those, models with their prices."""

from dataclasses import dataclass

from bots import commands
from bots.browser.desk import Desk, Lock
from bots.commands import offers
from bots.commands.conversation import Command, Option, Text, Who
from bots.commands.offers import Offer
from bots.commands.parsing import is_the_line
from bots.texts import say
from engine import catalog
from engine.database import Work

ROOM_FOR_A_COMMAND = 200
Choice = dict[str, object]


@dataclass(frozen=True)
class Composer:
    """`limit` in characters."""

    choices: list[Choice]
    limit: int
    lock: Lock | None


def composer(work: Work, desk: Desk) -> Composer:
    """The message box for whoever sits at this desk."""
    everything = {one.model.id: one for one in offers.all_offers(work, offers.purse(work, desk.account_id or 0))}
    known = [command for command in commands.COMMANDS if command.who is Who.EVERYONE]
    choices = [_command(work, desk.language, command, everything) for command in known]
    return Composer(choices, work.settings.prompt_limit + ROOM_FOR_A_COMMAND, desk.lock)


def _command(work: Work, language: str, command: Command, models: dict[str, Offer]) -> Choice:
    typed = [option for option in command.options if not (option.is_hidden or is_the_line(option))]
    options = [_option(work, language, command, option, models) for option in typed]
    return {"value": f"/{command.name}", "text": _said(language, command.description), "options": options}


def _option(work: Work, language: str, command: Command, option: Option, models: dict[str, Offer]) -> Choice:
    values = option.choices(catalog.all_models(work)) if option.choices else []
    choices = [{"value": value, "text": _about(language, models.get(value))} for value in values]
    about = _said(language, command.about(option))
    return {"value": f"--{option.name}", "text": about, "choices": choices}


def _about(language: str, offer: Offer | None) -> str:
    """A model's price and what it is best for, or why it is out of reach."""
    if offer is None:
        return ""
    price = offers.priced("offer.price", offer.purse, offer.model.price)
    return " · ".join(_said(language, text) for text in (price, offer.reason or offers.best_for(offer.model)))


def _said(language: str, text: Text) -> str:
    return say(language, text.key, text.facts)

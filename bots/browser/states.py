"""The living style guide: everything the chat can show, in every state, from the templates it is shown with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bots.browser import assets
from bots.browser.desk import Lock, Slots
from bots.browser.rendering import render
from bots.browser.sample_cards import SIGN_UP, all_answers
from bots.browser.sample_refusals import all_refusals
from bots.browser.sample_work import all_work
from bots.commands.badge import Badge
from bots.commands.conversation import Button, Meter, Reply, Text, Tone
from bots.texts import Amount, Number


@dataclass(frozen=True)
class State:
    """One thing in one state: its name on the page, and what its fragment is made of."""

    name: str
    value: object


def page(name: str, language: str) -> str:
    """The whole guide. Needs no database."""
    values = {"badge": badges()["guest"], "slots": Slots(2, 0), "tag": "", "name": name, "groups": groups()}
    return render("states.html", language, assets.address, **values)


def groups() -> dict[str, list[State]]:
    """Every state, by what it is a state of."""
    everything: dict[str, Mapping[str, object]] = {
        "badge": badges(),
        "button": {name: Reply(buttons=(one,)) for name, one in buttons().items()},
        "generation": all_work(),
        "answer": all_answers(),
        "refusal": all_refusals(),
        "composer": locks(),
    }
    return {group: [State(name, value) for name, value in states.items()] for group, states in everything.items()}


def badges() -> dict[str, Badge]:
    """The four tones, and a meter at both ends."""
    return {
        "guest": _badge(
            Tone.GUEST, Text("badge.guest", {"left": 2, "limit": 3}), 2, 3, Text("badge.slots", {"left": 2})
        ),
        "guest-out": _badge(
            Tone.OUT, Text("badge.guest", {"left": 0, "limit": 3}), 0, 3, Text("badge.slots", {"left": 0})
        ),
        "good": _day(Tone.GOOD, 500, 5500),
        "low": _day(Tone.LOW, 250, 850),
        "out": _day(Tone.OUT, 0, 0),
        "no-day": _badge(
            Tone.GOOD,
            Text("badge.credits", {"amount": Amount(1250)}),
            1,
            1,
            Text("badge.credits", {"amount": Amount(1250)}),
        ),
    }


def buttons() -> dict[str, Button]:
    """A button in each weight, and one that cannot be pressed."""
    label = Text("picker.draw.price", {"price": Amount(100)})
    return {
        "main": Button(label, "imagine", is_main=True),
        "plain": Button(label, "imagine"),
        "refused": Button(label, "imagine", reason=Text("offer.missing", {"missing": Amount(50)})),
    }


def locks() -> dict[str, Lock]:
    """Why the composer is closed."""
    wait = {"wait": timedelta(hours=9, minutes=42)}
    return {
        "used-up": Lock(Text("browser.lock.reason", wait), (SIGN_UP,)),
        "never": Lock(Text("browser.lock.never"), (SIGN_UP,)),
    }


def _day(tone: Tone, left: int, total: int) -> Badge:
    text = Text("badge.day", {"left": Number(left), "limit": Number(500)})
    return _badge(tone, text, left, 500, Text("badge.total", {"amount": Amount(total)}))


def _badge(tone: Tone, text: Text, value: int, most: int, label: Text) -> Badge:
    return Badge(tone, text, Meter(value, most, tone, label))

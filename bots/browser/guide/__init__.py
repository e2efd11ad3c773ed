"""The living style guide: everything the chat can show, in every state, from the real commands and templates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock as Mutex

from bots.browser import assets, desk
from bots.browser.desk import Lock, Slots
from bots.browser.guide.answered import all_answers
from bots.browser.guide.drawn import all_drawn
from bots.browser.guide.refused import all_facts, all_refused
from bots.browser.guide.stage import FOX, Stage, raised
from bots.browser.rendering import render
from bots.commands import badge, examples
from bots.commands.badge import Badge
from bots.commands.conversation import Button, Reply, Request, Text
from engine import history

__all__ = ["State", "all_facts", "groups", "page", "raised"]

_ONE_AT_A_TIME = Mutex()  # migrations keep their context in a global


@dataclass(frozen=True)
class State:
    """One thing in one state: its name on the page, and what its fragment is made of."""

    name: str
    value: object


Groups = Mapping[str, list[State]]


def page(name: str, language: str) -> str:
    """The whole guide, over a database that lives as long as it takes to make it once in each language."""
    known = groups(name, language)
    first = next(state.value for state in known["badge"] if state.name == "guest")
    values = {"badge": first, "slots": Slots(2, 0), "tag": "", "name": name, "groups": known}
    return render("states.html", language, lambda key: assets.address("sample.svg"), **values)


def groups(name: str, language: str) -> Groups:
    """Every state, by what it is a state of."""
    with _ONE_AT_A_TIME:
        return _groups(name, language)


@cache
def _groups(name: str, language: str) -> Groups:
    with raised(name, language) as stage:
        drawn, answers = all_drawn(stage), all_answers(stage)
        everything: dict[str, Mapping[str, object]] = {
            "badge": _badges(stage),
            "button": {name: Reply(buttons=(one,)) for name, one in _buttons(answers["imagine-picker-low"]).items()},
            "welcome": {"empty": _examples(stage)},
            "generation": drawn,
            "answer": answers,
            "notice": {"low": _notice(stage)},
            "refusal": all_refused(stage),
            "composer": _locks(stage),
        }
    return {group: [State(name, value) for name, value in states.items()] for group, states in everything.items()}


def _badges(stage: Stage) -> dict[str, Badge]:
    """The four tones, a meter at both ends, and a place without a daily allowance."""
    people = {"guest": "gus", "guest-out": "gil", "good": "alice", "low": "carol", "out": "bob"}
    owners = {name: stage.account(who) for name, who in people.items()}
    with stage.database.read() as work:
        balances = {name: history.balance(work, account_id) for name, account_id in owners.items()}
        balances["no-day"] = replace(balances["good"], day=None)
        known = {name: badge.of(work, balance) for name, balance in balances.items()}
        return {"stranger": badge.badge(work, None), **known}


def _buttons(picker: Reply) -> dict[str, Button]:
    """A button in each weight, and one that cannot be pressed."""
    assert picker.card is not None
    presses = [row.button for row in picker.card.rows if row.button]
    return {
        "main": next(one for one in presses if one.is_main),
        "plain": next(one for one in presses if not one.is_main and not one.reason),
        "refused": next(one for one in presses if one.reason),
        "dismiss": picker.buttons[-1],
    }


def _examples(stage: Stage) -> tuple[Button, ...]:
    with stage.database.read() as work:
        return examples.buttons(work, Request(desk.PLATFORM, "", "", "", language=stage.language))


def _notice(stage: Stage) -> Text:
    """What Fay hears with the picture that takes her below the limit."""
    notice = stage.ask("fay", "imagine", prompt=FOX, model="flux-dev").notice
    assert notice is not None
    return notice


def _locks(stage: Stage) -> dict[str, Lock | None]:
    """Why the composer is closed."""
    with stage.database.read() as work:
        never = replace(work, settings=work.settings.model_copy(update={"guest_generations": 0}))
        return {
            "used-up": desk.look(work, "gil", stage.language).lock,
            "never": desk.look(never, "gil", stage.language).lock,
        }

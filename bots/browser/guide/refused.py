"""Every refusal as its card: facts made up for the guide, worded by the command layer."""

from dataclasses import replace
from datetime import datetime, timedelta

from bots import commands
from bots.browser.guide.stage import FOX, Stage
from bots.commands import parsing
from bots.commands.conversation import Reply, Text
from bots.commands.parsing import BadLine
from bots.commands.picker import dismiss
from bots.commands.rights import NotAllowed
from bots.commands.shortages import try_again
from engine import errors
from engine.credits import parse
from engine.errors import Refusal

ONE, TWO = parse(1), parse(2)


def all_refused(stage: Stage) -> dict[str, Reply]:
    """Each by the name of its state, as Carol meets it on the way to a picture."""
    wish: dict[str, str | int | bool] = {"prompt": FOX, "model": "nano-banana-pro"}
    return {"trouble": _trouble(stage)} | {
        name: stage.refuse(refusal, **wish) for name, refusal in all_facts(stage).items()
    }


def all_facts(stage: Stage) -> dict[str, Refusal]:
    """One refusal of every kind and look, by the name of its state."""
    with stage.database.read() as work:
        now = work.now()
    return _shortages(now) | _words() | _times(now) | _people(now)


def _shortages(now: datetime) -> dict[str, Refusal]:
    later, have = now + timedelta(hours=9, minutes=42), parse("1.5")
    credits = errors.InsufficientCredits(TWO, have, tops_up_at=later, tops_up_to=parse(5))
    storage = errors.StorageFull(5_000_000, 196_000_000, 2_000_000, 200_000_000)
    guest = errors.GuestLimit(1, 3, 3, later)
    return {
        "credits": credits,
        "credits-debt": errors.InsufficientCredits(TWO, have, frozen=parse(10), is_in_debt=True),
        "credits-dispute": errors.InsufficientCredits(TWO, have, frozen=parse(10), is_disputed=True),
        "credits-daily": replace(credits, daily_left=have),
        "guest": guest,
        "guest-never": errors.GuestLimit(1, 0, 0, None),
        "storage": storage,
        "both": errors.Shortages((credits, storage)),
        "bought": errors.BoughtCreditsNeeded(TWO, parse("0.5"), have, is_never=False),
        "bought-off": errors.BoughtCreditsNeeded(TWO, parse("0.5"), have, is_never=True),
        "cap": errors.OwnCapReached(ONE, parse(5), parse("4.5"), later),
    }


def _words() -> dict[str, Refusal]:
    return {
        "typo": _misread("/imagin a fox in the snow"),
        "option": _misread("/imagine a fox in the snow --colour red"),
        "prompt-empty": errors.PromptEmpty(),
        "prompt-long": errors.PromptTooLong(2001, 2000),
        "prompt-forbidden": errors.PromptForbidden(),
        "model-off": errors.ModelOff("flux-dev"),
        "model-unknown": errors.NotFound("model", "vermeer"),
        "size": errors.NotOffered("flux-dev", "size", "2:1", ("1:1", "16:9")),
        "no-seeds": errors.NotOffered("nano-banana", "seed", "4", ()),
        "price": errors.PriceChanged("flux-dev", ONE, parse("1.5")),
        "feedback-empty": errors.FeedbackEmpty(),
        "feedback-long": errors.FeedbackTooLong(4001, 4000),
        "keys": errors.TooManyKeys(5),
    }


def _times(now: datetime) -> dict[str, Refusal]:
    return {
        "too-soon": errors.TooSoon(10, now + timedelta(seconds=7)),
        "queue": errors.QueueFull(3, 3, is_total=False),
        "queue-total": errors.QueueFull(1000, 1000, is_total=True),
        "model-resting": errors.ModelResting("flux-dev", now + timedelta(seconds=48)),
        "maintenance": errors.UnderMaintenance(is_everywhere=True),
        "maintenance-here": errors.UnderMaintenance(is_everywhere=False),
        "busy": errors.Busy(),
        "too-late": errors.TooLateToCancel(1, "submitted"),
        "too-late-ended": errors.TooLateToCancel(1, "stored"),
    }


def _people(now: datetime) -> dict[str, Refusal]:
    return {
        "guest-model": errors.GuestModelTooDear("nano-banana-pro", TWO, ONE),
        "banned": errors.Banned("spam", now, is_everywhere=True),
        "banned-here": errors.Banned("spam", now, is_everywhere=False),
        "not-a-member": errors.NotAMember(1),
        "already-member": errors.AlreadyMember(1),
        "not-allowed": NotAllowed("stats"),
        "not-givable": errors.NotGivable(TWO, ONE, is_frozen=False),
        "not-linkable": errors.NotLinkable(1, 1),
        "not-below-zero": errors.NotBelowZero(TWO, ONE),
        "not-found": errors.NotFound("generation", "7"),
        "terms": errors.TermsNotAccepted("2026-11-20"),
    }


def _misread(line: str) -> BadLine:
    """Why a typed line cannot be read."""
    try:
        parsing.read(line, commands.COMMANDS)
    except BadLine as bad:
        return bad
    raise AssertionError(f"{line} can be read")


def _trouble(stage: Stage) -> Reply:
    """What dispatch says when something breaks on our side."""
    again = try_again(stage.asked("carol", "imagine", prompt=FOX))
    return Reply(text=Text("refusal.trouble", {"id": "3f9a01c2"}), buttons=(again, dismiss()), is_refusal=True)

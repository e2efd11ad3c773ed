"""Every refusal becomes a card, in every language, with ways on that exist."""

from datetime import UTC, datetime, timedelta

import pytest

from bots.commands import refusals
from bots.commands.conversation import Request, Text
from bots.commands.parsing import BadLine
from bots.commands.plain import plain
from bots.commands.rights import NotAllowed
from bots.texts import languages
from engine import errors
from engine.credits import parse

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOON = datetime.now(UTC) + timedelta(days=2)

SAMPLES = [
    BadLine(Text("line.no_option", {"command": "imagine", "option": "colour"})),
    NotAllowed("stats"),
    errors.Shortages((errors.StorageFull(5, 3, 1, 4), errors.GuestLimit(1, 3, 3, SOON))),
    errors.InsufficientCredits(parse(2), parse(1)),
    errors.InsufficientCredits(parse(2), parse(1), frozen=parse(3), is_in_debt=True),
    errors.InsufficientCredits(parse(2), parse(1), frozen=parse(3), is_disputed=True, tops_up_at=SOON),
    errors.BoughtCreditsNeeded(parse(2), parse(1), parse(1), is_never=False),
    errors.BoughtCreditsNeeded(parse(2), parse(0), parse(2), is_never=True),
    errors.OwnCapReached(parse(2), parse(0), parse(0), SOON),
    errors.StorageFull(5, 3, 1, 0),
    errors.GuestLimit(1, 3, 3, SOON),
    errors.GuestLimit(1, 0, 0, None),
    errors.PromptEmpty(),
    errors.PromptTooLong(2001, 2000),
    errors.PromptForbidden(),
    errors.ModelOff("flux-dev"),
    errors.NotOffered("flux-dev", "size", "1:1", ("4:3", "16:9")),
    errors.NotOffered("nano-banana", "seed", "4", ()),
    errors.PriceChanged("flux-dev", parse(1), parse("1.5")),
    errors.TooLateToCancel(7, "submitted"),
    errors.TooLateToCancel(7, "stored"),
    errors.TermsNotAccepted("2026-11-20"),
    errors.FeedbackEmpty(),
    errors.FeedbackTooLong(4001, 4000),
    errors.TooManyKeys(5),
    errors.GuestModelTooDear("nano-banana-pro", parse(2), parse(1)),
    errors.TooSoon(10, SOON),
    errors.ModelResting("flux-dev", SOON),
    errors.QueueFull(3, 3, is_total=False),
    errors.QueueFull(1000, 1000, is_total=True),
    errors.UnderMaintenance(is_everywhere=True),
    errors.UnderMaintenance(is_everywhere=False),
    errors.Banned("spam", NOON, is_everywhere=True),
    errors.Banned("spam", NOON, is_everywhere=False),
    errors.Busy(),
    errors.NotAMember(7),
    errors.AlreadyMember(7),
    errors.NotGivable(parse(2), parse(1), is_frozen=False),
    errors.NotGivable(parse(2), parse(1), is_frozen=True),
    errors.NotLinkable(7, 7),
    errors.NotFound("model", "vermeer"),
    errors.NotFound("generation", "7"),
    errors.NotFound("key", "7"),
    errors.NotFound("space", "7"),
    errors.NotBelowZero(parse(2), parse(1)),
]
ANSWERS = (errors.PromptEmpty, errors.TermsNotAccepted, errors.FeedbackEmpty)
"""Told as the card that helps at once, not as a no."""


@pytest.fixture
def here(new_database):
    """One kind of database is enough for wording."""
    return new_database("sqlite")


def test_there_is_a_sample_of_every_refusal():
    assert {type(sample) for sample in SAMPLES} == set(refusals.TABLE)


@pytest.mark.parametrize("who", ["a stranger", "a member"])
def test_every_refusal_is_told_in_every_language(here, cast_here, who):
    account_id = cast_here if who == "a member" else 0
    request = Request("telegram", "alice", "1", "imagine", {"prompt": "a fox"}, account_id=account_id)

    with here.read() as work:
        for sample in SAMPLES:
            reply = refusals.card(work, request, sample)
            for language in languages():
                lines = plain(type(reply)(**{**vars(reply), "language": language}))
                assert all("{" not in line and line.strip() for line in lines), (sample, lines)
            assert reply.is_refusal or isinstance(sample, ANSWERS)
            assert reply.card is not None
            assert reply.buttons, sample


@pytest.fixture
def cast_here(here):
    """Alice in this database."""
    from tests.conftest import make_cast

    return make_cast(here).alice


def test_trying_again_repeats_the_whole_request(here):
    options = {"prompt": "a fox", "model": "flux-dev", "seed": 4, "price": 100}
    request = Request("telegram", "nora", "1", "imagine", options)

    with here.read() as work:
        reply = refusals.card(work, request, errors.TooSoon(10, SOON))

    again = next(button for button in reply.buttons if button.label.key == "buttons.try_again")
    assert (again.command, again.options) == ("imagine", options)


def test_a_shortage_of_credits_is_measured(here, cast_here):
    request = Request("telegram", "alice", "1", "imagine", {"prompt": "a fox"}, account_id=cast_here)

    with here.read() as work:
        card = refusals.card(work, request, errors.InsufficientCredits(parse(2), parse("0.5"))).card

    assert (card.look, card.meters[0].value, card.meters[0].most) == ("coin", 50, 200)

"""One table says what a program is told of each refusal; every entry is worded, and has its headers."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from bots.browser.api.docs import NAMED
from bots.browser.api.problems import TABLE, of, render
from bots.commands.rights import NotAllowed
from bots.texts import keys, languages, say
from engine import errors
from engine.credits import Credits
from engine.errors import Refusal


@pytest.fixture
def kind():
    """One kind of database will do: money is told on both in test_api.py."""
    return "sqlite"


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=90)
ONE = Credits(1_00)
BESIDES = {
    *("daily-limit", "bought-credits-off", "queue-full", "unknown-model"),  # what the facts make of a refusal
    *("bad-input", "no-credentials", "wrong-key", "cross-site", "trouble"),  # what is no refusal
}
REFUSALS = [
    errors.InsufficientCredits(ONE, Credits(50)),
    errors.InsufficientCredits(ONE, Credits(50), tops_up_at=LATER, tops_up_to=Credits(5_00), daily_left=Credits(50)),
    errors.BoughtCreditsNeeded(ONE, Credits(50), Credits(50), is_never=False),
    errors.BoughtCreditsNeeded(ONE, Credits(50), Credits(50), is_never=True),
    errors.OwnCapReached(ONE, ONE, ONE, LATER),
    errors.StorageFull(5_000_000, 1, 2, 3),
    errors.GuestLimit(1, 3, 3, LATER),
    errors.Shortages((errors.StorageFull(5, 1, 2, 3), errors.InsufficientCredits(ONE, Credits(50)))),
    errors.PromptEmpty(),
    errors.PromptTooLong(2001, 2000),
    errors.PromptForbidden(),
    errors.ModelOff("flux-dev"),
    errors.NotOffered("flux-dev", "size", "1:1", ("4:3",)),
    errors.PriceChanged("flux-dev", ONE, Credits(2_00)),
    errors.TooLateToCancel(7, "stored"),
    errors.TermsNotAccepted("2026-11-20"),
    errors.FeedbackEmpty(),
    errors.FeedbackTooLong(9, 8),
    errors.TooManyKeys(5),
    errors.GuestModelTooDear("nano-banana-pro", Credits(2_00), ONE),
    errors.TooSoon(10, LATER),
    errors.ModelResting("flux-dev", LATER),
    errors.QueueFull(3, 3, is_total=False),
    errors.QueueFull(1000, 1000, is_total=True),
    errors.UnderMaintenance(is_everywhere=True),
    errors.Banned("spam", NOON - timedelta(days=1), is_everywhere=True),
    errors.Busy(),
    errors.NotAMember(7),
    errors.AlreadyMember(7),
    errors.NotGivable(ONE, Credits(50), is_frozen=False),
    errors.NotLinkable(7, 8),
    errors.NotFound("generation", "7"),
    errors.NotFound("model", "x"),
    errors.NotBelowZero(ONE, Credits(50)),
    NotAllowed("ban"),
]


def test_every_refusal_has_its_status_and_its_name():
    """Shortages go by the most telling of their parts, whose kinds are all here."""
    refusals = {each for each in _below(Refusal) if each.__module__.startswith(("engine.", "bots."))}
    assert refusals - {errors.Shortage, errors.Shortages} == set(TABLE) - {errors.KeyReused}
    assert len({kind.name for kind in TABLE.values()}) == len(TABLE)


def test_every_name_has_its_words_and_every_word_its_name():
    titles = {key.removeprefix("api.title.") for key in keys("en") if key.startswith("api.title.")}
    details = {key.removeprefix("api.detail.") for key in keys("en") if key.startswith("api.detail.")}
    assert titles == details == {kind.name for kind in TABLE.values()} | BESIDES


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
@pytest.mark.parametrize("language", languages())
def test_every_refusal_is_told_in_every_language_with_all_its_facts(refusal, language):
    told = render(of(refusal, NOON), language)
    body = json.loads(told.body)
    assert body["title"] == say(language, f"api.title.{body['type'].removeprefix('/problems/')}")
    assert {field.name for field in fields(refusal)} <= {*body}
    if body["status"] in (429, 503):
        assert int(told.headers["retry-after"]) >= 1
    if body["status"] == 429:
        assert int(told.headers["ratelimit-limit"]) >= int(told.headers["ratelimit-remaining"]) >= 0
    assert body["status"] in NAMED


def test_several_shortages_that_waiting_mends_are_429_until_the_last_of_them_ends():
    guest = errors.GuestLimit(1, 3, 3, NOON + timedelta(hours=1))
    cap = errors.OwnCapReached(Credits(50), Credits(100), Credits(100), NOON + timedelta(hours=12))
    problem = of(errors.Shortages((guest, cap)), NOON)
    assert (problem.status, problem.headers["Retry-After"]) == (429, "43200")


def _below(parent):
    children = set(parent.__subclasses__())
    return children | {below for child in children for below in _below(child)}

"""How an account likes it, and what that allows: a default model, bought credits, a cap a day, a language."""

from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import count

import pytest

from engine import accounts, generations, history, ledger, preferences, purchases
from engine.credits import Source, parse
from engine.errors import (
    AccountClosed,
    BoughtCreditsNeeded,
    InsufficientCredits,
    NotFound,
    OwnCapReached,
    Refusal,
)
from engine.generations import Ask
from engine.preferences import Preferences
from engine.tables import Bought, State
from tests.conftest import later, make_pool

_messages = count(1)


def choose(database, what, *values):
    return database.run(lambda work: getattr(preferences, f"choose_{what}")(work, *values))


def request(database, account_id, model_id="nano-banana-pro", **more):
    ask = Ask(account_id, "discord", f"message {next(_messages)}", model_id, "a fox", **more)
    return database.run(lambda work: generations.request(work, ask))


def refusal(database, account_id, model_id="nano-banana-pro", **more):
    with pytest.raises(Refusal) as refused:
        request(database, account_id, model_id, **more)
    return refused.value


def end(database, generation, state=State.FAILED, captured=0):
    database.run(lambda work: generations.end(work, generation.id, state, captured))


def held(database, account_id):
    """What is on hold, by source."""
    with database.read() as work:
        return {part.source: part.held for part in history.balance(work, account_id).parts if part.held}


@pytest.fixture
def bob(database, cast):
    """Bob has bought 25 credits, and has one free one."""
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(25)))
    database.run(lambda work: ledger.grant(work, cast.bob, Source.ADJUSTMENT, parse(1), "one"))
    return cast.bob


# choosing


def test_who_chose_nothing_is_asked_before_bought_credits_are_spent(database, cast):
    with database.read() as work:
        assert preferences.get(work, cast.alice) == Preferences(None, None, Bought.ASK, None, None)


def test_each_choice_leaves_the_others_alone(database, cast):
    choose(database, "model", cast.alice, "flux-dev", parse(1))
    choose(database, "bought", cast.alice, Bought.AUTO)
    choose(database, "cap", cast.alice, parse(0))

    chosen = choose(database, "language", cast.alice, "es")

    assert chosen == Preferences("flux-dev", parse(1), Bought.AUTO, parse(0), "es")
    assert choose(database, "model", cast.alice, None, parse(1)) == Preferences(None, None, Bought.AUTO, 0, "es")
    with database.read() as work:
        assert preferences.get(work, cast.carol) == Preferences()


def test_a_model_that_is_not_there_is_no_default(database, cast):
    with pytest.raises(NotFound):
        choose(database, "model", cast.alice, "mona-lisa", parse(1))


def test_a_closed_account_chooses_nothing(database, cast):
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    with pytest.raises(AccountClosed):
        choose(database, "language", cast.carol_on_discord, "es")


# bought credits


def test_who_wants_to_be_asked_is_asked_and_a_yes_spends_them(database, bob):
    told = refusal(database, bob)

    assert type(told) is BoughtCreditsNeeded
    assert asdict(told) == {"needed": parse(2), "free": parse(1), "bought_needed": parse(1), "is_never": False}
    request(database, bob, may_spend_bought=True)
    assert held(database, bob) == {Source.ADJUSTMENT: parse(1), Source.PURCHASE: parse(1)}


def test_who_spends_free_ones_only_is_refused_even_with_a_yes(database, bob):
    choose(database, "bought", bob, Bought.FREE_ONLY)

    told = refusal(database, bob, may_spend_bought=True)

    assert (type(told), told.is_never) == (BoughtCreditsNeeded, True)
    assert request(database, bob, "flux-dev").price == parse(1)
    assert held(database, bob) == {Source.ADJUSTMENT: parse(1)}


def test_who_lets_them_be_spent_is_not_asked(database, bob):
    choose(database, "bought", bob, Bought.AUTO)

    request(database, bob)

    assert held(database, bob) == {Source.ADJUSTMENT: parse(1), Source.PURCHASE: parse(1)}


def test_free_credits_that_suffice_are_spent_without_a_question_and_before_a_subscription(database, cast):
    with database.read() as work:
        soon = work.now() + timedelta(minutes=5)
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25), expires_at=soon))

    request(database, cast.alice)  # the subscription would burn first

    assert held(database, cast.alice) == {Source.DAILY: parse(2)}


def test_too_few_of_both_are_too_few(database, bob):
    told = refusal(database, bob, pictures=10)
    assert type(told) is BoughtCreditsNeeded

    end(database, request(database, bob, pictures=10, may_spend_bought=True), State.STORED, parse(20))

    assert type(refusal(database, bob, pictures=10)) is InsufficientCredits


def test_a_pool_is_spent_without_asking_its_guests(database, cast, bob):
    space, pool = make_pool(database)
    database.run(lambda work: ledger.give(work, bob, pool, parse(3), "pool:1"))
    choose(database, "bought", bob, Bought.FREE_ONLY)

    assert request(database, bob, payer_id=pool, space_id=space).payer_id == pool


# the cap of one's own


def test_a_cap_counts_what_is_held_and_what_was_charged_until_midnight(database, cast):
    choose(database, "cap", cast.alice, parse(5))
    end(database, request(database, cast.alice), State.STORED, parse(2))
    request(database, cast.alice)

    told = refusal(database, cast.alice)

    assert type(told) is OwnCapReached
    assert (told.needed, told.cap, told.spent) == (parse(2), parse(5), parse(4))
    with database.read() as work:
        tomorrow = work.now().date() + timedelta(days=1)
    assert told.resets_at == datetime.combine(tomorrow, datetime.min.time(), told.resets_at.tzinfo)
    assert request(database, cast.alice, "flux-dev").price == parse(1)
    later(database, hours=12)
    assert request(database, cast.alice, "flux-dev")


def test_what_was_given_back_does_not_count(database, cast):
    choose(database, "cap", cast.alice, parse(4))
    end(database, request(database, cast.alice), State.FAILED)
    end(database, request(database, cast.alice), State.CANCELLED)
    end(database, request(database, cast.alice, pictures=2), State.STORED, parse(2))  # one of two came

    assert request(database, cast.alice).price == parse(2)
    assert refusal(database, cast.alice).spent == parse(4)


def test_a_cap_of_zero_is_zero_and_no_cap_is_none(database, cast):
    choose(database, "cap", cast.alice, parse(0))
    assert type(refusal(database, cast.alice)) is OwnCapReached

    choose(database, "cap", cast.alice, None)

    assert request(database, cast.alice)


def test_a_cap_is_no_matter_of_pools_and_guests(database, cast, bob):
    space, pool = make_pool(database)
    database.run(lambda work: ledger.give(work, bob, pool, parse(3), "pool:1"))
    for somebody in (cast.alice, cast.gus):
        choose(database, "cap", somebody, parse(0))

    assert request(database, cast.alice, payer_id=pool, space_id=space)
    assert request(database, cast.gus, "flux-dev")


def test_a_guest_who_signs_up_keeps_what_was_chosen(database, cast):
    choose(database, "cap", cast.gus, parse(1))
    database.run(lambda work: accounts.sign_up(work, cast.gus))

    assert type(refusal(database, cast.gus)) is OwnCapReached

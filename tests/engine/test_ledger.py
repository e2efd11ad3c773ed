"""How credits move: one behaviour a test, told about the cast."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine import accounts, administration, generations, history, ledger, purchases
from engine.audit import audit
from engine.credits import Source, parse
from engine.errors import (
    AccountClosed,
    AlreadyMember,
    InsufficientCredits,
    KeyReused,
    NoSuchHold,
    NotAMember,
    NotBelowZero,
    NotFound,
    NotGivable,
    NotLinkable,
)
from engine.generations import Ask
from engine.tables import State, bans, identities, transactions
from tests.conftest import later, make_pool


def balance(database, account_id):
    with database.read() as work:
        return history.balance(work, account_id)


def held_by_source(database, account_id):
    return {part.source: (part.spendable, part.held) for part in balance(database, account_id).parts}


def to_noon_tomorrow(database):
    with database.read() as work:
        now = work.now()
    later(database, seconds=(now.replace(hour=12, minute=0) + timedelta(days=1) - now).total_seconds())


# hold, capture, release


def test_a_hold_burns_daily_then_welcome_then_bought_credits(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(20)))
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(57)))

    parts = held_by_source(database, cast.alice)

    assert parts[Source.DAILY] == (0, parse(5))
    assert parts[Source.WELCOME] == (0, parse(50))
    assert parts[Source.PURCHASE] == (parse(18), parse(2))


def test_a_subscription_burns_before_credits_without_an_end(database, cast):
    with database.read() as work:
        ends = work.now() + timedelta(days=30)
    database.run(lambda work: purchases.paid(work, "month", cast.alice, parse(10), expires_at=ends))
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(8)))

    parts = held_by_source(database, cast.alice)

    assert parts[Source.SUBSCRIPTION] == (parse(7), parse(3))
    assert parts[Source.WELCOME] == (parse(50), 0)


def test_a_release_returns_to_the_very_grants_that_were_held(database, cast):
    before = held_by_source(database, cast.alice)
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(7)))
    database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(0)))

    assert held_by_source(database, cast.alice) == before


def test_a_settle_captures_some_pictures_and_releases_the_rest(database, cast):
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(8)))
    database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(6)))

    parts = held_by_source(database, cast.alice)

    assert parts == {Source.WELCOME: (parse(49), 0)}


def test_a_generation_is_settled_once_whatever_is_asked_later(database, cast):
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(8)))
    first = database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(8)))
    again = database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(8)))

    assert again.is_replay and again.version == first.version
    with pytest.raises(KeyReused):
        database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(0)))
    assert balance(database, cast.alice).spendable == parse(47)


def test_a_settle_needs_its_hold_and_never_takes_more(database, cast):
    with pytest.raises(NoSuchHold):
        database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(0)))
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(8)))
    with pytest.raises(NoSuchHold):
        database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(9)))
    with pytest.raises(NoSuchHold):
        database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(-1)))


def test_the_same_hold_twice_holds_once(database, cast):
    first = database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(8)))
    again = database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(8)))

    assert again == first._replace(is_replay=True)
    with pytest.raises(KeyReused):
        database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(7)))


def test_too_few_credits_say_what_is_there_and_when_more_comes(database, cast):
    with pytest.raises(InsufficientCredits) as refused:
        database.run(lambda work: ledger.hold(work, cast.bob, 1, parse(2)))

    refusal = refused.value
    assert (refusal.needed, refusal.available, refusal.missing) == (parse(2), 0, parse(2))
    assert refusal.tops_up_to == parse(5)
    assert refusal.tops_up_at.hour == refusal.tops_up_at.minute == 0


# days


def test_the_day_tops_up_and_never_adds(database, cast):
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(3)))
    database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(3)))
    assert balance(database, cast.alice).day.left == parse(2)

    later(database, days=3)

    assert balance(database, cast.alice).day.left == parse(5)
    assert balance(database, cast.alice).spendable == parse(55)


def test_a_hold_belongs_to_the_day_it_was_made(database, cast):
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(5)))
    later(database, days=1)
    database.run(lambda work: ledger.settle(work, cast.alice, 1, parse(0)))

    assert balance(database, cast.alice).spendable == parse(55)
    database.run(lambda work: ledger.lapse(work, cast.alice))
    with database.read() as work:
        kinds = [line.kind for line in history.statement(work, cast.alice, limit=3).lines]
    assert sorted(kinds) == ["daily", "lapse", "settle"]


def test_a_higher_limit_at_noon_adds_the_difference_and_a_lower_one_takes_nothing(database, cast):
    balance_at_five = balance(database, cast.alice).spendable
    database.settings = database.settings.model_copy(update={"daily_credits": parse(8)})
    assert balance(database, cast.alice).spendable == balance_at_five + parse(3)
    database.run(lambda work: ledger.lapse(work, cast.alice))

    database.settings = database.settings.model_copy(update={"daily_credits": parse(2)})

    assert balance(database, cast.alice).day.left == parse(8)
    later(database, days=1)
    assert balance(database, cast.alice).day.left == parse(2)


def test_a_clock_set_back_gives_nothing_twice(database, cast):
    later(database, days=1)
    database.run(lambda work: ledger.lapse(work, cast.alice))
    later(database, days=-1)

    database.run(lambda work: ledger.lapse(work, cast.alice))

    with database.read() as work:
        lines = history.statement(work, cast.alice).lines
    assert [line.key for line in lines if line.kind == "daily"] == sorted(
        {line.key for line in lines if line.kind == "daily"}, reverse=True
    )


def test_expired_credits_do_not_spend_even_when_nobody_lapsed_them(database, cast):
    with database.read() as work:
        ends = work.now() + timedelta(hours=1)
    database.run(lambda work: purchases.paid(work, "hour", cast.bob, parse(10), expires_at=ends))
    later(database, hours=2)
    needed = parse(10)

    with pytest.raises(InsufficientCredits):
        database.run(lambda work: ledger.hold(work, cast.bob, 1, needed))


# sign-up


def test_a_guest_signs_up_once_and_gets_welcome_and_the_day(database, cast):
    database.run(lambda work: accounts.sign_up(work, cast.gus))

    assert balance(database, cast.gus).spendable == parse(55)
    with pytest.raises(AlreadyMember):
        database.run(lambda work: accounts.sign_up(work, cast.gus))


def test_guests_own_no_credits(database, cast):
    with pytest.raises(NotAMember):
        database.run(lambda work: ledger.grant(work, cast.gus, Source.ADJUSTMENT, parse(1), "x"))


def test_a_guest_who_pays_is_a_member_and_can_still_sign_up_for_welcome_credits_once(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.gus, parse(25)))
    assert balance(database, cast.gus).standing == "member"
    assert balance(database, cast.gus).spendable == parse(30)

    database.run(lambda work: accounts.sign_up(work, cast.gus))

    assert balance(database, cast.gus).spendable == parse(80)
    with pytest.raises(AlreadyMember):
        database.run(lambda work: accounts.sign_up(work, cast.gus))


def test_a_pool_cannot_sign_up(database):
    pool = database.run(accounts.create_pool)
    with pytest.raises(AlreadyMember):
        database.run(lambda work: accounts.sign_up(work, pool))


# purchases, refunds, disputes


def test_a_purchase_is_credited_once(database, cast):
    for _ in range(3):
        database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(25)))

    assert balance(database, cast.bob).spendable == parse(25)
    with pytest.raises(KeyReused):
        database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(30)))
    with pytest.raises(KeyReused):
        database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25)))


def test_a_refund_after_spending_becomes_a_debt_that_the_next_purchase_pays(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(25)))
    database.run(lambda work: ledger.hold(work, cast.bob, 1, parse(10)))
    database.run(lambda work: ledger.settle(work, cast.bob, 1, parse(10)))
    database.run(lambda work: purchases.refunded(work, "p1", parse(25)))

    assert balance(database, cast.bob).spendable == 0
    assert balance(database, cast.bob).owed == parse(10)

    database.run(lambda work: purchases.paid(work, "p2", cast.bob, parse(25)))

    assert balance(database, cast.bob).spendable == parse(15)
    assert balance(database, cast.bob).owed == 0


def test_a_debt_leaves_the_daily_credits_alone(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(10)))
    database.run(lambda work: ledger.hold(work, cast.bob, 1, parse(10)))
    database.run(lambda work: ledger.settle(work, cast.bob, 1, parse(10)))
    database.run(lambda work: purchases.refunded(work, "p1", parse(10)))
    later(database, days=1)

    assert balance(database, cast.bob).spendable == parse(5)
    assert balance(database, cast.bob).owed == parse(10)


def test_what_is_held_at_a_refund_is_owed_when_captured_and_gone_when_released(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(10)))
    database.run(lambda work: ledger.hold(work, cast.bob, 1, parse(4)))
    database.run(lambda work: ledger.hold(work, cast.bob, 2, parse(6)))
    database.run(lambda work: purchases.refunded(work, "p1", parse(10)))
    assert balance(database, cast.bob).owed == 0

    database.run(lambda work: ledger.settle(work, cast.bob, 1, parse(4)))
    database.run(lambda work: ledger.settle(work, cast.bob, 2, parse(0)))

    assert balance(database, cast.bob).owed == parse(4)
    assert balance(database, cast.bob).spendable == 0


def test_a_won_dispute_gives_back_what_other_grants_paid(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(10)))
    database.run(lambda work: ledger.hold(work, cast.bob, 1, parse(10)))
    database.run(lambda work: ledger.settle(work, cast.bob, 1, parse(10)))
    database.run(lambda work: purchases.decided(work, "p1", parse(10)))
    database.run(lambda work: purchases.paid(work, "p2", cast.bob, parse(25)))
    assert balance(database, cast.bob).spendable == parse(15)

    database.run(lambda work: purchases.decided(work, "p1", parse(0)))

    assert balance(database, cast.bob).spendable == parse(25)


def test_bought_credits_wait_while_a_dispute_is_open(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(10)))
    database.run(lambda work: purchases.paid(work, "p2", cast.alice, parse(10)))
    database.run(lambda work: purchases.disputed(work, "p1"))

    assert balance(database, cast.alice).spendable == parse(55)
    assert balance(database, cast.alice).frozen == parse(20)
    with pytest.raises(InsufficientCredits) as refused:
        database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(60)))
    assert refused.value.frozen == parse(20)

    database.run(lambda work: purchases.decided(work, "p1", parse(0)))
    assert balance(database, cast.alice).spendable == parse(75)


def test_an_older_refund_that_comes_late_gives_nothing_back(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(25)))
    database.run(lambda work: purchases.refunded(work, "p1", parse(25)))
    database.run(lambda work: purchases.refunded(work, "p1", parse(10)))

    assert balance(database, cast.bob).spendable == 0


def test_a_debt_never_appears_without_a_line_in_the_statement(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(10)))
    database.run(lambda work: ledger.hold(work, cast.bob, 1, parse(10)))
    database.run(lambda work: ledger.settle(work, cast.bob, 1, parse(10)))
    database.run(lambda work: purchases.refunded(work, "p1", parse(10)))

    with database.read() as work:
        newest = history.statement(work, cast.bob).lines[0]
    assert (newest.kind, newest.key, newest.change) == ("reversal", "reversal:p1:1", 0)
    with pytest.raises(InsufficientCredits) as refused:
        database.run(lambda work: ledger.hold(work, cast.bob, 2, parse(1)))
    assert refused.value.is_in_debt


def test_credits_that_lapsed_before_a_refund_are_nobodys_debt(database, cast):
    with database.read() as work:
        ends = work.now() + timedelta(hours=1)
    database.run(lambda work: purchases.paid(work, "month", cast.bob, parse(10), expires_at=ends))
    later(database, hours=2)
    database.run(lambda work: ledger.lapse(work, cast.bob))

    database.run(lambda work: purchases.refunded(work, "month", parse(10)))

    assert balance(database, cast.bob).owed == 0


# gifts and pools


def test_a_gift_moves_bought_credits_only(database, cast):
    with pytest.raises(NotGivable) as refused:
        database.run(lambda work: ledger.give(work, cast.alice, cast.bob, parse(1), "gift:1"))
    assert refused.value.givable == 0

    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25)))
    database.run(lambda work: ledger.give(work, cast.alice, cast.bob, parse(10), "gift:1"))
    database.run(lambda work: ledger.give(work, cast.alice, cast.bob, parse(10), "gift:1"))

    assert balance(database, cast.bob).spendable == parse(10)
    assert balance(database, cast.alice).spendable == parse(70)


def test_two_givers_may_use_the_same_key_for_one_friend(database, cast):
    for number, giver in enumerate((cast.alice, cast.carol)):
        database.run(lambda work, n=number, g=giver: purchases.paid(work, f"p{n}", g, parse(25)))
        database.run(lambda work, g=giver: ledger.give(work, g, cast.bob, parse(10), "gift:1"))

    assert balance(database, cast.bob).spendable == parse(20)


def test_a_gift_is_refused_to_guests_to_oneself_and_in_a_dispute(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25)))
    with pytest.raises(NotAMember):
        database.run(lambda work: ledger.give(work, cast.alice, cast.gus, parse(1), "gift:1"))
    with pytest.raises(NotGivable):
        database.run(lambda work: ledger.give(work, cast.alice, cast.alice, parse(1), "gift:2"))
    database.run(lambda work: purchases.disputed(work, "p1"))
    with pytest.raises(NotGivable) as refused:
        database.run(lambda work: ledger.give(work, cast.alice, cast.bob, parse(1), "gift:3"))
    assert refused.value.is_frozen


def test_a_refund_follows_a_gift_and_the_buyer_owes_what_the_friend_spent(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25)))
    database.run(lambda work: ledger.give(work, cast.alice, cast.bob, parse(20), "gift:1"))
    database.run(lambda work: ledger.hold(work, cast.bob, 1, parse(8)))
    database.run(lambda work: ledger.settle(work, cast.bob, 1, parse(8)))

    database.run(lambda work: purchases.refunded(work, "p1", parse(25)))

    assert balance(database, cast.bob).spendable == 0
    assert balance(database, cast.bob).owed == 0
    assert balance(database, cast.alice).owed == parse(8)


def test_a_pool_spends_what_was_given_to_it(database, cast):
    space, pool = make_pool(database)
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25)))
    database.run(lambda work: ledger.give(work, cast.alice, pool, parse(25), "pool:1"))
    elsewhere = Ask(cast.gus, "telegram", "m0", "nano-banana-pro", "a fox", payer_id=pool)
    with pytest.raises(NotFound):
        database.run(lambda work: generations.request(work, elsewhere))
    ask = Ask(cast.gus, "telegram", "m1", "nano-banana-pro", "a fox", space_id=space, payer_id=pool)

    generation = database.run(lambda work: generations.request(work, ask))
    database.run(lambda work: generations.end(work, generation.id, State.STORED, parse(2), 1000))

    assert balance(database, pool).spendable == parse(23)
    assert balance(database, cast.gus).bytes_used == 1000


def test_nobody_pays_from_another_persons_account(database, cast):
    ask = Ask(cast.bob, "discord", "i1", "flux-dev", "a fox", payer_id=cast.alice)

    with pytest.raises(NotFound):
        database.run(lambda work: generations.request(work, ask))


# linking


def test_linking_joins_everything_and_counts_once_what_a_person_gets_once(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.carol_on_discord, parse(25)))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    assert balance(database, cast.carol).spendable == parse(80)
    with database.read() as work:
        assert accounts.find(work, "discord", "carol") == cast.carol
        assert history.statement(work, cast.carol, limit=100).lines[-1].key == "welcome:1"
        assert {line.account_id for line in history.statement(work, cast.carol).lines} == {
            cast.carol,
            cast.carol_on_discord,
        }


def test_after_linking_spent_free_credits_do_not_come_back(database, cast):
    database.run(lambda work: ledger.hold(work, cast.carol, 1, parse(30)))
    database.run(lambda work: ledger.settle(work, cast.carol, 1, parse(30)))
    database.run(lambda work: ledger.link(work, cast.carol, cast.carol_on_discord, "link:1"))

    assert balance(database, cast.carol_on_discord).spendable == parse(25)


def test_free_credits_held_on_both_sides_of_a_link_come_back_once(database, cast):
    for person in (cast.carol, cast.carol_on_discord):
        database.run(lambda work, person=person: ledger.hold(work, person, person, parse(55)))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    for person in (cast.carol, cast.carol_on_discord):
        database.run(lambda work, person=person: ledger.settle(work, person, person, parse(0)))

    assert balance(database, cast.carol).spendable == parse(55)


def test_an_open_hold_settles_on_the_old_chain_and_its_release_moves_on(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.carol_on_discord, parse(25)))
    database.run(lambda work: ledger.hold(work, cast.carol_on_discord, 1, parse(60)))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    before = balance(database, cast.carol).spendable
    assert balance(database, cast.carol).held == parse(60)

    database.run(lambda work: ledger.settle(work, cast.carol_on_discord, 1, parse(56)))

    assert balance(database, cast.carol).spendable == before + parse(4)
    assert balance(database, cast.carol).held == 0


def test_a_closed_account_does_no_new_work(database, cast):
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    with pytest.raises(AccountClosed):
        database.run(lambda work: ledger.hold(work, cast.carol_on_discord, 1, parse(1)))
    with pytest.raises(AccountClosed):
        database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.alice, "link:2"))
    with pytest.raises(AccountClosed):
        database.run(lambda work: ledger.link(work, cast.alice, cast.carol_on_discord, "link:3"))


def test_a_payment_for_a_closed_account_reaches_the_survivor(database, cast):
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    for _ in range(2):
        database.run(lambda work: purchases.paid(work, "p1", cast.carol_on_discord, parse(25)))

    assert balance(database, cast.carol).spendable == parse(80)


def test_a_ban_and_its_reason_follow_the_person(database, cast):
    database.run(lambda work: administration.ban(work, cast.carol_on_discord, actor="terminal:dana", reason="spam"))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    with database.read() as work:
        assert work.execute(sa.select(bans.c.account_id, bans.c.reason)).all() == [(cast.carol, "spam")]
        assert work.execute(
            sa.select(identities.c.account_id).where(identities.c.user_id == "carol")
        ).scalars().all() == [
            cast.carol,
            cast.carol,
        ]


def test_pools_and_oneself_cannot_be_linked(database, cast):
    pool = database.run(accounts.create_pool)
    for closing, surviving in ((pool, cast.alice), (cast.alice, pool), (cast.alice, cast.alice)):
        with pytest.raises(NotLinkable):
            database.run(lambda work, a=closing, b=surviving: ledger.link(work, a, b, f"link:{a}:{b}"))


# operators


def test_an_operator_cannot_take_more_than_is_there(database, cast):
    with pytest.raises(NotBelowZero) as refused:
        database.run(
            lambda work: administration.credit(work, cast.bob, parse(-1), "k", actor="terminal:dana", reason="oops")
        )
    assert refused.value.available == 0


def test_a_reason_can_be_erased_and_the_chain_still_holds(database, cast):
    database.run(lambda work: administration.credit(work, cast.alice, parse(5), "k", actor="t", reason="a secret name"))
    with database.begin() as work:
        work.execute(sa.text("DELETE FROM notes"))

    *_, report = audit(database)

    assert report.is_clean, report.findings
    with database.read() as work:
        kept = work.execute(sa.select(transactions)).all()
    assert "secret" not in repr(kept)


@pytest.mark.parametrize("amount", [0, -1, 10**15])
def test_nothing_and_less_than_nothing_cannot_be_moved(database, cast, amount):
    for verb in (
        lambda work: ledger.hold(work, cast.alice, 1, amount),
        lambda work: ledger.grant(work, cast.alice, Source.ADJUSTMENT, amount, "x"),
        lambda work: ledger.revoke(work, cast.alice, amount, "x", actor="operator", note=None),
        lambda work: ledger.give(work, cast.alice, cast.bob, amount, "x"),
    ):
        with pytest.raises(ValueError, match="cannot be moved"):
            database.run(verb)

"""What a person reads of an account: the balance with its parts, and the statement page by page."""

from datetime import UTC, datetime, time, timedelta

import pytest

from engine import accounts, administration, generations, history, ledger, purchases
from engine.credits import Source, parse
from engine.errors import NotFound
from engine.generations import Ask
from engine.settings import MEGABYTE
from engine.tables import State
from tests.conftest import later


def balance(database, account_id):
    with database.read() as work:
        return history.balance(work, account_id)


def page(database, account_id, after=None, limit=20):
    with database.read() as work:
        return history.statement(work, account_id, after, limit)


def credit(database, account_id, amount, key):
    database.run(
        lambda work: administration.credit(work, account_id, parse(amount), key, actor="telegram:dana", reason="a test")
    )


def picture(database, account_id, key, bytes_stored=None):
    ask = Ask(account_id, "telegram", key, "flux-dev", "a fox")
    generation = database.run(lambda work: generations.request(work, ask))
    if bytes_stored is not None:
        stored = (generation.id, State.STORED, generation.price, bytes_stored)
        database.run(lambda work: generations.end(work, *stored))
    return generation


def all_pages(database, account_id, limit, after=None):
    pages = [page(database, account_id, after, limit)]
    while pages[-1].after:
        assert len(pages) < 100, "the pages never end"
        pages.append(page(database, account_id, pages[-1].after, limit))
    return pages


def names(lines):
    return [(line.account_id, line.version) for line in lines]


def midnight_after(moment):
    return datetime.combine(moment.date() + timedelta(days=1), time(), UTC)


# the balance


def test_a_members_balance_tells_everything_at_once(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(25)))
    picture(database, cast.alice, "m1", bytes_stored=2 * MEGABYTE)
    picture(database, cast.alice, "m2")

    there = balance(database, cast.alice)

    assert (there.account_id, there.standing) == (cast.alice, "member")
    assert (there.spendable, there.held, there.frozen, there.owed) == (parse(78), parse(1), 0, 0)
    assert (there.bytes_used, there.bytes_held, there.bytes_limit) == (2 * MEGABYTE, 5 * MEGABYTE, 200 * MEGABYTE)
    assert (there.day.limit, there.day.left, there.day.tops_up_at) == (parse(5), parse(3), midnight_after(there.at))
    assert (there.guest, there.is_low) == (None, False)
    assert [(part.source, part.spendable, part.held, part.expires_at) for part in there.parts] == [
        (Source.DAILY, parse(3), parse(1), midnight_after(there.at)),
        (Source.WELCOME, parse(50), 0, None),
        (Source.PURCHASE, parse(25), 0, None),
    ]


def test_a_guests_balance_tells_of_slots_and_of_no_credits(database, cast):
    first = picture(database, cast.gus, "m1", bytes_stored=1000)

    there = balance(database, cast.gus)

    assert (there.standing, there.spendable, there.parts, there.day, there.is_low) == ("guest", 0, (), None, False)
    assert (there.guest.limit, there.guest.used, there.guest.left) == (3, 1, 2)
    assert there.guest.returns_at == first.created_at + timedelta(days=1)
    assert (there.bytes_used, there.bytes_limit) == (1000, 20 * MEGABYTE)


def test_a_fresh_guest_waits_for_no_slot(database, cast):
    window = balance(database, cast.gus).guest

    assert (window.used, window.left, window.returns_at) == (0, 3, None)


def test_a_pool_has_neither_a_day_nor_slots(database, cast):
    pool = database.run(accounts.create_pool)

    there = balance(database, pool)

    assert (there.standing, there.spendable, there.day, there.guest) == ("pool", 0, None, None)


def test_a_balance_below_ten_is_low_and_ten_is_not(database, cast):
    credit(database, cast.bob, 10, "ten")
    assert not balance(database, cast.bob).is_low

    credit(database, cast.bob, "-0.01", "a hundredth")

    assert balance(database, cast.bob).is_low


def test_what_is_due_today_counts_while_nobody_has_stored_it(database, cast):
    version = page(database, cast.bob).lines[0].version
    later(database, days=1)

    assert balance(database, cast.bob).spendable == parse(5)
    assert page(database, cast.bob).lines[0].version == version


def test_the_soonest_end_of_a_source_is_told(database, cast):
    with database.read() as work:
        now = work.now()
    for days in (30, 7, 60):
        ends = now + timedelta(days=days)
        database.run(
            lambda work, ends=ends, days=days: purchases.paid(work, f"{days}", cast.bob, parse(1), expires_at=ends)
        )

    (part,) = balance(database, cast.bob).parts

    assert (part.source, part.spendable, part.expires_at) == (Source.SUBSCRIPTION, parse(3), now + timedelta(days=7))


def test_credits_behind_a_dispute_are_frozen_and_not_spendable(database, cast):
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, parse(25)))
    database.run(lambda work: purchases.disputed(work, "p1"))

    there = balance(database, cast.bob)

    assert (there.spendable, there.frozen, there.is_low) == (0, parse(25), True)
    assert [(part.source, part.spendable, part.frozen) for part in there.parts] == [(Source.PURCHASE, 0, parse(25))]


def test_nobodys_balance_is_not_found(database):
    with pytest.raises(NotFound):
        balance(database, 404)


# the statement


def test_a_line_says_what_became_available_what_was_spent_and_what_was_left(database, cast):
    first = picture(database, cast.alice, "m1", bytes_stored=1000)

    settled, held = page(database, cast.alice, limit=2).lines

    assert (held.kind, held.key, held.change, held.spent) == ("hold", f"hold:{first.id}", -parse(1), 0)
    assert (settled.kind, settled.key, settled.change, settled.spent) == ("settle", f"settle:{first.id}", 0, parse(1))
    assert held.balance == settled.balance == parse(54)
    assert held.at <= settled.at


def test_the_changes_of_all_lines_add_up_to_each_balance(database, cast):
    for key in range(3):
        picture(database, cast.alice, f"m{key}", bytes_stored=1000)
    credit(database, cast.alice, -7, "seven")

    lines = page(database, cast.alice, limit=100).lines[::-1]

    assert [line.version for line in lines] == list(range(1, len(lines) + 1))
    for before, line in zip([None, *lines], lines, strict=False):
        assert line.balance == (before.balance if before else 0) + line.change


@pytest.mark.parametrize("limit", [1, 4, 7])
def test_pages_show_every_line_once_and_newest_first(database, cast, limit):
    for number in range(10):
        credit(database, cast.alice, 1, f"{number}")
    whole = page(database, cast.alice, limit=100)
    assert (len(whole.lines), whole.after) == (12, None)

    pages = all_pages(database, cast.alice, limit)

    assert {len(one.lines) for one in pages[:-1]} == {limit}
    assert [line for one in pages for line in one.lines] == list(whole.lines)
    assert len(pages) == -(-12 // limit)


def test_pages_run_through_all_accounts_that_were_joined_one_after_another(database, cast):
    for number in range(4):
        for account_id in (cast.dana, cast.carol, cast.carol_on_discord):
            credit(database, account_id, 1, f"{number}")
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    database.run(lambda work: ledger.link(work, cast.carol, cast.dana, "link:2"))

    pages = all_pages(database, cast.dana, 5)

    lines = [line for one in pages for line in one.lines]
    assert len(pages) > 3
    assert len(set(names(lines))) == len(lines)
    for account_id in (cast.dana, cast.carol, cast.carol_on_discord):
        versions = [line.version for line in lines if line.account_id == account_id]
        assert versions == list(range(len(versions), 0, -1)) and len(versions) >= 6
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)


def test_a_closed_account_shows_its_own_lines_and_nobody_elses(database, cast):
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    assert {line.account_id for line in page(database, cast.carol_on_discord).lines} == {cast.carol_on_discord}


def test_lines_that_come_between_two_pages_disturb_neither(database, cast):
    for number in range(8):
        credit(database, cast.alice, 1, f"{number}")
    before = page(database, cast.alice, limit=100).lines
    first = page(database, cast.alice, limit=4)

    credit(database, cast.alice, 1, "between")

    second = page(database, cast.alice, first.after, limit=4)
    assert first.lines + second.lines == before[:8]


def test_a_page_has_a_line_at_least_and_a_hundred_at_most(database, cast):
    for number in range(100):
        credit(database, cast.alice, 1, f"{number}")

    assert len(page(database, cast.alice, limit=0).lines) == 1
    assert len(page(database, cast.alice, limit=-5).lines) == 1
    assert len(page(database, cast.alice, limit=10_000).lines) == 100


def test_the_cursor_of_another_account_shows_nothing_of_it(database, cast):
    for number in range(6):
        credit(database, cast.alice, 1, f"{number}")
    of_alice = page(database, cast.alice, limit=2).after

    shown = all_pages(database, cast.carol, 1, of_alice)

    assert names(line for one in shown for line in one.lines) == names(page(database, cast.carol).lines)


@pytest.mark.parametrize(
    "garbage", ["x", "1", "1-", "-1", "1-x", "1-2-3", "1-2_", "_", "' OR 1=1 --", "1-99999999999999999999"]
)
def test_a_cursor_nobody_handed_out_is_a_value_error(database, cast, garbage):
    with pytest.raises(ValueError):
        page(database, cast.alice, garbage)


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_cursor_is_the_first_page(new_database, nothing):
    database = new_database()
    account_id = database.run(lambda work: accounts.find_or_create(work, "telegram", "alice"))
    database.run(lambda work: accounts.sign_up(work, account_id))

    assert [line.kind for line in page(database, account_id, nothing).lines] == ["daily", "welcome"]

"""A job's life in the books: asked for once, ended once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from engine import generations, history, ledger
from engine.audit import audit
from engine.credits import Source, parse
from engine.errors import AccountClosed, Fault, InsufficientCredits, KeyReused, NoSuchHold, NotFound, Refusal
from engine.generations import Ask
from engine.generations.asking import MOST_PICTURES
from engine.settings import MEGABYTE
from engine.tables import State, models, transactions
from engine.tables import generations as rows
from tests.conftest import make_pool

FIFTY_FIVE = parse(55)
"""What Alice and Carol have: 50 welcome credits and the day's 5."""


def request(database, account_id, key="m1", model_id="nano-banana-pro", **more):
    ask = Ask(account_id, "telegram", key, model_id, "a fox", **more)
    return database.run(lambda work: generations.request(work, ask))


def end(database, generation, state, captured=0, bytes_stored=0):
    return database.run(lambda work: generations.end(work, generation.id, state, captured, bytes_stored))


def balance(database, account_id):
    with database.read() as work:
        return history.balance(work, account_id)


def money_and_room(database, account_id):
    there = balance(database, account_id)
    return (there.spendable, there.held, there.bytes_used, there.bytes_held)


def holds(database, account_id):
    with database.read() as work:
        kinds = sa.select(transactions.c.key).where(
            transactions.c.account_id == account_id, transactions.c.kind == "hold"
        )
        return work.execute(kinds).scalars().all()


def how_many(database):
    with database.read() as work:
        return work.execute(sa.select(sa.func.count()).select_from(rows)).scalar_one()


def assert_books_are_right(database):
    *_, report = audit(database)
    assert report.is_clean, report.findings


# asking


def test_a_request_holds_its_price_and_its_room(database, cast):
    generation = request(database, cast.alice, pictures=3)

    assert (generation.account_id, generation.payer_id) == (cast.alice, cast.alice)
    assert (generation.state, generation.ended_at) == (State.QUEUED, None)
    assert (generation.price, generation.bytes_held, generation.bytes_stored) == (parse(6), 15 * MEGABYTE, 0)
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - parse(6), parse(6), 0, 15 * MEGABYTE)
    assert_books_are_right(database)


def test_a_refused_request_leaves_nothing_behind(database, cast):
    before = balance(database, cast.bob)

    with pytest.raises(InsufficientCredits):
        request(database, cast.bob)

    after = balance(database, cast.bob)
    assert (after.parts, after.bytes_held, how_many(database)) == (before.parts, 0, 0)


def test_an_unknown_model_is_not_found(database, cast):
    with pytest.raises(NotFound) as refused:
        request(database, cast.alice, model_id="mona-lisa")

    assert (refused.value.kind, refused.value.id) == ("model", "mona-lisa")


def test_a_model_that_is_switched_off_cannot_be_asked_for(database, cast):
    off = sa.update(models).where(models.c.id == "nano-banana-pro").values(is_enabled=False)
    database.run(lambda work: work.execute(off))

    with pytest.raises(Refusal):
        request(database, cast.alice)


@pytest.mark.parametrize("pictures", [0, -1, MOST_PICTURES + 1])
def test_no_pictures_and_too_many_are_a_value_error(database, cast, pictures):
    with pytest.raises(ValueError, match="pictures"):
        request(database, cast.alice, pictures=pictures)
    assert how_many(database) == 0


def test_the_price_is_the_one_of_the_moment_it_was_asked(database, cast):
    generation = request(database, cast.alice)
    dearer = sa.update(models).where(models.c.id == "nano-banana-pro").values(price=parse(9))
    database.run(lambda work: work.execute(dearer))

    assert request(database, cast.alice).price == parse(2)
    end(database, generation, State.STORED, parse(2), 1000)
    assert balance(database, cast.alice).spendable == FIFTY_FIVE - parse(2)


# the same request again


def test_the_same_request_twice_is_one_generation_and_one_hold(database, cast):
    first = request(database, cast.alice)
    again = request(database, cast.alice)

    assert again == first
    assert holds(database, cast.alice) == [f"hold:{first.id}"]
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - parse(2), parse(2), 0, 5 * MEGABYTE)


def test_the_same_request_from_six_threads_is_one_generation(database, cast):
    start = threading.Barrier(6)

    def ask(_):
        start.wait()
        return request(database, cast.alice).id

    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(ask, range(6)))

    assert len(made) == how_many(database) == 1
    assert len(holds(database, cast.alice)) == 1


def test_the_same_request_after_its_end_is_not_made_again(database, cast):
    first = request(database, cast.alice)
    end(database, first, State.FAILED)

    again = request(database, cast.alice)

    assert (again.id, again.state) == (first.id, State.FAILED)
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE, 0, 0, 0)


def test_the_same_request_is_known_when_the_rules_would_refuse_it_now(database, cast):
    first, *_two_more = (request(database, cast.alice, f"m{n}") for n in range(3))

    assert request(database, cast.alice, "m0") == first


@pytest.mark.parametrize("asker", ["carol", "carol_on_discord"])
def test_the_same_request_is_known_after_its_account_was_linked(database, cast, asker):
    first = request(database, cast.carol_on_discord)
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    assert request(database, getattr(cast, asker)).id == first.id
    assert how_many(database) == 1


def test_the_same_request_is_known_after_its_account_was_linked_twice(database, cast):
    first = request(database, cast.carol_on_discord)
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    database.run(lambda work: ledger.link(work, cast.carol, cast.dana, "link:2"))

    assert request(database, cast.dana).id == first.id
    assert request(database, cast.carol_on_discord).id == first.id


@pytest.mark.parametrize("other", [{"model_id": "flux-dev"}, {"pictures": 2}])
def test_the_same_key_with_other_content_is_refused(database, cast, other):
    request(database, cast.alice)

    with pytest.raises(KeyReused):
        request(database, cast.alice, **other)
    assert how_many(database) == 1


def test_somebody_elses_key_is_refused(database, cast):
    request(database, cast.alice)

    with pytest.raises(KeyReused):
        request(database, cast.carol)
    assert holds(database, cast.carol) == []


def test_the_same_key_on_another_platform_is_another_request(database, cast):
    first = request(database, cast.alice)
    ask = Ask(cast.alice, "discord", "m1", "nano-banana-pro", "a fox")

    assert database.run(lambda work: generations.request(work, ask)).id != first.id


def test_a_closed_account_starts_nothing_new(database, cast):
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    with pytest.raises(AccountClosed):
        request(database, cast.carol_on_discord)


# ending


def test_a_stored_picture_is_paid_and_takes_the_room_it_really_needs(database, cast):
    ended = end(database, request(database, cast.alice), State.STORED, parse(2), 1_234_567)

    assert (ended.state, ended.bytes_held, ended.bytes_stored) == (State.STORED, 0, 1_234_567)
    assert ended.ended_at >= ended.created_at
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - parse(2), 0, 1_234_567, 0)
    assert_books_are_right(database)


def test_only_the_pictures_that_came_are_paid(database, cast):
    end(database, request(database, cast.alice, pictures=3), State.STORED, parse(4), 2000)

    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - parse(4), 0, 2000, 0)
    assert_books_are_right(database)


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_picture_that_never_came_gives_everything_back(database, cast, state):
    ended = end(database, request(database, cast.alice), state)

    assert (ended.state, ended.bytes_held, ended.bytes_stored) == (state, 0, 0)
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE, 0, 0, 0)
    assert_books_are_right(database)


def test_a_guests_picture_ends_without_a_line_in_the_books(database, cast):
    end(database, request(database, cast.gus, model_id="flux-dev"), State.STORED, bytes_stored=1000)

    assert money_and_room(database, cast.gus) == (0, 0, 1000, 0)
    with database.read() as work:
        assert history.statement(work, cast.gus).lines == ()
    assert_books_are_right(database)


@pytest.mark.parametrize(("state", "spent", "kept"), [(State.STORED, 200, 1000), (State.FAILED, 0, 0)])
def test_the_same_end_twice_changes_nothing(database, cast, state, spent, kept):
    generation = request(database, cast.alice)
    first = end(database, generation, state, spent, kept)
    again = end(database, generation, state, spent, kept)

    assert again == first
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - spent, 0, kept, 0)


def test_another_end_is_a_fault(database, cast):
    generation = request(database, cast.alice)
    end(database, generation, State.STORED, parse(2), 1000)

    for state in (State.FAILED, State.CANCELLED):
        with pytest.raises(Fault):
            end(database, generation, state)
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - parse(2), 0, 1000, 0)


def test_the_same_end_at_another_price_is_a_fault(database, cast):
    generation = request(database, cast.alice)
    end(database, generation, State.STORED, parse(2), 1000)

    with pytest.raises(Fault):
        end(database, generation, State.STORED, parse(1), 1000)


@pytest.mark.parametrize(
    ("state", "captured", "bytes_stored"),
    [(State.FAILED, 200, 0), (State.FAILED, 0, 1000), (State.CANCELLED, 200, 0), (State.READY, 0, 0)],
)
def test_nothing_is_captured_or_stored_without_a_stored_end(database, cast, state, captured, bytes_stored):
    generation = request(database, cast.alice)

    with pytest.raises(ValueError, match="no such end"):
        end(database, generation, state, captured, bytes_stored)
    assert balance(database, cast.alice).held == parse(2)


def test_no_more_than_the_price_can_be_captured(database, cast):
    generation = request(database, cast.alice)

    with pytest.raises(NoSuchHold):
        end(database, generation, State.STORED, parse(2) + 1, 1000)
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - parse(2), parse(2), 0, 5 * MEGABYTE)


def test_a_generation_that_never_was_is_not_found(database, cast):
    with pytest.raises(NotFound):
        database.run(lambda work: generations.end(work, 404, State.FAILED))


def test_six_threads_that_end_it_settle_it_once(database, cast):
    generation = request(database, cast.alice)
    start = threading.Barrier(6)

    def finish(state):
        start.wait()
        try:
            captured, stored = (parse(2), 1000) if state is State.STORED else (0, 0)
            return end(database, generation, state, captured, stored).state
        except Fault:
            return None

    with ThreadPoolExecutor(6) as pool:
        told = set(pool.map(finish, [State.STORED, State.FAILED, State.CANCELLED] * 2))

    (ended,) = told - {None}
    spent, stored = (parse(2), 1000) if ended is State.STORED else (0, 0)
    assert money_and_room(database, cast.alice) == (FIFTY_FIVE - spent, 0, stored, 0)
    assert_books_are_right(database)


def test_a_picture_of_a_linked_account_ends_with_its_owner(database, cast):
    generation = request(database, cast.carol_on_discord)
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    assert money_and_room(database, cast.carol)[2:] == (0, 5 * MEGABYTE)

    ended = end(database, generation, State.STORED, parse(2), 1000)

    assert (ended.account_id, ended.payer_id) == (cast.carol, cast.carol_on_discord)
    assert money_and_room(database, cast.carol)[2:] == (1000, 0)
    assert money_and_room(database, cast.carol_on_discord) == (0, 0, 0, 0)
    assert_books_are_right(database)


def test_a_pool_that_pays_gets_back_what_failed(database, cast):
    space, pool = make_pool(database)
    database.run(lambda work: ledger.grant(work, pool, Source.GIFT, parse(10), "gift:1"))
    generation = request(database, cast.gus, payer_id=pool, space_id=space)
    assert (balance(database, pool).held, balance(database, cast.gus).bytes_held) == (parse(2), 5 * MEGABYTE)

    end(database, generation, State.FAILED)

    assert (balance(database, pool).spendable, balance(database, cast.gus).bytes_held) == (parse(10), 0)
    assert_books_are_right(database)

"""What the watcher sees and does, what owners can still cancel, and two who come at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engine import generations
from engine.credits import parse
from engine.database import Database
from engine.errors import NotFound, TooLateToCancel
from engine.generations import arriving, steps, watching
from engine.generations.arriving import Arrival
from engine.generations.steps import LEASE
from engine.generations.watching import Sight
from engine.ports import Done, Step
from engine.tables import State
from tests.conftest import later, make_cast
from tests.engine.contenders import wait_until_someone_waits_for_a_lock
from tests.engine.driving import (
    Heard,
    assert_books_are_right,
    begin,
    bring,
    cancel,
    due,
    fail,
    get,
    give_up,
    money,
    ready,
    request,
    stored,
    to_do,
)

FIFTY_FIVE = parse(55)
ROUNDS = 4


def saw(database, generation, place=None, has_begun=False, request_id=None):
    sight = Sight(generation.id, request_id or f"r{generation.id}", place, has_begun, timedelta(seconds=20))
    database.run(lambda work: watching.saw(work, [sight]))
    now = get(database, generation)
    return now.place, now.began_at is not None


def hint_again(database, generation, state):
    return database.run(lambda work: watching.hint_again(work, generation.id, state))


# what is due


def test_a_lost_hint_is_given_again_with_growing_spacing(database, cast):
    database.queue = heard = Heard()
    generation = request(database, cast.alice)
    for number, seconds in ((2, 5), (3, 10), (4, 20), (5, 30), (6, 30)):
        later(database, seconds=seconds / 4)
        assert due(database) == []
        assert not hint_again(database, generation, State.QUEUED)

        later(database, seconds=seconds * 3 / 4)
        assert due(database) == [generation.id]
        assert hint_again(database, generation, State.QUEUED)
        assert heard.hints[-1] == (Step.SUBMIT, generation.id, number)
    assert len(heard.hints) == 6


def test_a_picture_to_fetch_is_hinted_at_those_who_fetch(database, cast):
    database.queue = heard = Heard()
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    ready(database, generation, f"r{generation.id}")

    later(database, seconds=11)
    assert not hint_again(database, generation, State.SUBMITTED)  # as it was when the watcher looked
    assert hint_again(database, generation, State.READY)

    assert heard.hints[1:] == [(Step.FINISH, generation.id, 2), (Step.FINISH, generation.id, 3)]


@pytest.mark.parametrize("state", [State.QUEUED, State.READY])
def test_whoever_died_at_work_is_found_when_his_lease_ends(database, cast, state):
    generation = request(database, cast.alice)
    bring(database, generation, state)
    later(database, seconds=LEASE.seconds - 10)
    assert due(database) == []

    later(database, seconds=11)

    assert due(database) == [generation.id]


def test_what_has_ended_is_never_due(database, cast):
    first, second = request(database, cast.alice), request(database, cast.alice, "m2")
    stored(database, bring(database, first, State.READY))
    fail(database, second)
    later(database, days=1)

    assert due(database) == []


def test_the_longest_waiting_is_due_first(database, cast):
    first, second = request(database, cast.alice), request(database, cast.alice, "m2")
    later(database, seconds=6)
    hint_again(database, first, State.QUEUED)
    later(database, minutes=1)

    assert due(database) == [second.id, first.id]


# what the provider says


def test_places_and_the_beginning_are_written_down_and_told_once(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    database.queue = heard = Heard()
    told = []
    for seen in ({"place": 2}, {"place": 2}, {"place": 1}, {"has_begun": True}, {"has_begun": True}):
        told.append((saw(database, generation, **seen), len(heard.woken)))

    assert told == [((2, False), 1), ((2, False), 1), ((1, False), 2), ((None, True), 3), ((None, True), 3)]
    assert due(database) == []
    later(database, seconds=21)
    assert due(database) == [generation.id]


def test_what_was_seen_of_a_generation_that_moved_on_is_forgotten(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    assert saw(database, generation, place=3, request_id="another try") == (None, False)
    ready(database, generation, f"r{generation.id}")

    assert saw(database, generation, place=3) == (None, False)


# cancelling


def test_a_queued_generation_can_be_cancelled_and_again_is_harmless(database, cast):
    generation = request(database, cast.alice)

    first, again = cancel(database, generation), cancel(database, generation)

    assert (first.state, first.trouble) == (State.CANCELLED, None)
    assert again == first
    assert (money(database, cast.alice), to_do(database)) == ((FIFTY_FIVE, 0), [])


def test_waiting_in_the_providers_queue_it_can_be_cancelled_until_drawing_begins(database, cast):
    waiting, drawing = request(database, cast.alice), request(database, cast.alice, "m2")
    for generation in (waiting, drawing):
        bring(database, generation, State.SUBMITTED)
        with pytest.raises(TooLateToCancel):  # nobody knows yet whether it has begun
            cancel(database, generation)
        saw(database, generation, place=1)
    saw(database, drawing, has_begun=True)

    assert cancel(database, waiting).state is State.CANCELLED
    assert to_do(database) == [("close_at_provider", waiting.id)]
    with pytest.raises(TooLateToCancel) as refused:
        cancel(database, drawing)
    assert (refused.value.generation_id, refused.value.state) == (drawing.id, "submitted")
    assert not ready(database, waiting, f"r{waiting.id}")
    assert money(database, cast.alice) == (FIFTY_FIVE - parse(2), parse(2))


@pytest.mark.parametrize("state", [State.SUBMITTING, State.READY, State.STORED])
def test_it_is_too_late_to_cancel(database, cast, state):
    generation = request(database, cast.alice)
    held = bring(database, generation, State.READY if state is State.STORED else state)
    if state is State.STORED:
        stored(database, held)

    with pytest.raises(TooLateToCancel):
        cancel(database, generation)


def test_nobody_cancels_what_is_anothers(database, cast):
    generation = request(database, cast.alice)

    with pytest.raises(NotFound):
        database.run(lambda work: generations.cancel(work, cast.carol, generation.id))


# two at the same moment


def cancelled_or_late(database, generation):
    try:
        return cancel(database, generation)
    except TooLateToCancel:
        return None


PAIRS = {
    "stored and given up": (State.READY, stored, lambda database, held: give_up(database, held.generation)),
    "stored and failed": (State.READY, stored, lambda database, held: fail(database, held.generation)),
    "failed twice": (State.QUEUED, *[lambda database, held: fail(database, held.generation)] * 2),
    "cancelled and begun": (State.QUEUED, begin, lambda database, held: cancelled_or_late(database, held.generation)),
}


def both_at_once(database, one, other, given):
    start = threading.Barrier(2)

    def run(verb):
        start.wait()
        return verb(database, given)

    with ThreadPoolExecutor(2) as pair:
        return list(pair.map(run, (one, other)))


@pytest.mark.parametrize("pair", PAIRS)
def test_of_two_at_once_exactly_one_has_it(database, cast, pair):
    state, one, other = PAIRS[pair]
    askers = (cast.alice, cast.carol) * (ROUNDS // 2)
    held = [bring(database, request(database, asker, f"m{n}"), state) for n, asker in enumerate(askers)]
    later(database, minutes=20)  # the leases are over, though nobody else has taken them

    told = [both_at_once(database, one, other, lease) for lease in held]

    assert [[bool(answer) for answer in answers].count(True) for answers in told] == [1] * ROUNDS
    assert_books_are_right(database)


def test_failed_while_a_webhook_brings_the_result_it_ends_once(database, cast):
    for key in ("m1", "m2", "m3"):
        generation = request(database, cast.alice, key)
        held = bring(database, generation, State.SUBMITTED)
        bring_result = lambda database, held: ready(database, held.generation, f"r{held.generation.id}")
        told = both_at_once(database, bring_result, lambda database, held: fail(database, held.generation), held)

        assert told[1].state is State.FAILED
        assert not ready(database, generation, f"r{generation.id}")
    assert money(database, cast.alice) == (FIFTY_FIVE, 0)
    assert_books_are_right(database)


@pytest.mark.parametrize("verb", ["cancel", "give_up"])
def test_who_ends_a_generation_waits_for_the_step_that_is_being_written(new_database, verb):
    database = new_database("postgresql", request_seconds=0)
    second, alice = Database(database.settings, database.offset), make_cast(database).alice
    generation = request(database, alice)
    held = bring(database, generation, State.QUEUED if verb == "cancel" else State.SUBMITTED)
    if verb == "give_up":
        later(database, minutes=20)
        second.offset = database.offset
    step, end = {
        "cancel": (lambda work: steps.begin(work, held), cancelled_or_late),
        "give_up": (
            lambda work: arriving.arrive(work, generation.id, 1, f"r{generation.id}", Done(())) is Arrival.USED,
            give_up,
        ),
    }[verb]
    with ThreadPoolExecutor(1) as thread:
        with database.begin() as work:
            assert step(work)
            late = thread.submit(end, second, generation)
            wait_until_someone_waits_for_a_lock(database)
        assert late.result() is None
    second.close()
    assert get(database, generation).state is (State.SUBMITTING if verb == "cancel" else State.READY)
    assert_books_are_right(database)

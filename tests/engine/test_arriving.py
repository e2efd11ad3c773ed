"""What a provider says of a try is used once, whatever came before; its cost is counted always."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import tasks
from engine.generations import arriving, steps, submissions
from engine.generations.arriving import Arrival
from engine.ports import Done, Failed, Output, Taken, Trouble
from engine.tables import Outcome, State
from tests.conftest import later, make_cast
from tests.engine.driving import (
    arrive,
    assert_books_are_right,
    begin,
    bring,
    fail,
    get,
    lease,
    money,
    request,
    stored,
    submitted,
    to_do,
)

MADE = Done((Output("https://pictures.example/1.jpg"),), 39_800)
BROKE = Failed(Trouble.PROVIDER, is_permanent=False, detail="busy")
REFUSED = Failed(Trouble.REFUSED, is_permanent=True, cost_microdollars=39_800)


def tries(database, generation):
    """(outcome, cost) of every try."""
    with database.read() as work:
        return [(one.outcome, one.cost_microdollars) for one in submissions.of(work, generation.id)]


def adopt(database, generation, request_id, attempt=1):
    return database.run(lambda work: arriving.adopt(work, generation.id, attempt, request_id))


def unanswered(database, generation, attempt):
    """Somebody has asked, and no answer came; his lease is over."""
    assert begin(database, lease(database, generation)).attempt == attempt
    later(database, seconds=steps.LEASE.seconds + 1)


# a result


def test_a_result_is_used_and_its_cost_written_down(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)

    assert arrive(database, generation, MADE, f"r{generation.id}") is Arrival.USED

    assert get(database, generation).state is State.READY
    assert tries(database, generation) == [(Outcome.DONE, 39_800)]


def test_the_same_again_and_another_payload_are_known(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    arrive(database, generation, MADE, f"r{generation.id}")

    for again in (MADE, Done((Output("https://pictures.example/2.jpg"),), 1), REFUSED):
        assert arrive(database, generation, again, f"r{generation.id}") is Arrival.KNOWN

    assert get(database, generation).outputs == MADE.outputs
    assert tries(database, generation) == [(Outcome.DONE, 39_800)]


def test_of_two_at_once_one_is_used(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)

    with ThreadPoolExecutor(2) as both:
        came = list(both.map(lambda one: arrive(database, generation, one, f"r{generation.id}", 1), (BROKE, BROKE)))

    assert sorted(came) == [Arrival.KNOWN, Arrival.USED]
    assert get(database, generation).state is State.QUEUED


def test_what_is_about_another_request_is_foreign(database, cast):
    generation, other = request(database, cast.alice), request(database, cast.carol, "m2")
    bring(database, generation, State.SUBMITTED)

    assert arrive(database, generation, MADE, "r999") is Arrival.FOREIGN
    assert arrive(database, generation, MADE, f"r{generation.id}", attempt=2) is Arrival.FOREIGN
    assert arrive(database, other, MADE, "r1", attempt=1) is Arrival.FOREIGN
    assert adopt(database, generation, "r999") is Arrival.FOREIGN

    assert get(database, generation).state is State.SUBMITTED
    assert tries(database, generation) == [(Outcome.TAKEN, None)]


def test_a_result_that_comes_before_the_submits_answer_is_used_and_the_answer_changes_nothing(database, cast):
    generation = request(database, cast.alice)
    held = bring(database, generation, State.SUBMITTING)

    assert arrive(database, generation, MADE, "r1") is Arrival.USED
    assert not submitted(database, held, "r1")

    assert get(database, generation).state is State.READY
    assert tries(database, generation) == [(Outcome.DONE, 39_800)]
    assert to_do(database) == []


def test_a_result_after_the_credits_went_back_costs_us_and_nobody_else(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    fail(database, generation, Trouble.TOO_LATE)
    before = money(database, cast.alice)

    assert arrive(database, generation, MADE, f"r{generation.id}") is Arrival.LATE

    assert money(database, cast.alice) == before
    assert get(database, generation).state is State.FAILED
    assert tries(database, generation) == [(Outcome.DONE, 39_800)]


# two tries


def test_the_first_trys_late_result_is_used_and_the_second_closed(database, cast):
    generation = request(database, cast.alice)
    unanswered(database, generation, 1)
    held = lease(database, generation)
    begin(database, held)
    assert submitted(database, held, "r2", attempt=2)

    assert arrive(database, generation, MADE, "r1", attempt=1) is Arrival.USED

    assert get(database, generation).request_id == "r1"
    assert to_do(database) == [("close_at_provider", generation.id)]
    assert arrive(database, generation, MADE, "r2", attempt=2) is Arrival.LATE
    assert tries(database, generation) == [(Outcome.DONE, 39_800)] * 2
    stored(database, lease(database, generation))
    assert_books_are_right(database)


def test_the_first_trys_failure_does_not_end_the_second(database, cast):
    generation = request(database, cast.alice)
    unanswered(database, generation, 1)
    held = lease(database, generation)
    begin(database, held)
    submitted(database, held, "r2", attempt=2)

    assert arrive(database, generation, REFUSED, "r1", attempt=1) is Arrival.LATE

    assert get(database, generation).state is State.SUBMITTED
    assert tries(database, generation) == [(Outcome.FAILED, 39_800), (Outcome.TAKEN, None)]


def test_what_seemed_to_be_rejected_and_was_drawn_is_used(database, cast):
    generation = request(database, cast.alice)
    held = bring(database, generation, State.SUBMITTING)
    database.run(lambda work: steps.put_off(work, held, 5, rejected=1))
    assert tries(database, generation) == [(Outcome.REJECTED, 0)]

    assert arrive(database, generation, MADE, "r1") is Arrival.USED

    assert get(database, generation).state is State.READY
    assert tries(database, generation) == [(Outcome.DONE, 39_800)]


def test_an_answer_that_lost_its_lease_is_written_down_and_closed(database, cast):
    generation = request(database, cast.alice)
    slow = lease(database, generation)
    begin(database, slow)
    later(database, seconds=steps.LEASE.seconds + 1)
    held = lease(database, generation)
    begin(database, held)

    assert not submitted(database, slow, "r1", attempt=1)

    assert tries(database, generation) == [(Outcome.TAKEN, None), (Outcome.ASKED, None)]
    assert to_do(database) == [("close_at_provider", generation.id)]


# failures


def test_a_failure_that_may_not_come_again_is_tried_once_more_and_then_ends(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)

    assert arrive(database, generation, BROKE, f"r{generation.id}") is Arrival.USED
    again = get(database, generation)
    assert (again.state, again.request_id, again.submitted_at) == (State.QUEUED, None, None)
    held = lease(database, generation)
    begin(database, held)
    submitted(database, held, "r2", attempt=2)

    assert arrive(database, generation, BROKE, "r2") is Arrival.USED
    ended = get(database, generation)
    assert (ended.state, ended.trouble, ended.submits) == (State.FAILED, Trouble.PROVIDER, 2)
    assert tries(database, generation) == [(Outcome.FAILED, 0)] * 2
    assert_books_are_right(database)


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.UNFIT, Trouble.PROVIDER])
def test_a_failure_for_good_ends_it_at_once(database, cast, trouble):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)

    arrive(database, generation, Failed(trouble, is_permanent=True), f"r{generation.id}")

    ended = get(database, generation)
    assert (ended.state, ended.trouble, ended.submits, ended.charged) == (State.FAILED, trouble, 1, 0)


# what has to be asked


def test_a_try_whose_answer_got_lost_is_adopted_and_looked_at(database, cast):
    generation = request(database, cast.alice)
    unanswered(database, generation, 1)

    assert adopt(database, generation, "r1") is Arrival.USED

    now = get(database, generation)
    assert (now.state, now.request_id, now.submits) == (State.SUBMITTED, "r1", 1)
    assert tries(database, generation) == [(Outcome.TAKEN, None)]
    assert adopt(database, generation, "r1") is Arrival.USED
    assert arrive(database, generation, REFUSED, "r1") is Arrival.USED
    assert adopt(database, generation, "r1") is Arrival.KNOWN


def test_what_nobody_waits_for_is_closed_to_learn_its_cost(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    fail(database, generation, Trouble.TOO_LATE)
    to_do(database)
    database.run(lambda work: work.connection.exec_driver_sql("DELETE FROM tasks"))

    assert adopt(database, generation, f"r{generation.id}") is Arrival.LATE

    assert to_do(database) == [("close_at_provider", generation.id)]


def test_only_the_try_that_was_heard_of_is_closed_and_not_the_one_that_is_waited_for(database, cast):
    generation = request(database, cast.alice)
    unanswered(database, generation, 1)
    held = lease(database, generation)
    begin(database, held)
    submitted(database, held, "r2", attempt=2)

    assert adopt(database, generation, "r1", attempt=1) is Arrival.LATE

    assert [task.key for task in database.run(tasks.claim)] == [f"{generation.id}:1"]


def test_who_died_while_asking_leaves_time_for_a_webhook(new_database, kind):
    database = new_database(kind, public_url="https://easel.example", request_seconds=0)
    cast = make_cast(database)
    generation = request(database, cast.alice)
    unanswered(database, generation, 1)

    assert begin(database, lease(database, generation)) is None
    waits = get(database, generation)
    assert (waits.state, waits.submits, waits.lease_token) == (State.SUBMITTING, 1, None)
    later(database, seconds=30)

    assert begin(database, lease(database, generation)).attempt == 2


def test_a_take_after_the_end_changes_nothing(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    arrive(database, generation, MADE, f"r{generation.id}")

    database.run(lambda work: submissions.take(work, generation.id, 1, Taken("r9", "memo")))

    assert tries(database, generation) == [(Outcome.DONE, 39_800)]

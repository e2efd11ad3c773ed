"""What workers do with a generation: each step under its lease, one end, and right books after all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engine import administration, deliveries, generations, history, spaces, storage
from engine.credits import parse
from engine.errors import NotFound
from engine.generations import StoredPicture, steps
from engine.generations.steps import LEASE
from engine.ports import Job, Step, Taken, Trouble
from engine.tables import OPEN_STATES, State
from tests.conftest import later
from tests.engine.driving import (
    OUTPUTS,
    Heard,
    assert_books_are_right,
    begin,
    bring,
    cancel,
    due,
    fail,
    get,
    give_up,
    kept,
    lease,
    money,
    ready,
    request,
    stored,
    to_do,
)

FIFTY_FIVE = parse(55)
"""What Alice has: 50 welcome credits and the day's 5."""


@pytest.fixture(autouse=True)
def right_books(database):
    """Whatever the story: afterwards the audit finds nothing."""
    yield
    assert_books_are_right(database)


# the lease


def test_one_worker_at_a_time_has_the_lease(database, cast):
    generation = request(database, cast.alice)
    first = lease(database, generation)
    assert (first.generation.id, first.generation.lease_token) == (generation.id, first.token)
    assert lease(database, generation) is None

    later(database, seconds=LEASE.seconds - 5)
    assert database.run(lambda work: steps.renew(work, first))
    later(database, seconds=LEASE.seconds - 5)
    assert lease(database, generation) is None

    later(database, seconds=6)
    assert lease(database, generation).token != first.token


def test_of_eight_workers_at_once_one_gets_the_lease(database, cast):
    generation = request(database, cast.alice)
    start = threading.Barrier(8)

    def take(_):
        start.wait()
        return lease(database, generation)

    with ThreadPoolExecutor(8) as crowd:
        taken = [held for held in crowd.map(take, range(8)) if held]

    assert [held.token for held in taken] == [get(database, generation).lease_token]


def test_nobody_works_on_what_the_provider_has_or_what_has_ended(database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    assert lease(database, generation) is None

    fail(database, generation)

    assert lease(database, generation) is None


@pytest.mark.parametrize("state", [State.QUEUED, State.READY])
def test_who_lost_his_lease_writes_nothing(database, cast, state):
    generation = request(database, cast.alice)
    lost = bring(database, generation, state)
    later(database, seconds=LEASE.seconds + 1)
    assert lease(database, generation)
    before = get(database, generation)

    assert not database.run(lambda work: steps.renew(work, lost))
    assert begin(database, lost) is None
    assert not database.run(lambda work: steps.submitted(work, lost, 1, Taken("r9")))
    assert not database.run(lambda work: steps.put_off(work, lost, 1, is_known=False))
    assert stored(database, lost) is None
    assert fail(database, generation, token=lost.token) is None
    assert get(database, generation) == before


# to the provider


def test_the_provider_is_told_all_it_needs(database, cast):
    generation = request(database, cast.alice, "m1", "flux-dev", size="16:9", seed=7, pictures=2)

    job = begin(database, lease(database, generation))

    assert job == Job(
        provider="sketch",
        generation_id=generation.id,
        attempt=1,
        model_id="flux-dev",
        endpoint="fal-ai/flux/dev",
        input="image_size",
        output="images_and_flags",
        prompt="a fox",
        size="16:9",
        seed=7,
        takes_seed=True,
        pictures=2,
        start_seconds=60,
        cost_microdollars=25_000,
        cost_unit="megapixel",
    )
    now = get(database, generation)
    assert (now.state, now.submits, now.provider, now.request_id) == (State.SUBMITTING, 1, "sketch", None)


def test_what_nobody_answered_is_asked_once_more_and_then_given_back(database, cast):
    generation = request(database, cast.alice)
    for attempt in (1, 2):
        assert begin(database, lease(database, generation)).attempt == attempt
        later(database, seconds=LEASE.seconds + 1)  # whoever asked has died

    assert begin(database, lease(database, generation)) is None

    ended = get(database, generation)
    assert (ended.state, ended.trouble, ended.submits) == (State.FAILED, Trouble.UNKNOWN, 2)
    assert money(database, cast.alice) == (FIFTY_FIVE, 0)


def test_what_the_provider_has_not_taken_is_queued_again_for_later(database, cast):
    generation = request(database, cast.alice)
    held = bring(database, generation, State.SUBMITTING)

    assert database.run(lambda work: steps.put_off(work, held, 7, is_known=True))

    assert (get(database, generation).state, due(database)) == (State.QUEUED, [])
    later(database, seconds=8)
    assert due(database) == [generation.id]
    assert lease(database, generation)


def test_what_nobody_knows_waits_for_a_webhook_whatever_a_second_try_says(database, cast):
    generation = request(database, cast.alice)
    for is_known in (False, True):
        held = bring(database, generation, State.SUBMITTING)
        assert database.run(lambda work, held=held, is_known=is_known: steps.put_off(work, held, 1, is_known=is_known))
        assert get(database, generation).state is State.SUBMITTING

    assert ready(database, generation)


def test_a_cancelled_generation_is_not_submitted(database, cast):
    generation = request(database, cast.alice)
    held = lease(database, generation)
    cancel(database, generation)

    assert begin(database, held) is None
    assert get(database, generation).submits == 0


# to the picture


def test_the_whole_way_charges_what_came_and_tells_its_owner(database, cast):
    database.queue = heard = Heard()
    generation = request(database, cast.alice, pictures=3)
    held = lease(database, generation)
    begin(database, held)
    database.run(lambda work: steps.submitted(work, held, 1, Taken("r1")))
    at_provider = get(database, generation)
    assert (at_provider.state, at_provider.request_id, at_provider.lease_token) == (State.SUBMITTED, "r1", None)
    assert at_provider.deadline_at == at_provider.submitted_at + timedelta(seconds=240)
    assert ready(database, generation)
    assert get(database, generation).outputs == tuple(OUTPUTS)

    ended = stored(database, lease(database, generation), number=2)

    assert (ended.state, ended.price, ended.charged) == (State.STORED, parse(6), parse(4))
    assert (ended.bytes_held, ended.bytes_stored, ended.outputs) == (0, 2001, ())
    assert money(database, cast.alice) == (FIFTY_FIVE - parse(4), 0)
    with database.read() as work:
        assert history.balance(work, cast.alice).bytes_used == 2001
        drawn = generations.stored_pictures(work, [generation.id])
    assert drawn == {
        generation.id: [
            StoredPicture(**vars(one), generation_id=generation.id, number=number)
            for number, one in enumerate(kept(generation, 2))
        ]
    }
    (delivery,) = database.run(lambda work: deliveries.claim(work, "telegram"))
    assert (delivery.generation_id, delivery.address) == (generation.id, "chat 7")
    assert heard.hints == [(Step.SUBMIT, generation.id, 1), (Step.FINISH, generation.id, 2)]
    assert heard.woken == [cast.alice] * 5


def test_a_webhook_that_is_faster_than_the_answer_is_believed(database, cast):
    generation = request(database, cast.alice)
    held = bring(database, generation, State.SUBMITTING)

    assert ready(database, generation, "r1")

    assert not database.run(lambda work: steps.submitted(work, held, 1, Taken("r1")))
    now = get(database, generation)
    assert (now.state, now.request_id) == (State.READY, "r1")
    assert not ready(database, generation, "r1")  # the watcher saw it as well
    assert stored(database, lease(database, generation)).state is State.STORED


def test_the_result_of_another_request_is_not_taken(database, cast):
    generation = request(database, cast.alice)
    assert not ready(database, generation)  # nobody has asked yet
    bring(database, generation, State.SUBMITTED)

    assert not ready(database, generation, "of a try that was given up")

    assert get(database, generation).state is State.SUBMITTED


@pytest.mark.parametrize("end", [State.STORED, State.FAILED, State.CANCELLED])
def test_a_result_after_the_end_changes_nothing(database, cast, end):
    generation = request(database, cast.alice)
    if end is State.STORED:
        stored(database, bring(database, generation, State.READY))
    else:
        bring(database, generation, State.SUBMITTED)
        fail(database, generation, Trouble.BANNED if end is State.CANCELLED else Trouble.REFUSED)
    before = get(database, generation)
    assert before.state is end

    assert not ready(database, generation, before.request_id)

    assert get(database, generation) == before


def test_a_guests_pictures_cost_nothing(database, cast):
    generation = request(database, cast.gus, model_id="flux-dev")

    ended = stored(database, bring(database, generation, State.READY))

    assert (ended.state, ended.charged, ended.bytes_stored) == (State.STORED, 0, 1000)


def test_pictures_that_are_given_up_free_their_room_and_stay_paid(database, cast):
    first, second = (request(database, cast.alice, key) for key in ("m1", "m2"))
    for generation in (first, second):
        stored(database, bring(database, generation, State.READY))
    with database.read() as work:
        oldest = storage.oldest(work, cast.alice)
    assert [(one.generation_id, one.bytes, one.prompt) for one in oldest] == [
        (first.id, 1000, "a fox"),
        (second.id, 1000, "a fox"),
    ]

    assert database.run(lambda work: storage.delete(work, cast.alice, first.id)) == 1000

    with database.read() as work:
        assert history.balance(work, cast.alice).bytes_used == 1000
        assert list(generations.stored_pictures(work, [first.id, second.id])) == [second.id]
        assert [one.generation_id for one in storage.oldest(work, cast.alice)] == [second.id]
    assert (get(database, first).charged, to_do(database)) == (parse(2), [("delete_media", first.id)])
    for somebody, gone in ((cast.alice, first), (cast.carol, second)):
        with pytest.raises(NotFound):
            database.run(lambda work, who=somebody, gone=gone: storage.delete(work, who, gone.id))


# bans


@pytest.mark.parametrize("state", OPEN_STATES)
@pytest.mark.parametrize("is_everywhere", [True, False])
def test_who_is_banned_meanwhile_gets_credits_back_and_no_picture(database, cast, state, is_everywhere):
    here = database.run(lambda work: spaces.find_or_create(work, "discord", "guild"))
    banned_in, other = (0, here) if is_everywhere else (here, 0)
    generation, elsewhere = request(database, cast.alice, space_id=here), request(database, cast.alice, "m2")
    held = bring(database, generation, state)
    dana = {"actor": "telegram:dana", "reason": "spam"}
    database.run(lambda work: administration.ban(work, cast.alice, space_id=banned_in, **dana))

    if state is State.SUBMITTED:
        ready(database, generation, f"r{generation.id}")
        held = lease(database, generation)
    if state in (State.QUEUED, State.SUBMITTING):
        assert begin(database, held) is None
    else:
        assert stored(database, held).state is State.CANCELLED

    ended = get(database, generation)
    assert (ended.state, ended.trouble, ended.charged) == (State.CANCELLED, Trouble.BANNED, 0)
    assert (ended.bytes_held, ended.bytes_stored) == (0, 0)
    assert money(database, cast.alice) == (FIFTY_FIVE - parse(2), parse(2))
    assert ("delete_media", generation.id) in to_do(database) or state in (State.QUEUED, State.SUBMITTING)
    assert (begin(database, lease(database, elsewhere)) is None) == (other != 0)


# failures


@pytest.mark.parametrize(
    ("state", "left_to_do"),
    [
        (State.QUEUED, []),
        (State.SUBMITTING, []),
        (State.SUBMITTED, ["close_at_provider"]),
        (State.READY, ["delete_media"]),
    ],
)
def test_a_failure_gives_back_once_and_tells_why(database, cast, state, left_to_do):
    generation = request(database, cast.alice)
    bring(database, generation, state)

    ended = fail(database, generation, Trouble.REFUSED)

    assert (ended.state, ended.trouble, ended.charged, ended.lease_token) == (State.FAILED, Trouble.REFUSED, 0, None)
    assert money(database, cast.alice) == (FIFTY_FIVE, 0)
    assert to_do(database) == [(kind, generation.id) for kind in left_to_do]
    assert [fail(database, generation), give_up(database, generation)] == [None, None]
    assert get(database, generation) == ended
    assert len(database.run(lambda work: deliveries.claim(work, "telegram"))) == 1


@pytest.mark.parametrize("state", OPEN_STATES)
def test_what_takes_too_long_is_given_up_once_while_nobody_works_on_it(database, cast, state):
    generation = request(database, cast.alice)
    held = bring(database, generation, state)
    assert give_up(database, generation) is None
    with database.read() as work:
        left = generations.get(work, generation.id).deadline_at - work.now()
    later(database, seconds=left.total_seconds() + 1)
    if state is not State.SUBMITTED:  # which nobody has a lease of
        assert database.run(lambda work: steps.renew(work, held))
        assert give_up(database, generation) is None
        later(database, seconds=LEASE.seconds + 1)

    ended = give_up(database, generation)

    assert (ended.state, ended.trouble) == (State.FAILED, Trouble.TOO_LATE)
    assert money(database, cast.alice) == (FIFTY_FIVE, 0)
    assert [give_up(database, generation), fail(database, generation)] == [None, None]

"""A provider that fails with a model is left alone, probed by one, and taken back; others draw meanwhile."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from engine import alerts, circuits, generations
from engine.catalog import all_models, model
from engine.errors import ModelResting
from engine.generations import Ask
from engine.ports import Done, Failed, Output, Trouble
from engine.settings import Settings
from engine.tables import State, models
from tests.conftest import later
from tests.engine.contenders import wait_until_someone_waits_for_a_lock
from tests.engine.driving import arrive, begin, bring, get, give_up, lease, money, request

BROKE = Failed(Trouble.PROVIDER, is_permanent=True, detail="a runner died")


@pytest.fixture
def database(new_database, kind):
    return new_database(kind, request_seconds=0, running_per_account=100)


def fails(database, times, name="nano-banana-pro"):
    for _ in range(times):
        database.run(lambda work: circuits.fails(work, "sketch", name, 0, "no runner"))


def rests(database, name="nano-banana-pro"):
    with database.read() as work:
        until = circuits.rests_until(work, model(work, name))
        return until and round((until - work.now()).total_seconds())


def lasting(database):
    with database.read() as work:
        return [(one.kind, one.key, one.times) for one in alerts.lasting(work)]


# open


def test_the_fifth_failure_in_a_row_opens_it_for_this_model_only(database):
    fails(database, 4)
    assert rests(database) is None

    fails(database, 1)

    assert rests(database) == 30
    assert rests(database, "flux-dev") is None
    assert lasting(database) == [("circuit", "sketch:nano-banana-pro", 1)]


def test_a_success_in_between_begins_the_count_anew(database):
    fails(database, 4)
    database.run(lambda work: circuits.works(work, "sketch", "nano-banana-pro"))

    fails(database, 4)

    assert rests(database) is None


def test_failures_of_generations_that_run_count_and_refusals_show_that_it_works(database, cast):
    for number in range(5):
        generation = request(database, cast.alice, f"m{number}", "flux-dev")
        bring(database, generation, State.SUBMITTED)
        ended = Failed(Trouble.REFUSED, is_permanent=True) if number == 0 else BROKE
        arrive(database, generation, ended, f"r{generation.id}")
        assert rests(database, "flux-dev") is None
    silent = request(database, cast.alice, "silent", "flux-dev")
    bring(database, silent, State.SUBMITTED)
    later(database, hours=1)

    give_up(database, silent)

    assert rests(database, "flux-dev") == 30


def test_what_nobody_waited_for_is_no_failure(database, cast):
    for number in range(6):
        generation = request(database, cast.alice, f"m{number}", "flux-dev")
        bring(database, generation, State.SUBMITTED)
        database.run(lambda work, one=generation: generations.end(work, one.id, State.CANCELLED))
        arrive(database, generation, BROKE, f"r{generation.id}")

    assert rests(database, "flux-dev") is None


def test_a_model_that_rests_is_refused_before_anything_is_held(database, cast):
    fails(database, 5)
    before = money(database, cast.alice)

    with pytest.raises(ModelResting) as refused:
        request(database, cast.alice)

    assert refused.value.model == "nano-banana-pro"
    assert money(database, cast.alice) == before
    assert request(database, cast.alice, "m2", "flux-dev").state is State.QUEUED
    later(database, seconds=31)
    assert request(database, cast.alice).state is State.QUEUED


def test_a_line_of_many_counts_every_failure(database):
    with ThreadPoolExecutor(4) as four:
        list(four.map(lambda _: fails(database, 1), range(4)))

    assert rests(database) is None
    fails(database, 1)
    assert rests(database) == 30


# probes


def test_one_probes_and_the_others_wait_in_line(database, cast):
    first, second = request(database, cast.alice), request(database, cast.alice, "m2")
    fails(database, 5)
    assert begin(database, lease(database, first)) is None
    assert get(database, first).state is State.QUEUED
    later(database, seconds=31)

    job = begin(database, lease(database, first))
    assert job is not None
    assert begin(database, lease(database, second)) is None

    waits = get(database, second)
    assert (waits.state, waits.lease_token, waits.submits) == (State.QUEUED, None, 0)


def test_of_many_at_once_one_probes(database, cast):
    asked = [request(database, cast.alice, f"m{number}") for number in range(4)]
    fails(database, 5)
    later(database, seconds=31)
    held = [lease(database, one) for one in asked]

    with ThreadPoolExecutor(4) as four:
        jobs = list(four.map(lambda one: begin(database, one), held))

    assert sum(job is not None for job in jobs) == 1


def test_who_waits_in_line_for_a_minute_gets_his_credits_back(database, cast):
    before = money(database, cast.alice)
    waits = request(database, cast.alice)
    fails(database, 5)
    assert begin(database, lease(database, waits)) is None
    assert get(database, waits).state is State.QUEUED
    later(database, seconds=20)
    fails(database, 1)
    later(database, seconds=41)
    database.run(lambda work: circuits.choose(work, model(work, "nano-banana-pro"), 999))  # somebody else probes

    assert begin(database, lease(database, waits)) is None

    ended = get(database, waits)
    assert (ended.state, ended.trouble, ended.submits) == (State.FAILED, Trouble.PROVIDER, 0)
    assert money(database, cast.alice) == before


@pytest.mark.parametrize("kind", ["postgresql"])
def test_who_waited_for_anothers_probe_does_not_probe_too(database):
    fails(database, 5)
    later(database, seconds=31)

    def choose(work):
        return circuits.choose(work, model(work, "nano-banana-pro"), 1)

    with ThreadPoolExecutor(1) as thread:
        with database.begin() as work:
            assert choose(work) == "sketch"
            late = thread.submit(database.run, choose)
            wait_until_someone_waits_for_a_lock(database)
        assert late.result() is None


def test_a_probe_that_works_closes_it_and_ends_its_alert(database, cast):
    probe = request(database, cast.alice)
    fails(database, 5)
    later(database, seconds=31)
    bring(database, probe, State.SUBMITTED)

    arrive(database, probe, Done((Output("a"),)), f"r{probe.id}")

    assert rests(database) is None
    assert lasting(database) == []
    fails(database, 4)
    assert rests(database) is None


def test_a_probe_that_fails_opens_it_for_twice_as_long_and_others_failures_do_not(database, cast):
    running, probe = request(database, cast.alice), request(database, cast.alice, "m2")
    bring(database, running, State.SUBMITTED)
    fails(database, 5)
    later(database, seconds=31)
    bring(database, probe, State.SUBMITTED)

    arrive(database, running, BROKE, f"r{running.id}")
    assert rests(database) == 5  # the probe may end at any moment
    arrive(database, probe, BROKE, f"r{probe.id}")

    assert rests(database) == 60
    assert lasting(database) == [("circuit", "sketch:nano-banana-pro", 2)]


def test_a_probe_whose_worker_died_is_followed_by_another(database, cast):
    first, second = request(database, cast.alice), request(database, cast.alice, "m2")
    fails(database, 5)
    later(database, seconds=31)
    begin(database, lease(database, first))
    later(database, minutes=3)

    assert begin(database, lease(database, second)) is not None


def test_it_never_rests_longer_than_ten_minutes(database):
    for _ in range(20):
        fails(database, 5)
        later(database, minutes=11)
    fails(database, 5)

    assert rests(database) == 600


# our key


def rejects_us(database, generation_id=0):
    database.run(lambda work: circuits.rejects_us(work, "sketch", generation_id, "no balance"))


def test_a_key_that_is_no_good_rests_every_model_at_once_and_is_one_alert(database, cast):
    rejects_us(database)
    rejects_us(database)

    assert (rests(database), rests(database, "flux-dev")) == (30, 30)
    assert lasting(database) == [("provider", "sketch", 2)]
    with pytest.raises(ModelResting):
        request(database, cast.alice)


def test_it_is_over_when_a_request_is_taken_again_not_when_an_old_one_ends_well(database, cast):
    running, probe = request(database, cast.alice), request(database, cast.alice, "m2", "flux-dev")
    bring(database, running, State.SUBMITTED)
    rejects_us(database)
    arrive(database, running, Done((Output("a"),)), f"r{running.id}")
    assert rests(database, "flux-dev") == 30
    later(database, seconds=31)
    assert begin(database, lease(database, probe)) is not None

    database.run(lambda work: circuits.takes(work, "sketch"))

    assert (rests(database), rests(database, "flux-dev")) == (None, None)
    assert lasting(database) == []


def test_one_generation_probes_for_all_models(database, cast):
    first, second = request(database, cast.alice), request(database, cast.alice, "m2", "flux-dev")
    rejects_us(database)
    later(database, seconds=31)

    assert begin(database, lease(database, first)) is not None
    assert begin(database, lease(database, second)) is None
    rejects_us(database, first.id)

    assert rests(database, "flux-dev") == 60


def test_an_alert_met_by_many_at_once_is_one_row(database):
    with ThreadPoolExecutor(4) as four:
        list(four.map(lambda n: database.run(lambda work: alerts.alert(work, "provider", "fal", f"{n}")), range(4)))

    assert lasting(database) == [("provider", "fal", 4)]


# who draws


def test_the_order_is_the_models_own_or_the_settings(database):
    settings = Settings(_env_file=None, fal_key="a-key", providers="fal,sketch")
    with database.read() as work:
        flux = model(work, "flux-dev")
    own = {"sketch": ["sketch"], "fal": ["fal"], "both": ["sketch", "fal"]}

    assert circuits.order(settings, flux) == ["fal", "sketch"]
    for names in own.values():
        chosen = type(flux)(**{**vars(flux), "providers": names})
        assert circuits.order(settings, chosen) == names
    gone = type(flux)(**{**vars(flux), "providers": ["another"]})
    assert circuits.order(settings, gone) == ["fal", "sketch"]


def test_whoever_has_just_failed_is_asked_last_and_whoever_rests_not_at_all(new_database, kind):
    database = new_database(kind, fal_key="a-key", providers="fal,sketch")

    def choose(but=None):
        return database.run(lambda work: circuits.choose(work, model(work, "flux-dev"), 1, but))

    assert (choose(), choose(but="fal"), choose(but="sketch")) == ("fal", "sketch", "fal")
    for _ in range(5):
        database.run(lambda work: circuits.fails(work, "fal", "flux-dev", 0, "no runner"))
    assert (choose(), choose(but="sketch")) == ("sketch", "sketch")
    with database.read() as work:
        assert circuits.resting(work, all_models(work)) == {}


def test_a_model_that_one_provider_alone_draws_rests_with_it(new_database, kind):
    database = new_database(kind, fal_key="a-key", providers="fal,sketch")
    with database.begin() as work:
        work.execute(sa.update(models).where(models.c.id == "flux-dev").values(providers=["fal"]))
    for _ in range(5):
        database.run(lambda work: circuits.fails(work, "fal", "flux-dev", 0, "no runner"))

    with database.read() as work:
        assert list(circuits.resting(work, all_models(work))) == ["flux-dev"]


def test_a_refused_request_may_be_asked_again(database, cast):
    fails(database, 5, name="flux-dev")
    ask = Ask(cast.alice, "telegram", "m1", "flux-dev", "a fox")
    with pytest.raises(ModelResting):
        database.run(lambda work: generations.request(work, ask))
    later(database, seconds=31)

    assert database.run(lambda work: generations.request(work, ask)).state is State.QUEUED

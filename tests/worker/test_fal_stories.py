"""What the product does about fal as a whole: a bad key, a rest, another provider, webhooks out of turn."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import httpx2
import pytest
import sqlalchemy as sa

from engine.errors import ModelResting
from engine.tables import deliveries, generations, submissions
from tests.conftest import later
from tests.simulators import fal_log
from tests.simulators.fal_asking import until
from tests.simulators.fal_signing import Signer
from tests.test_cli import Terminal

pytest_plugins = "tests.worker.fal_house"

REST, LONGER_REST = 31, 61
COST = 25_000


@contextmanager
def running(house, *asked):
    """They are worked on beside the test; ends when they have ended."""
    with ThreadPoolExecutor(1) as beside:
        future = beside.submit(house.run, *asked)
        yield future
        future.result()


def drawn(house, *prompts, model="flux-dev"):
    return house.run(*(house.ask(house.cast.alice, prompt, model=model) for prompt in prompts))


def ends(*ended):
    return [(one.trouble or one.state).value for one in ended]


# a key that is not good


def test_a_key_that_is_not_good_is_one_alert_that_the_next_success_ends(open_house, fal, tmp_path):
    house = open_house(is_called=False)
    had = house.money()
    models = [house.add_model(f"model-{number}") for number in range(4)]

    fal.control(odds=1, mishaps=["submit-401", "submit-403"])
    ended = house.run(*(house.ask(house.cast.alice, f"a fox of {model}", model=model) for model in models))

    assert ends(*ended) == ["provider"] * 4
    assert house.money() == had
    assert list(house.alerts()) == ["provider fal"]
    with pytest.raises(ModelResting):
        house.ask(house.cast.alice, "a hare", model=models[0])
    status, said = doctor(house, tmp_path)
    assert status == 1
    assert "bad  provider fal: our key or our money is not good there" in said
    assert "       Look at your balance there, and at the key in the settings." in said

    fal.control(odds=0)
    later(house.database, seconds=REST)
    assert ends(*drawn(house, "a hare", model=models[0])) == ["stored"]
    assert house.alerts() == {}
    assert "provider fal:" not in doctor(house, tmp_path)[1]


def doctor(house, folder):
    """Its status, and what it says."""
    variables = {"EASEL_DATABASE_URL": house.database.settings.database, **house.fal.environment()}
    done = Terminal(folder).run("doctor", **variables)
    return done.returncode, done.stdout


# a rest


def fail_five_times(house):
    return drawn(house, *(f"a fox that fails, number {number} [submit-400]" for number in range(5)))


def test_after_five_failures_in_a_row_a_model_rests_and_the_others_work(open_house):
    house = open_house(is_called=False)
    assert ends(*fail_five_times(house)) == ["provider"] * 5
    had = house.money()

    with pytest.raises(ModelResting) as refused:
        house.ask(house.cast.alice, "a hare")
    assert refused.value.model == "flux-dev"
    assert house.money() == had
    with house.database.read() as work:
        assert work.execute(sa.select(sa.func.count()).select_from(generations)).scalar_one() == 5
    assert house.alerts() == {"circuit fal:flux-dev": 1}
    assert ends(*drawn(house, "a hare", model="nano-banana")) == ["stored"]
    assert house.alerts() == {"circuit fal:flux-dev": 1}


def test_four_failures_and_a_success_and_four_more_are_no_reason_to_rest(open_house):
    house = open_house(is_called=False)
    for number in range(4):
        drawn(house, f"a fox, number {number} [submit-400]")
    drawn(house, "a hare")
    for number in range(4, 8):
        drawn(house, f"a fox, number {number} [submit-400]")

    assert house.alerts() == {}
    assert ends(*drawn(house, "a hare in the snow")) == ["stored"]


def test_after_the_rest_one_probes_and_the_others_wait_for_it(open_house, fal):
    house = open_house(is_called=False)
    fail_five_times(house)
    fal.control(seconds=1)

    later(house.database, seconds=REST)
    assert ends(*drawn(house, "hare 1", "hare 2", "hare 3")) == ["stored"] * 3
    assert house.alerts() == {}

    about = [line["what"] for line in fal_log.read(fal.log)
             if line["what"] == "bill" or (line["what"] == "submit" and line["accepted"])]  # fmt: skip
    assert about[:2] == ["submit", "bill"], "the first was made before the next was asked for"
    assert sorted(about[2:]) == ["bill", "bill", "submit", "submit"]


def test_a_probe_that_fails_makes_the_rest_longer(open_house):
    house = open_house(is_called=False)
    fail_five_times(house)

    later(house.database, seconds=REST)
    assert ends(*drawn(house, "a probe [submit-400]")) == ["provider"]
    assert house.alerts() == {"circuit fal:flux-dev": 2}
    later(house.database, seconds=REST)
    with pytest.raises(ModelResting):
        house.ask(house.cast.alice, "a hare")
    later(house.database, seconds=LONGER_REST - REST)
    assert ends(*drawn(house, "a hare")) == ["stored"]
    assert house.alerts() == {}


# another provider


@pytest.mark.parametrize(
    ("wishes", "address", "outcome"),
    [
        ({"down": True}, {}, ("asked", None)),
        ({}, {"fal_queue_url": "http://127.0.0.1:1"}, ("rejected", 0)),
        ({"odds": 1, "mishaps": ["submit-403"]}, {}, ("rejected", 0)),
    ],
    ids=["hangs up", "cannot be reached", "has none of our money left"],
)
def test_when_fal_does_not_draw_the_next_provider_does(open_house, fal, wishes, address, outcome):
    house = open_house(is_called=False, providers="fal,sketch", sketch_seconds=0, **address)
    fal.control(**wishes)

    (ended,) = drawn(house, "a fox")

    assert (ends(ended), ended.provider, ended.charged) == (["stored"], "sketch", ended.price)
    assert house.tries(ended) == [("fal", *outcome), ("sketch", "done", 0)]


def test_a_model_with_a_provider_of_its_own_is_drawn_by_nobody_else(open_house, fal):
    house = open_house(is_called=False, providers="fal,sketch", sketch_seconds=0)
    house.add_model("demo", providers=["sketch"])

    here, there = house.run(*(house.ask(house.cast.alice, model, model=model) for model in ("demo", "flux-dev")))

    assert house.tries(here) == [("sketch", "done", 0)]
    assert house.tries(there) == [("fal", "done", COST)]
    assert [line["arguments"]["prompt"] for line in fal_log.submissions(fal.log)] == ["flux-dev"]


# webhooks out of turn


def told_to_people(house):
    with house.database.read() as work:
        return work.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar_one()


def test_a_webhook_that_comes_after_all_was_given_back_is_counted_and_dropped(open_house, caplog):
    caplog.set_level("INFO")
    house = open_house()
    had = house.money()
    house.add_model("hasty", timeout_seconds=2)

    with house.door():
        (ended,) = drawn(house, "a fox [late][status-404]", model="hasty")  # 4 s, and nobody else tells

    assert (ends(ended), ended.charged, house.money()) == (["too_late"], 0, had)
    assert house.tries(ended) == [("fal", "done", COST)]
    assert [line["status"] for line in fal_log.webhooks(house.fal.log)] == [204]
    (taken,) = fal_log.accepted(house.fal.log)
    assert f"generation {ended.id}, attempt 1: told of {taken['request']}, late" in caplog.messages
    assert (house.files(), told_to_people(house)) == ([], 1)
    assert house.wrong([ended], is_told=True) == []


def test_what_was_given_up_and_is_drawn_all_the_same_is_asked_for_its_cost(open_house):
    house = open_house(is_called=False)
    house.add_model("hasty", timeout_seconds=2)

    (ended,) = drawn(house, "a fox [late]", model="hasty")

    assert (ends(ended), ended.charged, house.files()) == (["too_late"], 0, [])
    assert house.tries(ended) == [("fal", "done", COST)]
    assert len(fal_log.read(house.fal.log, "cancel")) >= 1
    assert house.wrong([ended], is_told=False) == []


def test_what_is_forged_changes_nothing(open_house, fal):
    house = open_house()
    fal.control(webhooks="off", seconds=3)
    asked = house.ask(house.cast.alice, "a fox")

    with house.door(), running(house, asked), httpx2.Client(trust_env=False) as stranger:
        (line,) = until(lambda: fal_log.accepted(fal.log))
        until(lambda: house.tries(asked) == [("fal", "taken", None)])
        before = rows(house)
        address, _, token = line["webhook"].rpartition("/")
        body = {"request_id": line["request"], "status": "OK", "payload": {"images": []}}
        signed = Signer().headers(line["request"], json.dumps(body).encode())  # by whoever has keys of his own
        other = token.replace("1-1-", "2-1-", 1)
        for url, headers, status in (
            (line["webhook"], {}, 401),
            (line["webhook"], signed, 401),
            (f"{address}/{other}", signed, 404),
            (f"{address}/{token[:-1]}{'0' if token[-1] != '0' else '1'}", signed, 404),
            (f"{address}/nothing", signed, 404),
            (line["webhook"].replace("/fal/", "/sketch/"), signed, 404),
        ):
            assert stranger.post(url, content=json.dumps(body).encode(), headers=headers).status_code == status, url
        assert rows(house) == before

    assert house.tries(asked) == [("fal", "done", COST)]


def rows(house):
    """All that a webhook may change, but for when it is looked at next."""
    with house.database.read() as work:
        those = work.execute(sa.select(generations.c.state, generations.c.request_id, generations.c.outputs)).all()
        return those, work.execute(sa.select(submissions)).all()


def test_while_fals_keys_are_away_a_webhook_comes_again_until_they_are_there(open_house, fal):
    house = open_house()
    fal.control(jwks="down")
    asked = house.ask(house.cast.alice, "a fox [status-404]")  # so that only the webhook can tell

    with house.door(), running(house, asked):
        until(lambda: 503 in statuses(fal))
        assert house.see(asked).is_open
        fal.control(jwks="ok")

    assert ends(house.see(asked)) == ["stored"]
    *before, last = statuses(fal)
    assert (set(before), last) == ({503}, 204)
    assert house.wrong([house.see(asked)], is_told=True) == []


def statuses(fal):
    return [line["status"] for line in fal_log.webhooks(fal.log)]


# two tries that both run


def both_run(house, fal, first, seconds):
    """The answer to the first try gets lost, and its webhook comes late; a second try takes so many seconds."""
    asked = house.ask(house.cast.alice, first)
    with running(house, asked):
        until(lambda: house.posts(asked) == 1)
        fal.control(seconds=seconds)
    return asked


@pytest.mark.parametrize("seconds", [0.5, 6], ids=["the second is faster", "the first is faster"])
def test_of_two_tries_that_both_run_one_is_kept_and_both_are_paid(open_house, fal, monkeypatch, seconds):
    monkeypatch.setattr("engine.generations.steps.ADOPTION", timedelta(seconds=1))
    house = open_house()

    with house.door():
        asked = both_run(house, fal, "a fox [drop-after:1][webhook-late:1]", seconds)
        until(lambda: house.tries(asked) == [("fal", "done", COST)] * 2)

    ended = house.see(asked)
    assert (ends(ended), ended.charged, ended.submits) == (["stored"], ended.price, 2)
    first, second = fal_log.accepted(fal.log)
    assert ended.request_id == (first if seconds > 1 else second)["request"]
    assert len(house.files()) == 2
    assert told_to_people(house) == 1
    assert house.wrong([ended], is_told=True) == []
    closed = {line["request"] for line in fal_log.read(fal.log, "cancel")}
    assert closed == ({second["request"]} if seconds > 1 else set())

"""Waiting for a picture over the JSON API."""

import threading
import time

import pytest

from bots.browser.api.waiting import Waiting
from engine import generations
from engine.tables import generations as rows
from tests.browser.api_app import ask, count, finish
from tests.engine.driving import fail


@pytest.fixture
def kind():
    """One kind of database will do: money is told on both in test_api.py."""
    return "sqlite"


def first_of(database, account_id):
    """Somebody's first generation, as soon as it is there."""
    until = time.monotonic() + 20
    while not count(database, rows) and time.monotonic() < until:
        time.sleep(0.01)
    with database.read() as work:
        return generations.latest(work, account_id)[0]


def test_waiting_ends_when_the_picture_is_there(client, database, cast, alice):
    def play():
        generation = first_of(database, cast.alice)
        finish(database, generation.id)
        client.portal.call(client.app.state.front.bells.ring, cast.alice)

    worker = threading.Thread(target=play)
    worker.start()
    answer = ask(client, alice, Prefer="respond-async, wait=25")
    worker.join()
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=25")
    assert (answer.json()["state"], len(answer.json()["images"])) == ("stored", 1)
    assert answer.headers["location"] == answer.json()["status_url"]


def test_waiting_ends_when_it_fails_and_when_time_is_up(client, database, cast, alice):
    def play():
        generation = first_of(database, cast.alice)
        fail(database, generation)

    worker = threading.Thread(target=play)
    worker.start()
    answer = ask(client, alice, Prefer="wait=600")  # nobody rings: it is seen by looking
    worker.join()
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=30")
    assert (answer.json()["state"], answer.json()["error"]["kind"]) == ("failed", "provider")
    answer = ask(client, alice, Prefer="wait=1")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")


@pytest.mark.parametrize("prefer", ["", "wait", "wait=-1", "wait=x", "await=9", "respond-async", "wait=99999999999"])
def test_a_wish_to_wait_that_makes_no_sense_is_not_heard(client, alice, prefer):
    answer = ask(client, alice, Prefer=prefer)
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


def test_who_finds_all_seats_taken_is_answered_at_once(client, database, cast, alice):
    told = ask(client, alice).json()
    with database.read() as work:
        generation = generations.get(work, told["id"])

    async def stays():
        return False

    nobody = Waiting(client.app.state.front, most=0)
    assert client.portal.call(nobody.for_end, generation, 30, stays) is False


def test_waiting_ends_when_the_server_stops_or_the_client_is_gone(client, database, cast, alice):
    with database.read() as work:
        generation = generations.get(work, ask(client, alice).json()["id"])

    async def has_gone():
        return True

    async def stays():
        return False

    waiting = Waiting(client.app.state.front)
    assert client.portal.call(waiting.for_end, generation, 30, has_gone) is True
    client.app.state.front.stopping.set()
    assert client.portal.call(waiting.for_end, generation, 30, stays) is True

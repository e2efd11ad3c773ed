"""The route that providers call: what it answers to whom, whichever provider it is."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from engine.errors import Busy
from engine.generations import submissions
from engine.ports import Done, KeysAway, Message, NotTrusted, Output
from engine.tables import Outcome, State
from tests.engine.driving import bring, get, request
from web_checkout import webhooks
from worker.callbacks import Callbacks

ADDRESSES = Callbacks("http://testserver", b"a key of ours")


class Receiver:
    """Believes everything, unless it is told to raise something."""

    def __init__(self):
        self.raises = None

    def check(self, headers, body):
        if self.raises:
            raise self.raises
        return Message(body.decode(), {})

    def result(self, message, job):
        return Done((Output("https://pictures.example/1.jpg"),), 25_000)


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def web(database, receiver):
    app = FastAPI(telemetry={"logs": False})
    app.include_router(webhooks.router(database, {"sketch": receiver}, ADDRESSES))
    with TestClient(app) as client:
        yield client


def tell(web, generation_id, attempt=1, request_id=None):
    return web.post(ADDRESSES.url("sketch", generation_id, attempt), content=request_id or f"r{generation_id}")


def tries(database, generation):
    with database.read() as work:
        return [one.outcome for one in submissions.of(work, generation.id)]


def test_what_a_provider_tells_is_written_down_and_again_is_as_good(web, database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)

    assert [tell(web, generation.id).status_code for _ in range(2)] == [204, 204]

    assert get(database, generation).state is State.READY
    assert tries(database, generation) == [Outcome.DONE]


def test_a_try_or_a_provider_that_does_not_exist_is_nothing_to_tell_of(web, database, cast):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)

    assert tell(web, generation.id, attempt=2).status_code == 404
    assert tell(web, 999).status_code == 404
    assert web.post(ADDRESSES.url("another", generation.id, 1), content="r1").status_code == 404
    assert web.post("/webhooks/sketch/1-1-" + "0" * 64, content="r1").status_code == 404

    assert tries(database, generation) == [Outcome.TAKEN]


@pytest.mark.parametrize(
    ("raises", "status"), [(NotTrusted("no"), 401), (KeysAway("away"), 503), (Busy(), 503), (ValueError("odd"), 400)]
)
def test_what_cannot_be_believed_or_written_down_changes_nothing(web, database, cast, receiver, raises, status):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    receiver.raises = raises

    answer = tell(web, generation.id)

    assert answer.status_code == status
    assert ("retry-after" in answer.headers) is (status == 503)
    assert tries(database, generation) == [Outcome.TAKEN]


def test_a_result_that_cannot_be_read_is_asked_for(web, database, cast, receiver, monkeypatch):
    generation = request(database, cast.alice)
    bring(database, generation, State.SUBMITTED)
    monkeypatch.setattr(receiver, "result", lambda message, job: (_ for _ in ()).throw(ValueError("no shape")))

    assert tell(web, generation.id).status_code == 204

    assert tries(database, generation) == [Outcome.TAKEN]
    assert get(database, generation).state is State.SUBMITTED

"""What every provider promises, seen on each of them."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest

from engine.ports import Done, Drawing, Failed, Output, ProviderTrouble, Trouble, Waiting
from engine.settings import Settings
from tests.simulators.fal_process import fal_simulator
from tests.worker import jobs
from worker.images import Facts, finish
from worker.providers.fal import Fal
from worker.providers.sketch import Sketch

PATIENCE = 10
FACTS = Facts("Easel", 7, "flux-dev", datetime(2026, 11, 20, tzinfo=UTC))
JOB = replace(jobs.FLUX, provider="")


@pytest.fixture(scope="module")
def fal(tmp_path_factory):
    with fal_simulator(tmp_path_factory.mktemp("fal"), seconds=0.4) as simulator:
        settings = Settings(_env_file=None, fal_key="a-key", fal_queue_url=simulator.url, fal_media_hosts="127.0.0.1")
        words = {"refuse": "refuse", "fail": "error-runner_server_error", "silent": "never-queued"}
        yield SimpleNamespace(provider=Fal(settings), words=words, strange=str(uuid4()))


@pytest.fixture(scope="module")
def sketch():
    words = {"refuse": "refuse", "fail": "fail", "silent": "silent"}
    return SimpleNamespace(provider=Sketch(0.4, "", is_production=False), words=words, strange="sketch-1-2-odd-ab")


@pytest.fixture(params=["fal", "sketch"])
def studio(request):
    """A provider, and the words in a prompt that make it misbehave."""
    return request.getfixturevalue(request.param)


def submitted(studio, word=""):
    mishap = f" [{studio.words[word]}]" if word else ""
    job = replace(JOB, provider=studio.provider.name, prompt=f"a fox {uuid4()}{mishap}")
    taken = studio.provider.submit(job)
    assert taken.request_id
    return replace(job, request_id=taken.request_id, memo=taken.memo)


def look(studio, job):
    return asyncio.run(studio.provider.look(job))


def life(studio, job):
    """Everything it was until it ended, each once."""
    seen = []
    until = time.monotonic() + PATIENCE
    while not seen or not isinstance(seen[-1], Done | Failed):
        assert time.monotonic() < until
        progress = look(studio, job)
        if not seen or type(progress) is not type(seen[-1]):
            seen.append(progress)
        time.sleep(0.01)
    return seen


def test_it_says_who_it_is_and_whether_it_calls(studio):
    assert studio.provider.name in ("fal", "sketch")
    assert isinstance(studio.provider.tells, bool)


def test_a_request_waits_is_drawn_and_is_done_in_this_order(studio):
    waiting, drawing, done = life(studio, submitted(studio))

    assert isinstance(waiting, Waiting) and (waiting.place is None or waiting.place >= 1)
    assert isinstance(drawing, Drawing)
    assert len(done.outputs) == 2
    assert not any(output.is_flagged for output in done.outputs)
    assert done.cost_microdollars >= 0


def test_what_is_done_stays_done_and_is_the_same_for_whoever_asks(studio):
    job = submitted(studio)
    done = life(studio, job)[-1]

    assert look(studio, job) == done


def test_every_picture_is_one_that_can_be_kept(studio):
    job = submitted(studio)
    pictures = [studio.provider.fetch(job, output) for output in life(studio, job)[-1].outputs]

    for content in pictures:
        finished = finish(content, FACTS)
        assert finished.width > finished.height, "16:9 was asked for"


def test_each_submit_is_a_request_of_its_own(studio):
    assert submitted(studio).request_id != submitted(studio).request_id


@pytest.mark.parametrize(("word", "trouble"), [("refuse", Trouble.REFUSED), ("fail", Trouble.PROVIDER)])
def test_a_refusal_and_a_failure_are_ends_that_are_told_apart(studio, word, trouble):
    job = submitted(studio, word)
    failed = life(studio, job)[-1]

    assert isinstance(failed, Failed)
    assert failed.trouble is trouble
    assert failed.detail
    if word == "refuse":
        assert failed.is_permanent
    assert look(studio, job) == failed


def test_a_cancel_is_harmless_at_any_time(studio):
    waiting, finished = submitted(studio, "silent"), submitted(studio)
    life(studio, finished)

    for job in (waiting, waiting, finished, replace(JOB, request_id=None), replace(JOB, request_id=studio.strange)):
        studio.provider.cancel(job)
    assert isinstance(look(studio, finished), Done)


def test_a_request_that_is_not_there_is_an_end_or_trouble_and_nothing_else(studio):
    for request_id in (None, "", "../x", "é" * 500):
        failed = look(studio, replace(JOB, request_id=request_id))
        assert isinstance(failed, Failed) and failed.is_permanent

    try:
        assert isinstance(look(studio, replace(JOB, request_id=studio.strange)), Failed)
    except ProviderTrouble as trouble:
        assert not trouble.is_permanent


def test_an_output_of_somebody_else_is_not_fetched(studio):
    job = submitted(studio)

    for url in ("https://elsewhere.net/1.jpg", "file:///etc/passwd", "http://169.254.169.254/", "sketch:other/0", ""):
        with pytest.raises(ProviderTrouble) as raised:
            studio.provider.fetch(job, Output(url))
        assert raised.value.is_permanent

"""The adapter to fal against the simulated fal: what is asked for, what it becomes, and every way in which it ends."""

import gzip
import json
import time
from dataclasses import replace
from uuid import uuid4

import pytest
from pydantic import SecretStr

from engine.ports import Done, Drawing, Failed, Output, ProviderTrouble, Waiting
from engine.settings import Settings
from tests.simulators import fal_log, fal_mishaps
from tests.worker.fal_asking import (
    COMPLETED,
    FOR_GOOD,
    FOR_NOW,
    GENEROUS,
    ID,
    JOB,
    PICTURE,
    REFUSED,
    RESULT,
    UNFIT,
    UNKNOWN,
    adapter,
    ended,
    look,
    posts,
    run_of,
    scripted,
    submitted,
    trouble,
    verdict,
    wanted,
)
from worker.providers import fal_wire
from worker.providers.fal import Fal

pytest_plugins = "tests.worker.fal_fixtures"


@pytest.fixture(scope="module")
def simulator(simulated_fal):
    return simulated_fal


@pytest.fixture(scope="module")
def fal(simulator):
    return adapter(simulator.url)


def test_a_picture_is_asked_for_once_waited_for_and_fetched(fal, simulator):
    job = submitted(fal, wanted(webhook_url="http://127.0.0.1:1/hook?a=b&c=d"))
    seen = [look(fal, job)]
    done = ended(fal, job)
    content = fal.fetch(job, done.outputs[0])

    assert isinstance(seen[0], Waiting) and 1 <= seen[0].place <= 4
    assert (len(done.outputs), done.cost_microdollars) == (1, 25_000)
    assert len(content) > 100
    [post] = posts(simulator, job)
    assert post["webhook"] == "http://127.0.0.1:1/hook?a=b&c=d"
    assert post["headers"]["x-fal-request-timeout"] == "30.0"
    assert json.loads(post["headers"]["x-fal-object-lifecycle-preference"]) == {"expiration_duration_seconds": 86_400}
    assert "x-fal-no-retry" not in post["headers"]
    assert fal_log.undocumented(simulator.log) == []


def test_it_waits_in_line_then_it_is_drawn(fal):
    assert look(fal, submitted(fal, wanted("never-queued"))) == Waiting(8)

    job = submitted(fal, wanted("never-drawing"))
    until = time.monotonic() + GENEROUS
    while look(fal, job) != Drawing():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_another_process_knows_as_much_with_and_without_the_memo(fal, simulator):
    job = submitted(fal, wanted())

    poisoned = json.dumps(dict.fromkeys(("status", "response", "cancel"), "https://elsewhere.net/"))

    for memo in (job.memo, "", "{}", "[1", "7", poisoned):
        assert isinstance(ended(adapter(simulator.url), replace(job, memo=memo)), Done)


SUBMITS = {
    **{f"submit-{status}": FOR_GOOD for status in (400, 401, 403, 404)},
    **{f"submit-{status}": FOR_NOW for status in (409, 429, 503)},
    "submit-429-retry-after": FOR_NOW,
    **dict.fromkeys(("submit-408", "submit-500", "submit-500-accepted"), UNKNOWN),
    **{f"submit-422-{name}": UNFIT for name in fal_mishaps.USER_ERRORS},
    **{f"submit-422-{name}": REFUSED for name in ("content_policy_violation", "no_media_generated")},
    **dict.fromkeys(("submit-502-nginx", "submit-502-nginx-accepted", "submit-504", "submit-504-accepted"), UNKNOWN),
    **dict.fromkeys(("drop-before", "drop-after", "html-200", "junk-json", "deep-json", "no-request-id"), UNKNOWN),
    **dict.fromkeys(("huge-json", "slow-submit", "drip-submit"), UNKNOWN),
}


@pytest.mark.parametrize("mishap", [name for name in fal_mishaps.SUBMIT if name != "foreign-urls"])
def test_whatever_is_answered_the_request_leaves_once(fal, simulator, monkeypatch, mishap):
    monkeypatch.setattr(fal_wire, "DEADLINE", 1.0 if mishap in fal_mishaps.ENDLESS else 10.0)
    job, began = wanted(mishap), time.monotonic()

    told = trouble(fal.submit, job)

    assert verdict(told) == SUBMITS[mishap]
    assert told.is_ours is (mishap in ("submit-401", "submit-403"))
    assert told.wait_seconds == (2 if mishap == "submit-429-retry-after" else None)
    assert time.monotonic() - began < GENEROUS
    assert len(posts(simulator, job)) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 502, 503, 504])
def test_what_fals_client_would_send_again_is_sent_once(status):
    with scripted(lambda *_: (status, b"<html>nginx</html>")) as server:
        fal = adapter(server.url)
        trouble(fal.submit, JOB)
        trouble(look, fal, replace(JOB, request_id=ID))
        trouble(fal.cancel, replace(JOB, request_id=ID))

        assert [method for method, *_ in server.asked] == ["POST", "GET", "PUT"]


ENDS = {
    **{f"error-{name}": FOR_NOW for name in (*fal_mishaps.MODEL_ERRORS, *fal_mishaps.REQUEST_ERRORS)},
    **dict.fromkeys(("error-client_cancelled", "error-bad_request", "result-404"), FOR_GOOD),
    **dict.fromkeys(("refuse", "no-media"), REFUSED),
}


@pytest.mark.parametrize(("mishap", "expected"), ENDS.items())
def test_some_end_without_a_picture(fal, mishap, expected):
    failed = ended(fal, submitted(fal, wanted(mishap)))

    assert isinstance(failed, Failed)
    assert verdict(failed) == expected
    was_drawn = mishap in ("refuse", "result-404")  # fal says so of a refusal; what ran to its end is billed anyway
    assert failed.cost_microdollars == (25_000 if was_drawn else 0)


@pytest.mark.parametrize("mishap", ["result-500-once", "result-drop-once", "status-500-once", "status-429-once"])
def test_what_goes_wrong_once_is_asked_again(fal, mishap):
    job = submitted(fal, wanted(mishap))
    if mishap.startswith("status"):
        assert verdict(trouble(look, fal, job)) == FOR_NOW

    assert isinstance(ended(fal, job), Done)


@pytest.mark.parametrize("mishap", ["status-404", "status-junk", "status-unknown", "status-drip", "other-request-id"])
def test_a_status_that_cannot_be_read_is_asked_again(fal, monkeypatch, mishap):
    monkeypatch.setattr(fal_wire, "DEADLINE", 0.5 if mishap == "status-drip" else 10.0)

    assert verdict(trouble(look, fal, submitted(fal, wanted(mishap)))) == FOR_NOW


@pytest.mark.parametrize("mishap", ["result-500", "result-html"])
def test_a_result_that_cannot_be_had_is_asked_again(fal, simulator, mishap):
    job = submitted(fal, wanted(mishap))
    until = time.monotonic() + GENEROUS
    while not any(line["request"] == job.request_id for line in fal_log.read(simulator.log, "result")):
        assert time.monotonic() < until
        try:
            assert isinstance(look(fal, job), Waiting | Drawing)
        except ProviderTrouble as told:
            assert verdict(told) == FOR_NOW
    assert verdict(trouble(look, fal, job)) == FOR_NOW


def test_the_result_is_asked_for_once_in_the_look_that_finds_it(fal, simulator):
    job = submitted(fal, wanted())
    ended(fal, job)

    assert len([line for line in fal_log.read(simulator.log, "result") if line["request"] == job.request_id]) == 1


@pytest.mark.parametrize(("mishap", "count", "flagged"), [("flagged", 1, 1), ("two-images", 2, 0), ("no-images", 0, 0)])
def test_results_come_as_they_are(fal, mishap, count, flagged):
    outputs = ended(fal, submitted(fal, wanted(mishap))).outputs

    assert (len(outputs), sum(output.is_flagged for output in outputs)) == (count, flagged)


@pytest.mark.parametrize("mishap", ["foreign-host", "file-url", "redirect", "file-404"])
def test_a_picture_that_is_elsewhere_is_not_fetched(fal, mishap):
    job = submitted(fal, wanted(mishap))

    assert verdict(trouble(fal.fetch, job, ended(fal, job).outputs[0])) == FOR_GOOD


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"status": "IN_QUEUE"}, Waiting(None)),
        ({"status": "IN_QUEUE", "queue_position": 0}, Waiting(1)),
        ({"status": "IN_QUEUE", "queue_position": -1}, Waiting(None)),
        ({"status": "IN_QUEUE", "queue_position": True}, Waiting(None)),
        ({"status": "IN_QUEUE", "queue_position": "3"}, Waiting(None)),
        ({"status": "IN_PROGRESS"}, Drawing()),
        (COMPLETED, Done((Output(PICTURE["url"]),), 25_000)),
        ({**COMPLETED, "error": "odd", "request_id": ID}, Done((Output(PICTURE["url"]),), 25_000)),
    ],
)
def test_a_status_may_say_less_or_more_than_it_should(status, expected):
    with scripted(run_of(status)) as server:
        assert look(adapter(server.url), replace(JOB, request_id=ID)) == expected


@pytest.mark.parametrize("status", [None, [], "IN_QUEUE", {}, {"status": None}, {"status": ["COMPLETED"]}, 10**400])
def test_a_status_of_another_shape_is_asked_again(status):
    with scripted(run_of(status)) as server:
        assert verdict(trouble(look, adapter(server.url), replace(JOB, request_id=ID))) == FOR_NOW


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ((200, {**RESULT, "request_id": "another"}), (*FOR_GOOD, 25_000)),
        ((200, {**RESULT, "has_nsfw_concepts": None}), (*FOR_GOOD, 25_000)),
        ((200, {"images": None}), (*FOR_GOOD, 25_000)),
        ((200, []), (*FOR_GOOD, 25_000)),
        ((200, {**RESULT, "more": "x" * 2_000_000}), (*FOR_GOOD, 25_000)),
        ((200, gzip.compress(bytes(20_000_000)), ("Content-Encoding", "gzip")), (*FOR_GOOD, 25_000)),
        ((422, {"detail": [{"type": "one_of"}]}), (*UNFIT, 0)),
        ((422, {"detail": [{"type": "one_of"}]}, ("X-Fal-Billable-Units", "2")), (*UNFIT, 50_000)),
        ((500, {"detail": [{"type": "internal_server_error"}]}), (*FOR_NOW, 0)),
    ],
)
def test_a_result_of_another_shape_is_a_failure(result, expected):
    with scripted(run_of(COMPLETED, result)) as server:
        failed = look(adapter(server.url), replace(JOB, request_id=ID))

    assert (*verdict(failed), failed.cost_microdollars) == expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ((200, b"<html>"), REFUSED),
        ((200, {"detail": [{"type": "no_media_generated"}]}), REFUSED),
        ((500, b"<html>"), REFUSED),
    ],
)
def test_when_the_status_has_told_the_error_its_result_need_not(result, expected):
    with scripted(run_of({**COMPLETED, "error_type": "content_policy_violation"}, result)) as server:
        assert verdict(look(adapter(server.url), replace(JOB, request_id=ID))) == expected


@pytest.mark.parametrize("status", [302, 401, 403, 408, 409, 425, 429, 500, 502, 503])
def test_what_is_not_about_the_request_does_not_end_it(status):
    with scripted(run_of(COMPLETED, (status, {"detail": "A sentence"}))) as server:
        told = trouble(look, adapter(server.url), replace(JOB, request_id=ID))

    assert verdict(told) == FOR_NOW
    assert told.is_ours is (status in (401, 403))


@pytest.mark.parametrize("request_id", [None, "", "../../other", "a b", "é", "x" * 101, "a?b", "a\n"])
def test_what_is_no_request_of_ours_is_not_asked_for(request_id):
    with scripted(run_of(COMPLETED)) as server:
        fal, job = adapter(server.url), replace(JOB, request_id=request_id)

        assert verdict(look(fal, job)) == FOR_GOOD
        fal.cancel(job)
        assert server.asked == []


@pytest.mark.parametrize("request_id", [None, 7, "", "../../other", "x" * 101, ["a"]])
def test_an_answer_with_an_impossible_id_is_no_answer(request_id):
    urls = dict.fromkeys(("response_url", "status_url", "cancel_url"), "https://queue.fal.run/x")
    with scripted(lambda *_: (200, {"request_id": request_id, **urls})) as server:
        assert verdict(trouble(adapter(server.url).submit, JOB)) == UNKNOWN


def test_what_is_waiting_can_be_cancelled(fal, simulator):
    job = submitted(fal, wanted("never-queued"))
    fal.cancel(job)
    failed = ended(fal, job)

    assert (verdict(failed), failed.cost_microdollars) == (FOR_GOOD, 0)
    fal.cancel(job)
    fal.cancel(replace(job, request_id=str(uuid4()), memo=""))
    fal.cancel(replace(job, request_id=None))


def test_a_cancel_that_fal_has_not_heard_is_trouble():
    for status in (400, 401, 429, 500):
        with scripted(lambda *_, status=status: (status, {"detail": "A sentence"})) as server:
            told = trouble(adapter(server.url).cancel, replace(JOB, request_id=ID))

            assert verdict(told) == FOR_NOW
            assert told.is_ours is (status == 401)


@pytest.mark.parametrize("key", ["wrong-key", "poor-key"])
def test_a_key_that_is_not_taken_is_ours_and_ends_no_request(fal, simulator, key):
    job, without = submitted(fal, wanted()), adapter(simulator.url, key)

    assert (verdict(trouble(without.submit, wanted())), trouble(without.submit, wanted()).is_ours) == (FOR_GOOD, True)
    assert (verdict(trouble(look, without, job)), trouble(look, without, job).is_ours) == (FOR_NOW, True)


@pytest.mark.parametrize("key", [None, "", "  ", "two words", "a\nb", "ключ"])
def test_without_a_key_there_is_no_fal(key):
    settings = Settings(_env_file=None).model_copy(update={"fal_key": None if key is None else SecretStr(key)})

    with pytest.raises(ValueError, match="the key of fal") as raised:
        Fal(settings)
    assert not key or not key.strip() or key not in str(raised.value)


def test_what_the_catalogue_or_the_prompt_has_wrong_never_leaves(fal, simulator):
    half = replace(JOB, prompt=f"{uuid4()} \ud800")
    odd = wanted(size="2:1")

    assert verdict(trouble(fal.submit, half)) == UNFIT
    assert verdict(trouble(fal.submit, odd)) == FOR_GOOD
    assert posts(simulator, odd) == []

"""The simulated fal holds to fal's protocol, as fal's own client reads it, and goes wrong exactly as it is told to."""

import json
import socket
from io import BytesIO
from urllib.parse import urlsplit

import fal_client
import fal_client.client
import httpx2
import pytest
from PIL import Image

from tests.simulators import fal_log, fal_mishaps
from tests.simulators.fal_asking import BANANA, FLUX, ended, picture_url, post, submitted, until
from tests.simulators.fal_models import COSTS
from tests.simulators.fal_process import fal_simulator


def test_fals_own_client_follows_a_request_from_the_queue_to_the_picture(tmp_path, http, monkeypatch):
    with fal_simulator(tmp_path, seconds=0.6) as fal:
        monkeypatch.setattr(fal_client.client, "QUEUE_URL_FORMAT", f"{fal.url}/")
        client = fal_client.SyncClient(key="a-key")
        handle = client.submit(FLUX, {"prompt": "a fox", "image_size": "landscape_16_9", "output_format": "png"})

        seen = list(handle.iter_events(with_logs=True, interval=0.01))
        result = handle.get()
        picture = Image.open(BytesIO(http.get(result["images"][0]["url"]).content))
        client._client.close()

    positions = [one.position for one in seen if isinstance(one, fal_client.Queued)]
    assert urlsplit(handle.status_url).path == f"/fal-ai/flux/requests/{handle.request_id}/status"
    assert positions == sorted(positions, reverse=True) and positions[-1] == 0
    assert {type(one) for one in seen} == {fal_client.Queued, fal_client.InProgress, fal_client.Completed}
    assert result["has_nsfw_concepts"] == [False] and result["prompt"] == "a fox"
    assert (picture.format, picture.size) == ("PNG", (1024, 576))


def test_each_family_answers_in_its_own_shape(fal, client):
    flux = client.submit("fal-ai/flux-lora", {"prompt": "shape", "seed": 7}).get()
    banana = client.submit(BANANA, {"prompt": "shape", "aspect_ratio": "16:9", "num_images": 2}).get()

    assert set(flux) == {"images", "timings", "seed", "has_nsfw_concepts", "prompt"} and flux["seed"] == 7
    assert set(banana) == {"images", "description"} and len(banana["images"]) == 2


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("Key wrong-key", 401), ("Key poor-key", 403)])
def test_a_key_that_is_missing_wrong_or_poor_is_refused(fal, key, status):
    headers = {"Authorization": key} if key else {}

    answer = httpx2.post(f"{fal.url}/{FLUX}", json={"prompt": f"key {key}"}, headers=headers)

    (line,) = submitted(fal, f"key {key}")
    assert (answer.status_code, line["accepted"], line["authorized"]) == (status, False, False)


@pytest.mark.parametrize("wrong", [{"style": "x"}, {"image_size": "big"}, {"num_images": "1"}, {"num_images": 5}])
def test_what_the_documents_do_not_allow_is_refused_and_noted(fal, http, wrong):
    answer = post(http, fal, f"wrong {wrong}", **wrong)

    (line,) = submitted(fal, f"wrong {wrong}")
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][1] in wrong
    assert line in fal_log.undocumented(fal.log) and not line["accepted"]


@pytest.mark.parametrize("name", [name for name in fal_mishaps.SUBMIT if name.startswith("submit-")])
def test_a_failing_submit_answers_its_error_and_runs_only_when_it_says_accepted(fal, http, name):
    answer = post(http, fal, f"[{name}]")

    (line,) = submitted(fal, f"[{name}]")
    assert answer.status_code == int(name.split("-")[1])
    assert line["accepted"] == name.endswith("-accepted")


def test_a_connection_that_drops_makes_fals_client_pay_again(fal, client):
    client.submit(FLUX, {"prompt": "[drop-after:2]"}, start_timeout=20).get()
    client.submit(FLUX, {"prompt": "[drop-before:1]"}, start_timeout=20).get()

    taken = {line["request"] for line in submitted(fal, "[drop-after:2]")}
    bills = until(lambda: (bills := fal_log.billed_by_request(fal.log)) and taken <= set(bills) and bills)
    assert [bills[request] for request in taken] == [25_000] * 3
    assert [line["accepted"] for line in submitted(fal, "[drop-before:1]")] == [False, True]


@pytest.mark.parametrize(("name", "is_taken"), [("html-200", False), ("junk-json", True), ("deep-json", True)])
def test_an_unreadable_submit_may_or_may_not_have_been_taken(fal, http, name, is_taken):
    answer = post(http, fal, f"[{name}]")

    with pytest.raises((ValueError, RecursionError)):
        answer.json()
    assert answer.status_code == 200 and submitted(fal, f"[{name}]")[0]["accepted"] == is_taken


def test_odd_submits_are_odd_in_one_way_each(fal, http):
    assert "request_id" not in post(http, fal, "[no-request-id]").json()
    assert urlsplit(post(http, fal, "[foreign-urls]").json()["status_url"]).netloc == "127.0.0.2:1"
    assert len(post(http, fal, "[huge-json]").content) > 5_000_000


@pytest.mark.parametrize("prompt", ["[drip-submit]", "[drip-file]"])
def test_a_dripping_answer_comes_a_byte_at_a_time(fal, http, prompt):
    path, host = f"/{FLUX}", urlsplit(fal.url)
    body = json.dumps({"prompt": prompt}).encode()
    words = f"POST {path} HTTP/1.1\r\nAuthorization: Key a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    if prompt == "[drip-file]":
        words = f"GET {urlsplit(picture_url(http, fal, prompt)).path} HTTP/1.1\r\n\r\n".encode()

    with socket.create_connection((host.hostname, host.port), timeout=20) as line:
        line.sendall(words)
        came = b""
        while prompt == "[drip-file]" and not came.endswith(b"\r\n\r\n"):
            came += line.recv(1)
        pieces = [line.recv(4096) for _ in range(2)]

    assert [len(piece) for piece in pieces] == [1, 1]


def test_errors_of_the_provider_come_with_status_result_and_no_bill(fal, http):
    errors = fal_mishaps.MODEL_ERRORS | fal_mishaps.REQUEST_ERRORS
    urls = {kind: post(http, fal, f"[error-{kind}]").json() for kind in errors}

    for kind, status in errors.items():
        until(lambda kind=kind: http.get(urls[kind]["status_url"]).json().get("error_type") == kind)
        answer = http.get(urls[kind]["response_url"])
        assert (answer.status_code, answer.headers["X-Fal-Error-Type"]) == (status, kind)
        assert urls[kind]["request_id"] not in fal_log.billed_by_request(fal.log)


@pytest.mark.parametrize(
    ("prompt", "more", "microdollars"),
    [
        ("one", {}, 25_000),
        ("four megapixels", {"image_size": {"width": 2048, "height": 2048}}, 100_000),
        ("two pictures", {"endpoint": BANANA, "num_images": 2}, 79_600),
        ("[flagged]", {}, 25_000),
        ("[black]", {}, 25_000),
        ("[two-images]", {}, 50_000),
        ("[refuse]", {}, 25_000),
        ("[result-404]", {}, 25_000),
        ("[payload-error]", {}, 25_000),
        ("[no-media]", {}, 0),
        ("[error-internal_error]", {}, 0),
    ],
)
def test_what_ran_to_its_end_is_billed(fal, http, prompt, more, microdollars):
    urls = ended(http, fal, prompt, **more)

    assert fal_log.billed_by_request(fal.log).get(urls["request_id"], 0) == microdollars
    units = http.get(urls["response_url"]).headers.get("X-Fal-Billable-Units")
    cost = COSTS[more.get("endpoint", FLUX)] * 1_000_000
    assert prompt == "[result-404]" or int(units or 0) * cost == microdollars


def test_cancelling_saves_money_only_in_the_queue(fal, http):
    fal.control(seconds=0.25)
    queued, drawing = post(http, fal, "[never-queued]").json(), post(http, fal, "[late]").json()
    until(lambda: http.get(drawing["status_url"]).json()["status"] == "IN_PROGRESS")
    assert http.get(drawing["response_url"]).status_code == 400

    answers = [http.put(urls["cancel_url"]) for urls in (queued, drawing)]
    until(lambda: drawing["request_id"] in fal_log.billed_by_request(fal.log))

    status = http.get(queued["status_url"]).json()
    assert [(one.status_code, one.json()["status"]) for one in answers] == [(202, "CANCELLATION_REQUESTED")] * 2
    assert (status["status"], status["error_type"]) == ("COMPLETED", "client_cancelled")
    assert queued["request_id"] not in fal_log.billed_by_request(fal.log)
    assert http.put(drawing["cancel_url"]).json() == {"status": "ALREADY_COMPLETED"}
    assert http.put(f"{fal.url}/fal-ai/flux/requests/nobody/cancel").json() == {"status": "NOT_FOUND"}


def test_a_start_timeout_ends_the_wait(fal, client):
    handle = client.submit(FLUX, {"prompt": "[never-queued]"}, start_timeout=1.1)

    done = until(lambda: (status := handle.status()) and isinstance(status, fal_client.Completed) and status)

    assert done.error_type == "request_timeout"
    with pytest.raises(fal_client.client.FalClientHTTPError) as refused:
        handle.get()
    assert refused.value.status_code == 504

"""fal's webhooks: believed when fal has signed them, and in no other case."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ports import Done, Failed, KeysAway, Message, NotTrusted, Output, Trouble
from tests.worker import jobs
from worker.providers import fal_webhook
from worker.providers.fal_webhook import FalWebhooks

USER = "github|4711"
REQUEST = "0d5e0f7a-7a11-4f7c-9f0a-2f1d8a6e3b10"
JOB = replace(jobs.ONE, request_id=REQUEST)
PICTURE = {
    "images": [{"url": "https://v3.fal.media/1.jpg", "width": 1024, "height": 1024}],
    "has_nsfw_concepts": [True],
}


class KeyServer(ThreadingHTTPServer):
    """Publishes keys, and counts how often it was asked. `answer` is a status and a body, or None: it hangs up."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = 0
        self.stopping = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/jwks.json"

    def publish(self, *keys, **entry):
        listed = [{"kty": "OKP", "crv": "Ed25519", "x": encoded(key), **entry} for key in keys]
        self.answer = (200, json.dumps({"keys": listed}).encode())

    def handle_error(self, request, client_address):
        """A client that leaves is expected."""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if self.server.answer is None:
            return
        if self.server.answer == "drips":
            self.send_response(200)
            self.end_headers()
            while not self.server.stopping.wait(0.1):
                self.wfile.write(b" ")
            return
        status, body = self.server.answer
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quietly."""


class Clock:
    """What the receiver takes for the time since it began."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def keys():
    with KeyServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(fal_webhook, "monotonic", clock)
    return clock


@pytest.fixture
def fals(keys):
    """fal's key, published beside another."""
    key = Ed25519PrivateKey.generate()
    keys.publish(Ed25519PrivateKey.generate(), key)
    return key


@pytest.fixture
def webhooks(keys, clock):
    return FalWebhooks(keys.url)


def encoded(key):
    return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()


def body(request_id=REQUEST, **content):
    return json.dumps({"request_id": request_id, "status": "OK", "payload": PICTURE, **content}).encode()


def signed(key, content, request_id=REQUEST, user=USER, age=0):
    timestamp = str(int(time.time() - age))
    message = "\n".join((request_id, user, timestamp, sha256(content).hexdigest()))
    return {
        "x-fal-webhook-request-id": request_id,
        "x-fal-webhook-user-id": user,
        "x-fal-webhook-timestamp": timestamp,
        "x-fal-webhook-signature": key.sign(message.encode()).hex(),
    }


def test_what_fal_has_signed_is_believed(webhooks, fals, keys):
    message = webhooks.check(signed(fals, body()), body())
    webhooks.check(signed(fals, body(), age=290), body())
    webhooks.check(signed(fals, body(), age=-290), body())

    assert message == Message(REQUEST, json.loads(body()))
    assert keys.asked == 1


def test_what_another_key_has_signed_is_not(webhooks, fals):
    with pytest.raises(NotTrusted):
        webhooks.check(signed(Ed25519PrivateKey.generate(), body()), body())


@pytest.mark.parametrize(
    "changed",
    [
        {"x-fal-webhook-user-id": "github|1"},
        {"x-fal-webhook-request-id": "another"},
        {"x-fal-webhook-timestamp": str(int(time.time()) + 5)},
        {"x-fal-webhook-signature": "00" * 64},
    ],
)
def test_nothing_that_is_signed_can_be_changed(webhooks, fals, changed):
    with pytest.raises(NotTrusted):
        webhooks.check({**signed(fals, body()), **changed}, body())


def test_no_byte_of_the_body_can_be_changed(webhooks, fals):
    with pytest.raises(NotTrusted):
        webhooks.check(signed(fals, body()), body() + b" ")


@pytest.mark.parametrize("age", [310, 3_600, -310, -3_600])
def test_a_signature_from_another_time_is_worth_nothing(webhooks, fals, keys, age):
    with pytest.raises(NotTrusted):
        webhooks.check(signed(fals, body(), age=age), body())

    assert keys.asked == 0


@pytest.mark.parametrize("missing", ["request-id", "user-id", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, "", "x" * 1_000, "a\nb", "not hex", "١٢٣"])
def test_without_each_of_its_headers_it_is_not_even_compared(webhooks, fals, keys, missing, value):
    headers = signed(fals, body())
    del headers[f"x-fal-webhook-{missing}"]
    if value is not None:
        headers[f"x-fal-webhook-{missing}"] = value

    with pytest.raises(NotTrusted):
        webhooks.check(headers, body())
    assert keys.asked == 0


def test_a_body_that_speaks_of_another_request_is_not_trusted(webhooks, fals):
    for content in (body("another"), json.dumps({"status": "OK"}).encode(), body(7)):
        with pytest.raises(NotTrusted):
            webhooks.check(signed(fals, content), content)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'"text"', b"{", b"\xff\xfe{", b"[" * 100_000])
def test_a_signed_body_that_is_no_message_cannot_be_read(webhooks, fals, content):
    with pytest.raises(ValueError):
        webhooks.check(signed(fals, content), content)


def test_a_key_that_fal_has_changed_is_found(webhooks, keys, fals, clock):
    webhooks.check(signed(fals, body()), body())
    newer = Ed25519PrivateKey.generate()
    keys.publish(newer)
    clock.now += 11

    webhooks.check(signed(newer, body()), body())
    with pytest.raises(NotTrusted):
        webhooks.check(signed(fals, body()), body())
    assert keys.asked == 2


def test_a_flood_of_forgeries_asks_for_the_keys_once_in_ten_seconds(webhooks, keys, fals, clock):
    mallory = Ed25519PrivateKey.generate()

    def forge(_):
        with pytest.raises((NotTrusted, KeysAway)):  # while another has them fetched, nobody waits
            webhooks.check(signed(mallory, body()), body())

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(forge, range(100)))
        assert keys.asked == 1
        webhooks.check(signed(fals, body()), body())
        clock.now += 11
        list(threads.map(forge, range(100)))
    assert keys.asked == 2


def test_without_keys_nobody_knows(webhooks, keys, fals, clock):
    keys.answer = (500, b"")
    for _ in range(5):
        with pytest.raises(KeysAway):
            webhooks.check(signed(fals, body()), body())
    assert keys.asked == 1, "nor is a server that is down hammered"

    keys.publish(fals)
    clock.now += 11
    assert webhooks.check(signed(fals, body()), body())


def test_when_newer_keys_are_needed_and_cannot_be_had_nobody_knows_but_the_known_still_count(
    webhooks, keys, fals, clock
):
    webhooks.check(signed(fals, body()), body())
    keys.answer = (500, b"")
    clock.now += 11
    for _ in range(2):
        with pytest.raises(KeysAway):
            webhooks.check(signed(Ed25519PrivateKey.generate(), body()), body())

    assert webhooks.check(signed(fals, body()), body())
    assert keys.asked == 2


def test_keys_are_good_for_a_day_and_no_longer(webhooks, keys, fals, clock):
    webhooks.check(signed(fals, body()), body())
    keys.publish(Ed25519PrivateKey.generate())
    clock.now += 24 * 3600 - 1
    webhooks.check(signed(fals, body()), body())
    assert keys.asked == 1

    clock.now += 2
    with pytest.raises(NotTrusted):
        webhooks.check(signed(fals, body()), body())
    assert keys.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "drips",
        (302, b""),
        (404, b"{}"),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": {"a": 1}}'),
        (200, b'{"keys": [null, 7, {"x": "AAAA"}, {"x": "\\u00e9"}, {"kty": "RSA", "crv": "P-256", "x": ""}]}'),
        (200, b"[" * 50_000),
        (200, b" " * 200_000),
    ],
)
def test_what_is_no_list_of_keys_leaves_us_without(webhooks, keys, fals, monkeypatch, answer):
    monkeypatch.setattr(fal_webhook, "KEYS_SECONDS", 0.5)
    keys.answer = answer

    with pytest.raises(KeysAway):
        webhooks.check(signed(fals, body()), body())


def test_strange_entries_do_not_hide_the_good_one(webhooks, keys, fals):
    listed = [None, {"x": "AAAA"}, {"kty": "OKP", "crv": "Ed448", "x": encoded(fals)}, {"x": encoded(fals)}]
    keys.answer = (200, json.dumps({"keys": listed}).encode())

    assert webhooks.check(signed(fals, body()), body())


def test_of_many_threads_without_keys_one_fetches_them_and_the_others_do_not_wait(webhooks, keys, fals):
    def check(_):
        try:
            return webhooks.check(signed(fals, body()), body())
        except KeysAway:  # fal comes again
            return None

    with ThreadPoolExecutor(16) as threads:
        assert any(threads.map(check, range(64)))
        assert all(threads.map(check, range(64)))
    assert keys.asked == 1


def result(**content):
    return FalWebhooks("https://unused.example/").result(Message(REQUEST, json.loads(body(**content))), JOB)


def test_a_result_is_what_its_payload_says():
    assert result() == Done((Output("https://v3.fal.media/1.jpg", is_flagged=True),), 25_000)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"error": "Request timeout", "error_type": "request_timeout", "payload": None}, (Trouble.PROVIDER, False)),
        ({"error": "Client cancelled", "error_type": "client_cancelled"}, (Trouble.PROVIDER, True)),
        ({"error": "Invalid status code: 500", "payload": "text"}, (Trouble.PROVIDER, False)),
    ],
)
def test_an_error_is_a_failure_that_has_cost_nothing(content, expected):
    failed = result(status="ERROR", **content)

    assert isinstance(failed, Failed)
    assert (failed.trouble, failed.is_permanent, failed.cost_microdollars) == (*expected, 0)


@pytest.mark.parametrize(
    "content",
    [
        {"payload": {}},
        {"payload": []},
        {"payload": {"images": [{}], "has_nsfw_concepts": [False]}},
        {"status": "DREAMING"},
        {"status": None},
        {"status": ["OK"]},
    ],
)
def test_a_webhook_of_no_shape_that_we_know_cannot_be_read(content):
    with pytest.raises(ValueError):
        result(**content)


@pytest.mark.parametrize(
    "content",
    [
        {"payload": None, "payload_error": "Response payload is not JSON serializable."},
        {
            "status": "ERROR",
            "error": "Unexpected status code: 422",
            "payload": {"detail": [{"type": "content_policy_violation"}]},
        },
        {"status": "ERROR", "error": "Invalid status code: 422", "payload": {"detail": [{"type": "new"}]}},
        {"status": "ERROR", "error": "Port 42255 is closed"},
        {"status": "ERROR", "error": None, "error_type": 7, "payload": None},
        {"status": "ERROR"},
    ],
)
def test_what_a_webhook_does_not_tell_has_to_be_asked(content):
    assert result(**content) is None

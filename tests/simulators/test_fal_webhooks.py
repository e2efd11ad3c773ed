"""The simulated fal's webhooks are signed as fal's are, come again until they are taken, and lie only when told to."""

import time

import pytest

from tests.simulators import fal_log
from tests.simulators.fal_asking import BANANA, FLUX, ended, post, until
from tests.simulators.fal_receiver import is_genuine, receiver


def keys(http, fal):
    return http.get(f"{fal.url}/.well-known/jwks.json").json()


def told(fal, request_id):
    """Kind and outcome of every try to tell about a request."""
    return [(line["kind"], line["status"]) for line in fal_log.webhooks(fal.log) if line["request"] == request_id]


def test_a_webhook_is_signed_and_brings_the_result(fal, client, http):
    with receiver() as hook:
        handle = client.submit(BANANA, {"prompt": "signed"}, webhook_url=hook.url + "?of=7")
        until(lambda: hook.came)

    ((headers, body),) = hook.came
    (content,) = hook.contents()
    assert is_genuine(headers, body, keys(http, fal)) and not is_genuine(headers, body + b" ", keys(http, fal))
    assert abs(int(headers["X-Fal-Webhook-Timestamp"]) - time.time()) < 60
    assert (content["request_id"], content["status"]) == (handle.request_id, "OK")
    assert content["payload"] == handle.get()
    (line,) = fal_log.by_webhook(fal_log.submissions(fal.log))[hook.url + "?of=7"]
    assert line["request"] == handle.request_id


def test_a_webhook_comes_again_until_it_is_taken(fal, http):
    with receiver(503, 404) as hook:
        request_id = post(http, fal, "again", webhook=hook.url).json()["request_id"]
        until(lambda: len(hook.came) == 3)
        until(lambda: len(told(fal, request_id)) == 3)

    assert told(fal, request_id) == [("true", 503), ("true", 404), ("true", 200)]
    assert hook.came[0][1] == hook.came[2][1]


def test_a_webhook_to_nobody_is_tried_again(fal, http):
    with receiver() as hook:
        nobody = hook.url
    request_id = post(http, fal, "nobody", webhook=nobody).json()["request_id"]

    until(lambda: len(told(fal, request_id)) == 2)

    assert told(fal, request_id) == [("true", "no answer")] * 2


def test_new_keys_sign_what_the_old_ones_do_not_vouch_for(fal, http):
    old = keys(http, fal)
    fal.control(jwks="rotate")

    with receiver() as hook:
        post(http, fal, "rotated", webhook=hook.url)
        until(lambda: hook.came)

    assert not is_genuine(*hook.came[0], old)
    assert is_genuine(*hook.came[0], keys(http, fal))


def test_the_keys_can_be_away(fal, http):
    fal.control(jwks="down")
    away = http.get(f"{fal.url}/.well-known/jwks.json").status_code
    fal.control(jwks="ok")

    assert (away, len(keys(http, fal)["keys"])) == (500, 2)


def test_a_webhook_can_overtake_the_submits_answer(fal, client):
    with receiver() as hook:
        handle = client.submit(FLUX, {"prompt": "[webhook-first]"}, webhook_url=hook.url)

        came = hook.contents()

    assert [one["request_id"] for one in came] == [handle.request_id]
    assert handle.request_id in fal_log.billed_by_request(fal.log)


@pytest.mark.parametrize(
    ("name", "kinds", "genuine"),
    [
        ("webhook-twice", ["true", "duplicate"], [True, True]),
        ("webhook-forged", ["forged", "true"], [False, True]),
        ("webhook-two-payloads", ["true", "second payload"], [True, True]),
        ("webhook-stale", ["stale", "true"], [True, True]),
    ],
)
def test_webhooks_that_come_besides_the_true_one(fal, http, name, kinds, genuine):
    with receiver() as hook:
        request_id = post(http, fal, f"[{name}]", webhook=hook.url).json()["request_id"]
        until(lambda: len(told(fal, request_id)) == 2)

    first, second = hook.contents()
    ages = [time.time() - int(headers["X-Fal-Webhook-Timestamp"]) for headers, _ in hook.came]
    assert told(fal, request_id) == [(kind, 200) for kind in kinds]
    assert [is_genuine(headers, body, keys(http, fal)) for headers, body in hook.came] == genuine
    assert [age > 500 for age in ages] == [kind == "stale" for kind in kinds]
    has_other_pictures = name in ("webhook-forged", "webhook-two-payloads")
    assert (first["payload"]["images"] != second["payload"]["images"]) == has_other_pictures
    urls = [one["payload"]["images"][0]["url"] for one in (first, second)]
    assert [http.get(url).status_code for url in urls] == [200, 200]


@pytest.mark.parametrize(
    ("prompt", "status", "error", "kind"),
    [
        ("[refuse]", "ERROR", "Unexpected status code: 422", "content_policy_violation"),
        ("[error-generation_timeout]", "ERROR", "Unexpected status code: 504", "generation_timeout"),
        ("[error-runner_disconnected]", "ERROR", "Runner disconnected", None),
        ("[payload-error]", "OK", None, None),
    ],
)
def test_webhooks_without_a_picture(fal, http, prompt, status, error, kind):
    with receiver() as hook:
        post(http, fal, prompt, webhook=hook.url)
        until(lambda: hook.came)

    (content,) = hook.contents()
    assert (content["status"], content.get("error")) == (status, error)
    assert (content["payload"]["detail"][0]["type"] if content["payload"] else None) == kind
    assert ("payload_error" in content) == (prompt == "[payload-error]")


def test_a_webhook_can_speak_of_another_request(fal, http):
    with receiver() as hook:
        request_id = post(http, fal, "[other-request-id]", webhook=hook.url).json()["request_id"]
        until(lambda: hook.came)

    assert hook.contents()[0]["request_id"] != request_id
    assert is_genuine(*hook.came[0], keys(http, fal))


def test_a_webhook_that_falls_due_while_they_are_off_never_comes(fal, http):
    fal.control(webhooks="off")
    with receiver() as hook:
        lost = ended(http, fal, "while off", webhook=hook.url)["request_id"]
        until(lambda: told(fal, lost))
        fal.control(webhooks="on")
        ended(http, fal, "[webhook-never]", webhook=hook.url)
        kept = post(http, fal, "while on", webhook=hook.url).json()["request_id"]
        until(lambda: told(fal, kept))

    assert told(fal, lost) == [("true", "off")]
    assert [one["request_id"] for one in hook.contents()] == [kept]

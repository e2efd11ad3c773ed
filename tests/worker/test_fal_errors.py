"""Every documented error of fal's in our words, and those that nobody has documented."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from engine.ports import Trouble
from tests.simulators.fal_mishaps import MODEL_ERRORS, REQUEST_ERRORS, USER_ERRORS
from worker.providers.fal_errors import Answer, failed, not_taken, not_told, unanswered, wait_seconds

PROMPT = "a fox that nobody should read of in a log"
FOR_GOOD = {"bad_request", "client_cancelled"}
DECLINED = {"content_policy_violation", "no_media_generated"}


def details(*types):
    return {"detail": [{"loc": ["body"], "msg": PROMPT, "type": one, "input": PROMPT} for one in types]}


def answer(status, body=None, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def verdict(failed):
    return failed.trouble, failed.is_permanent


@pytest.mark.parametrize("kind", USER_ERRORS)
def test_a_fault_of_the_request_is_not_tried_again(kind):
    expected = Trouble.REFUSED if kind in DECLINED else Trouble.UNFIT

    assert verdict(failed(422, details(kind))) == (expected, True)
    assert verdict(failed(None, None, kind)) == (expected, True)


@pytest.mark.parametrize(("kind", "status"), [*MODEL_ERRORS.items(), *REQUEST_ERRORS.items()])
def test_a_fault_of_the_provider_is_worth_another_try_except_for_what_cannot_change(kind, status):
    expected = (Trouble.PROVIDER, kind in FOR_GOOD)

    assert verdict(failed(status, {"detail": "A sentence", "error_type": kind})) == expected
    assert verdict(failed(status, None, kind)) == expected
    assert verdict(failed(status, details(kind))) == expected


def test_a_refusal_counts_more_than_what_stands_beside_it():
    assert failed(422, details("greater_than", "content_policy_violation")).trouble is Trouble.REFUSED
    assert failed(500, details("content_policy_violation"), "runner_server_error").trouble is Trouble.REFUSED


def test_what_the_model_says_counts_more_than_what_the_queue_calls_it():
    assert verdict(failed(422, details("one_of"), "runner_server_error")) == (Trouble.UNFIT, True)


@pytest.mark.parametrize(
    ("status", "is_retryable", "expected"),
    [
        (422, None, (Trouble.UNFIT, True)),
        (422, False, (Trouble.UNFIT, True)),
        (422, True, (Trouble.PROVIDER, False)),
        (400, None, (Trouble.PROVIDER, True)),
        (404, None, (Trouble.PROVIDER, True)),
        (413, None, (Trouble.PROVIDER, True)),
        (429, None, (Trouble.PROVIDER, False)),
        (500, None, (Trouble.PROVIDER, False)),
        (500, False, (Trouble.PROVIDER, True)),
        (529, None, (Trouble.PROVIDER, False)),
        (None, None, (Trouble.PROVIDER, False)),
        (None, False, (Trouble.PROVIDER, True)),
    ],
)
def test_an_unknown_error_is_judged_by_its_status_and_by_what_fal_says_of_a_retry(status, is_retryable, expected):
    for body, kind in [(details("brand_new_error"), None), (None, "brand_new_error"), (None, None)]:
        assert verdict(failed(status, body, kind, is_retryable)) == expected


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        7,
        {},
        {"detail": None},
        {"detail": 7},
        {"detail": {"type": "one_of"}},
        {"detail": ["text", None, {"type": 7}, {"type": ["one_of"]}, {}]},
        {"detail": [], "error_type": {"a": 1}},
    ],
)
def test_a_body_of_any_shape_is_an_error_all_the_same(body):
    assert verdict(failed(500, body)) == (Trouble.PROVIDER, False)


def test_the_detail_names_status_and_types_but_never_the_prompt():
    detail = failed(422, details("one_of", "brand_new_error")).detail

    assert detail == "fal: 422 one_of brand_new_error"
    assert PROMPT not in not_taken(answer(422, details("one_of"))).detail


def test_the_detail_is_one_short_line_whatever_fal_says():
    told = failed(403, {"detail": "User is locked.\nReason: \x1b[31mExhausted balance.\u2028" + "x" * 10_000}).detail

    assert told.startswith("fal: 403 User is locked. Reason:  [31mExhausted balance.")
    assert told.isprintable()
    assert len(told) <= 200


def test_what_it_has_cost_is_kept():
    assert failed(422, None, cost_microdollars=25_000).cost_microdollars == 25_000


@pytest.mark.parametrize(
    ("status", "expected", "is_ours"),
    [
        (302, (Trouble.PROVIDER, False), False),
        (400, (Trouble.PROVIDER, True), False),
        (401, (Trouble.PROVIDER, True), True),
        (403, (Trouble.PROVIDER, True), True),
        (404, (Trouble.PROVIDER, True), False),
        (409, (Trouble.PROVIDER, False), False),
        (422, (Trouble.UNFIT, True), False),
        (429, (Trouble.PROVIDER, False), False),
        (503, (Trouble.PROVIDER, False), False),
    ],
)
def test_a_submit_that_was_refused_was_not_taken(status, expected, is_ours):
    for body in ({"detail": "A sentence"}, b"<html>nginx</html>"):
        trouble = not_taken(answer(status, body))

        assert verdict(trouble) == expected
        assert trouble.is_ours is (is_ours and body != b"<html>nginx</html>"), "a gateway's page is not about our key"


@pytest.mark.parametrize("status", [408, 500, 501, 502, 504, 520, 524])
@pytest.mark.parametrize("body", [b"<html>nginx</html>", b"", b"[" * 100_000, {"detail": "Gateway timed out"}, ["x"]])
def test_a_gateway_does_not_know_whether_the_submit_was_taken(status, body):
    assert verdict(not_taken(answer(status, body))) == (Trouble.UNKNOWN, False)


@pytest.mark.parametrize(
    "stumble",
    [
        answer(500, {"detail": "Internal error", "error_type": "internal_error"}),
        answer(504, {"detail": "No runner"}, x_fal_error_type="startup_timeout"),
        answer(502, {"detail": "Internal error"}, x_fal_request_id="abc"),
        answer(500, details("internal_server_error")),
    ],
)
def test_fal_itself_may_stumble_after_the_submit_was_taken(stumble):
    assert verdict(not_taken(stumble)) == (Trouble.UNKNOWN, False)


def test_without_a_runner_it_is_not_taken():
    assert verdict(not_taken(answer(503, {"detail": "No runner"}))) == (Trouble.PROVIDER, False)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 422, 429, 500, 502, 503, 504])
def test_a_question_that_was_refused_is_asked_again(status):
    trouble = not_told(answer(status, {"detail": "A sentence"}))

    assert verdict(trouble) == (Trouble.PROVIDER, False)
    assert trouble.is_ours is (status in (401, 403))


def test_no_answer_is_unknown_only_when_something_may_have_been_taken():
    assert verdict(unanswered("ReadTimeout", may_be_taken=True)) == (Trouble.UNKNOWN, False)
    assert verdict(unanswered("ConnectError", may_be_taken=False)) == (Trouble.PROVIDER, False)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2", 2),
        (" 7.5 ", 7.5),
        ("0", 1),
        ("3600", 60),
        ("999999999", 60),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("soon", None),
        ("٣", None),
        ("9" * 5_000, None),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
        ("Fri, 20 Nov 1970 00:00:00 GMT", 1),
        ("Fri, 20 Nov 1970 00:00:00 -0000", 1),
        ("Fri, 20 Nov 2099 00:00:00 GMT", 60),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_never_longer_than_a_minute(said, expected):
    assert wait_seconds(answer(429, retry_after=said)) == expected
    assert not_taken(answer(429, retry_after=said)).wait_seconds == expected
    assert not_told(answer(503, retry_after=said)).wait_seconds == expected


def test_a_date_soon_is_counted_from_now():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    assert 1 < wait_seconds(answer(429, retry_after=soon)) <= 30


def test_nothing_said_is_no_wait():
    assert wait_seconds(answer(429)) is None


@pytest.mark.parametrize(("said", "expected"), [("true", True), (" False ", False), ("maybe", None), ("", None)])
def test_fal_says_whether_a_retry_may_help(said, expected):
    assert answer(500, x_fal_retryable=said).is_retryable is expected
    assert answer(500).is_retryable is None


def test_the_web_reads_fals_errors_and_webhooks_without_loading_fals_client_or_pictures():
    script = """
import sys
import worker.providers.fal_errors, worker.providers.fal_webhook
print(sorted({"fal_client", "PIL", "httpx"} & set(sys.modules)))
"""

    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout.strip() == b"[]"

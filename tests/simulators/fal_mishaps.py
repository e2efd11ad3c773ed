"""The names of everything that can go wrong at the simulated fal, and which of them strike a request."""

import re
from collections.abc import Sequence
from hashlib import sha256

USER_ERRORS = (
    *("content_policy_violation", "no_media_generated", "image_too_small", "image_too_large", "image_load_error"),
    *("file_download_error", "file_too_large", "face_detection_error", "unsupported_image_format"),
    *("greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"),
    *("sequence_too_short", "sequence_too_long", "one_of", "feature_not_supported"),
)
MODEL_ERRORS = {
    "internal_server_error": 500,
    "generation_timeout": 504,
    "downstream_service_error": 502,
    "downstream_service_unavailable": 503,
}
REQUEST_ERRORS = {
    "request_timeout": 504,
    "startup_timeout": 504,
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_connection_refused": 503,
    "runner_connection_error": 503,
    "runner_disconnected": 503,
    "runner_incomplete_response": 502,
    "runner_server_error": 500,
    "internal_error": 500,
    "client_cancelled": 499,
    "client_disconnected": 499,
    "bad_request": 400,
}
SUBMIT_ERRORS = ("400", "401", "403", "404", "408", "409", "429", "429-retry-after", "500", "502-nginx", "503", "504")
ACCEPTED_ERRORS = ("500", "502-nginx", "504")

SUBMIT = {
    **{f"submit-{name}": "the submit is refused, nothing runs" for name in SUBMIT_ERRORS},
    **{f"submit-{name}-accepted": "the submit's answer is an error, and yet it runs" for name in ACCEPTED_ERRORS},
    **{f"submit-422-{name}": "the submit is refused: the user's fault" for name in USER_ERRORS},
    "drop-before": "the connection closes, nothing was taken",
    "drop-after": "the connection closes, and yet it runs",
    "slow-submit": "taken, answered after 20 s",
    "drip-submit": "taken, the answer comes a byte a second",
    "html-200": "200 with a page of HTML, nothing runs",
    "junk-json": "taken, the answer is broken JSON",
    "deep-json": "taken, the answer is JSON 100,000 lists deep",
    "no-request-id": "taken, the answer names no request",
    "foreign-urls": "taken, the answer's addresses lead to another machine",
    "huge-json": "taken, the answer has 5 MB",
}
RUN = {
    "never-queued": "waits for ever (X-Fal-Request-Timeout still ends it)",
    "never-drawing": "draws for ever",
    "late": "takes eight times as long",
    **{f"error-{name}": "ends with the provider's error" for name in (*MODEL_ERRORS, *REQUEST_ERRORS)},
    "refuse": "ends with content_policy_violation, and is billed",
    "no-media": "ends with no_media_generated",
    "result-404": "the result is never found",
    "result-500": "the result is never served",
    "result-500-once": "the result is served the second time",
    "result-html": "the result is a page of HTML",
    "result-drop-once": "the connection closes the first time the result is asked",
    "status-404": "the status is never found",
    "status-500-once": "the status fails once",
    "status-429-once": "the status is refused once",
    "status-junk": "the status is broken JSON",
    "status-unknown": "the status is a word nobody knows",
    "status-drip": "the status comes a byte a second",
    "other-request-id": "status, result and webhook speak of another request",
}
WEBHOOK = {
    "webhook-first": "the webhook comes before the submit's answer",
    "webhook-twice": "the webhook comes twice",
    "webhook-forged": "a forged webhook comes first, then the true one",
    "webhook-two-payloads": "a second webhook, signed too, brings other pictures",
    "webhook-never": "no webhook comes",
    "webhook-late": "the webhook comes 5 s after the end",
    "webhook-stale": "a webhook signed ten minutes ago comes first, then a good one",
    "payload-error": "the webhook has no payload, only payload_error",
}
PICTURES = {
    "flagged": "has_nsfw_concepts is true and the picture is black",
    "black": "the picture is black, without a flag",
    "blank": "the picture is one grey",
    "svg": "the picture is an SVG with a script",
    "html": "the picture is a page of HTML",
    "zero-bytes": "the picture is empty",
    "truncated": "the picture is half of one",
    "cut-file": "the connection closes in the middle of the picture",
    "bomb": "the picture has 12,000 x 12,000 pixels in 18 kB",
    "huge": "the picture has 25 MB",
    "gzip-bomb": "the picture is 200 MB of nothing, gzipped",
    "redirect": "the picture's address redirects to 169.254.169.254",
    "foreign-host": "the picture's address is 169.254.169.254",
    "file-url": "the picture's address is a file",
    "drip-file": "the picture comes a byte a second",
    "file-404": "the picture is gone",
    "two-images": "two pictures come where one was asked",
    "no-images": "the list of pictures is empty",
    "data-uri": "the picture is in the address itself",
}
MISHAPS = {**SUBMIT, **RUN, **WEBHOOK, **PICTURES}
ENDLESS = ("slow-submit", "drip-submit", "never-queued", "never-drawing", "status-drip", "drip-file")
PATIENT = tuple(name for name in MISHAPS if name not in ENDLESS)  # what ends within a test's patience

NAMED = re.compile(r"\[([a-z0-9_-]+)(?::([0-9]+))?\]")


def chosen(prompt: str, count: int, seed: int, odds: float, among: Sequence[str]) -> tuple[str, ...]:
    """What strikes the count-th POST (from 1) of this prompt: all that it names, as `[name]` or, for the first N POSTs,
    `[name:N]`; when it names none, one of `among` with these odds. The same again for the same arguments."""
    named = [(name, limit) for name, limit in NAMED.findall(prompt) if name in MISHAPS]
    if named:
        return tuple(name for name, limit in named if not limit or count <= int(limit))
    digest = sha256(f"{seed}\0{count}\0{prompt}".encode()).digest()
    if not among or int.from_bytes(digest[:8], "big") >= odds * 2**64:
        return ()
    return (among[int.from_bytes(digest[8:16], "big") % len(among)],)

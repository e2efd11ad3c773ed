"""The simulated fal's refusals, in its two shapes: a list of details from a model, a sentence from the queue."""

import json
from typing import Any

from tests.simulators.fal_http import Answer
from tests.simulators.fal_mishaps import MODEL_ERRORS, REQUEST_ERRORS

NGINX = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr><center>nginx</center></body></html>"
)
PAGE = b"<!doctype html><html><body><h1>Welcome</h1><p>Please sign in to this network.</p></body></html>"
HTML = Answer(200, PAGE, "text/html")
UNAUTHORIZED = "Cannot access application. Authentication is required to access this application."
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
SENTENCES = {
    "400": ("Bad request", "bad_request"),
    "401": (UNAUTHORIZED, None),
    "403": (LOCKED, None),
    "404": ("Application not found", None),
    "408": ("Request timed out", None),
    "409": ("Conflict", None),
    "429": ("Too many requests", None),
    "500": ("Internal error", "internal_error"),
    "503": ("Could not find a runner", "runner_scheduling_failure"),
    "504": ("Gateway timed out", None),
}


def sentence(status: int, text: str, kind: str | None = None, *headers: tuple[str, str]) -> Answer:
    """What the queue itself refuses with."""
    body = {"detail": text, **({"error_type": kind} if kind else {})}
    kinds = (("X-Fal-Error-Type", kind),) if kind else ()
    return Answer(status, json.dumps(body).encode(), headers=(*kinds, *headers))


def details(status: int, problems: list[dict[str, Any]], *headers: tuple[str, str]) -> Answer:
    """What a model refuses with."""
    return Answer(status, json.dumps({"detail": problems}).encode(), headers=headers)


def problem(kind: str, prompt: str = "") -> dict[str, Any]:
    """One detail; nobody should rely on its text."""
    text = kind.replace("_", " ").capitalize() + "."
    where = ["body", "prompt"] if kind == "content_policy_violation" else ["body"]
    return {"loc": where, "msg": text, "type": kind, "url": f"https://docs.fal.ai/errors#{kind}", "input": prompt}


def refused(name: str) -> Answer:
    """A submit's error by the name of its mishap without `submit-` and `-accepted`."""
    if name.startswith("422-"):
        return details(422, [problem(name.removeprefix("422-"))])
    if name == "502-nginx":
        return Answer(502, NGINX.format("502 Bad Gateway").encode(), "text/html")
    if name == "429-retry-after":
        return sentence(429, *SENTENCES["429"], ("Retry-After", "2"))
    return sentence(int(name), *SENTENCES[name])


def failed(kind: str) -> Answer:
    """The result of a request that the provider could not run, by its error type."""
    retryable = ("X-Fal-Retryable", "false" if kind in ("bad_request", "client_cancelled") else "true")
    if kind in MODEL_ERRORS:
        return details(MODEL_ERRORS[kind], [problem(kind)], ("X-Fal-Error-Type", kind), retryable)
    return sentence(REQUEST_ERRORS[kind], kind.replace("_", " ").capitalize(), kind, retryable)

"""A POST to an endpoint of the simulated fal: who asks, what for, and how it is answered."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from tests.simulators import fal_errors, fal_models, fal_queue, fal_webhooks
from tests.simulators.fal_http import DROPPED, Answer, Request, in_json
from tests.simulators.fal_mishaps import chosen
from tests.simulators.fal_state import Job, State

SLOW_SECONDS = 20
DEEP = b"[" * 100_000
PADDING = "x" * 5_000_000
FOREIGN = "http://127.0.0.2:1"
REFUSING = ("drop-before", "html-200")  # besides submit-...: nothing is taken


def submit(state: State, request: Request, endpoint: str) -> Answer | Awaitable[Answer]:
    """Take what is asked for, or refuse it; the log has either."""
    arguments = _read(request.body)
    prompt = arguments.get("prompt") if isinstance(arguments, dict) else None
    mishaps: tuple[str, ...] = ()
    count = 0
    if isinstance(prompt, str):
        state.posts[prompt] += 1
        count = state.posts[prompt]
        mishaps = chosen(prompt, count, state.seed, state.odds, state.among)
    refusal = unauthorized(request)
    problems = [] if refusal else fal_models.problems(endpoint, arguments)
    if problems:
        refusal = fal_errors.details(422, problems)
    if not refusal:
        refusal = next((answer for answer in map(_refusal, mishaps) if answer), None)
    if refusal:
        _log(state, request, endpoint, arguments, mishaps, problems, refusal)
        return refusal
    job = fal_queue.new_job(state, endpoint, arguments, mishaps, count)
    job.webhook = request.first("fal_webhook")
    fal_queue.take(state, job)
    fal_queue.expire_after(state, job, float(request.headers.get("x-fal-request-timeout", fal_queue.FOREVER)))
    answer = _accepted(state, job)
    _log(state, request, endpoint, arguments, mishaps, [], answer, job)
    return _later(state, job, answer) if job.has("webhook-first") or job.has("slow-submit") else answer


def unauthorized(request: Request) -> Answer | None:
    """The refusal of whoever has no key, a wrong one, or no money."""
    key = request.headers.get("authorization", "")
    if not key.startswith("Key ") or key in ("Key ", "Key wrong-key"):
        return fal_errors.refused("401")
    return fal_errors.refused("403") if key == "Key poor-key" else None


def addresses(state: State, job: Job, base: str | None = None) -> dict[str, Any]:
    """Where its status and result are, and where it is cancelled: below the root of the application."""
    url = f"{base or state.url}/{job.root}/requests/{job.id}"
    return {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}


def _refusal(mishap: str) -> Answer | None:
    if mishap in REFUSING:
        return DROPPED if mishap == "drop-before" else fal_errors.HTML
    if mishap.startswith("submit-") and not mishap.endswith("-accepted"):
        return fal_errors.refused(mishap.removeprefix("submit-"))
    return None


def _accepted(state: State, job: Job) -> Answer:
    """What is answered although, or because, it runs."""
    error = next((name for name in job.mishaps if name.endswith("-accepted")), None)
    if error:
        return fal_errors.refused(error.removeprefix("submit-").removesuffix("-accepted"))
    if job.has("drop-after"):
        return DROPPED
    if job.has("deep-json"):
        return Answer(200, DEEP)
    base = FOREIGN if job.has("foreign-urls") else None
    content: dict[str, Any] = {"status": "IN_QUEUE", "queue_position": fal_queue.position(job)}
    if not job.has("no-request-id"):
        content |= {"request_id": job.id, **addresses(state, job, base)}
    if job.has("huge-json"):
        content["padding"] = PADDING
    answer = in_json(content, x_fal_request_id=job.id)
    if job.has("junk-json"):
        answer = replace(answer, body=answer.body[:-20])
    return replace(answer, drips="head") if job.has("drip-submit") else answer


async def _later(state: State, job: Job, answer: Answer) -> Answer:
    if job.has("webhook-first"):
        await fal_webhooks.deliver_first(state, job)
    if job.has("slow-submit"):
        await asyncio.sleep(SLOW_SECONDS)
    return answer


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _log(
    state: State,
    request: Request,
    endpoint: str,
    arguments: Any,
    mishaps: tuple[str, ...],
    problems: list[dict[str, Any]],
    answer: Answer,
    job: Job | None = None,
) -> None:
    facts: dict[str, Any] = {"undocumented": [problem["loc"][1:] for problem in problems]} if problems else {}
    state.journal.write(
        "submit",
        job.id if job else None,
        endpoint=endpoint,
        arguments=arguments,
        accepted=job is not None,
        mishap=",".join(mishaps) or None,
        status=answer.status or "dropped",
        webhook=request.first("fal_webhook"),
        authorized=unauthorized(request) is None,
        headers={name: value for name, value in request.headers.items() if name.startswith("x-")},
        **facts,
    )

"""The simulated fal's webhooks: the true one until somebody takes it, and those that a mishap adds."""

import asyncio
import json
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.simulators import fal_results
from tests.simulators.fal_state import Job, State

ANSWER_SECONDS = 15
REST_SECONDS = 2  # for what comes after the status
TRIES = 10
FIRST_PAUSE = 0.5  # seconds; each further one is twice as long
AT_ONCE = asyncio.Semaphore(50)
STALE = 600  # seconds


def tell(state: State, job: Job) -> None:
    """Send what belongs to this job, beside everything else."""
    if job.webhook and not job.has("webhook-never"):
        state.start(deliver(state, job))


async def deliver(state: State, job: Job) -> None:
    """Send what belongs to this job, in order; ends when the last was taken or given up."""
    true = body(job)
    if job.has("webhook-late"):
        await asyncio.sleep(5)
    if job.has("webhook-forged"):
        await _post(state, job, body(job, fal_results.payload(state, job, "forged-")), "forged")
    if job.has("webhook-stale"):
        await _post(state, job, true, "stale")
    await _until_taken(state, job, true, "true")
    if job.has("webhook-twice"):
        await _until_taken(state, job, true, "duplicate")
    if job.has("webhook-two-payloads"):
        await _until_taken(state, job, body(job, fal_results.payload(state, job, "second-")), "second payload")


async def deliver_first(state: State, job: Job) -> None:
    """One try of the true one, whatever is answered; if it was not taken, the others follow later."""
    if not job.webhook:
        return
    if not await _post(state, job, body(job), "true"):
        state.start(_until_taken(state, job, body(job), "true", tried=1))


def body(job: Job, payload: Any = None) -> bytes:
    """The webhook's JSON, with this payload instead of the job's."""
    about = job.id[::-1] if job.has("other-request-id") else job.id
    content = {
        "request_id": about,
        "gateway_request_id": str(uuid4()),
        "status": "ERROR" if job.error else "OK",
        "payload": payload or job.payload,
    }
    if job.error:
        content["error"] = job.error
    if job.has("payload-error"):
        content |= {"payload": None, "payload_error": "Response payload is not JSON serializable."}
    return json.dumps(content).encode()


async def _until_taken(state: State, job: Job, content: bytes, kind: str, tried: int = 0) -> None:
    for number in range(tried, TRIES):
        if number:
            await asyncio.sleep(FIRST_PAUSE * 2 ** (number - 1))
        if await _post(state, job, content, kind):
            return


async def _post(state: State, job: Job, content: bytes, kind: str) -> bool:
    """Whether it was taken; what falls due while webhooks are off is lost, as if it had been."""
    assert job.webhook
    if not state.has_webhooks:
        state.journal.write("webhook", job.id, url=job.webhook, kind=kind, status="off")
        return True
    about = job.id[::-1] if job.has("other-request-id") else job.id
    age = STALE if kind == "stale" else 0
    headers = state.signer.headers(about, content, age, is_forged=kind == "forged")
    status: int | str = "no answer"
    async with AT_ONCE:
        with suppress(OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError):
            async with asyncio.timeout(ANSWER_SECONDS):
                status = await _status(job.webhook, headers, content)
    state.journal.write("webhook", job.id, url=job.webhook, kind=kind, status=status)
    return isinstance(status, int) and 200 <= status < 300


async def _status(url: str, headers: dict[str, str], content: bytes) -> int:
    """The status with which this POST is answered; redirects are not followed."""
    address = urlsplit(url)
    security = ssl.create_default_context() if address.scheme == "https" else None
    port = address.port or (443 if security else 80)
    reader, writer = await asyncio.open_connection(address.hostname, port, ssl=security)
    try:
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        lines = [
            f"POST {target} HTTP/1.1",
            f"Host: {address.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        status = int((await reader.readuntil(b"\r\n")).split()[1])
        with suppress(TimeoutError):  # a receiver whose answer is cut off may take that for a failure
            async with asyncio.timeout(REST_SECONDS):
                await reader.read()
        return status
    finally:
        writer.close()

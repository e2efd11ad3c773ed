"""The provider fal: one request in its queue for each attempt, asked for once, looked at as often as needed."""

import json
import logging
import re
from functools import partial
from typing import Any

import httpx
from fal_client.client import AsyncRequestHandle, Completed, InProgress, Queued, Status

from engine.ports import Done, Drawing, Ended, Failed, Job, Output, Progress, ProviderTrouble, Taken, Trouble, Waiting
from engine.settings import Settings
from worker.download import download
from worker.providers import fal_errors, fal_shapes
from worker.providers.fal_wire import Client, Refused, Unanswered, Unreadable, Wire

log = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
KEY = re.compile(r"[!-~]+")
KEPT_HEADER = {"X-Fal-Object-Lifecycle-Preference": json.dumps({"expiration_duration_seconds": 86_400})}
"""We fetch the pictures at once: fal need not keep them longer than a day."""
GONE = (404, 410)
NONSENSE = (LookupError, TypeError, ValueError, AttributeError, RecursionError, httpx.InvalidURL)
"""What reading an answer of the wrong shape raises, ours or fal_client's."""


class Fal:
    """Pictures by fal's models. `memo` holds the addresses that fal has named for a request."""

    name = "fal"
    tells = True

    def __init__(self, settings: Settings) -> None:
        key = settings.fal_key.get_secret_value().strip() if settings.fal_key else ""
        if not KEY.fullmatch(key):
            raise ValueError("the key of fal is missing, or no key")
        self._wire = Wire(settings.fal_queue_url, key)
        self._media_hosts = settings.fal_media_hosts

    def submit(self, job: Job) -> Taken:
        """Ask for the pictures, with exactly one POST. Raises ProviderTrouble."""
        body = _body(job)
        try:
            handle = self._wire.call(partial(_submit, job, body))
            if not isinstance(handle.request_id, str) or not REQUEST_ID.fullmatch(handle.request_id):
                raise Unreadable("no request id")
        except Refused as error:
            raise fal_errors.not_taken(error.answer) from None
        except Unanswered as error:
            raise fal_errors.unanswered(str(error), may_be_taken=error.has_left) from None
        except Unreadable as error:
            raise fal_errors.unanswered(str(error), may_be_taken=True) from None
        except NONSENSE as error:
            raise fal_errors.unanswered(type(error).__name__, may_be_taken=True) from None
        return Taken(handle.request_id, self._memo(handle))

    async def look(self, job: Job) -> Progress:
        """How far it is; once it has ended, how. Raises ProviderTrouble when that cannot be known now."""
        if not _has_request(job):
            return Failed(Trouble.PROVIDER, is_permanent=True, detail="fal: no request")
        try:
            return await self._wire.watch(partial(_look, job, self._urls(job)))
        except Refused as error:
            raise fal_errors.not_told(error.answer) from None
        except (Unanswered, Unreadable) as error:
            raise fal_errors.unanswered(str(error), may_be_taken=False) from None

    def fetch(self, job: Job, output: Output) -> bytes:
        """The bytes of one picture. Raises ProviderTrouble."""
        return download(output.url, hosts=self._media_hosts)

    def cancel(self, job: Job) -> None:
        """Ask to stop; what has begun runs on and is billed. Raises ProviderTrouble when fal has not heard it."""
        if not _has_request(job):
            return
        try:
            self._wire.call(partial(_cancel, job, self._urls(job)))
        except Refused as error:
            if not _is_over(error.answer):
                raise fal_errors.not_told(error.answer) from None
        except (Unanswered, Unreadable) as error:
            raise fal_errors.unanswered(str(error), may_be_taken=False) from None

    def _memo(self, handle: AsyncRequestHandle) -> str:
        urls = {"status": handle.status_url, "response": handle.response_url, "cancel": handle.cancel_url}
        if all(self._wire.is_fals(url) for url in urls.values()):
            return json.dumps(urls)
        log.warning("fal: request %s has addresses that are not fal's", handle.request_id)
        return ""

    def _urls(self, job: Job) -> dict[str, str]:
        """What the memo says; nothing, if it is not what we have written."""
        try:
            urls = json.loads(job.memo)
            wanted = {name: urls[name] for name in ("status", "response", "cancel")}
        except NONSENSE:
            return {}
        return wanted if all(self._wire.is_fals(url) for url in wanted.values()) else {}


class Handle(AsyncRequestHandle):
    """fal's handle of one request, for answers that leave out what we don't need."""

    def _parse_status(self, data: dict[str, Any]) -> Status:
        if data.get("request_id", self.request_id) != self.request_id:
            raise ValueError("the status of another request")
        return super()._parse_status({"queue_position": None, "logs": None, **data})


def _body(job: Job) -> dict[str, Any]:
    try:
        job.prompt.encode()
    except UnicodeEncodeError:
        raise ProviderTrouble(Trouble.UNFIT, is_permanent=True, detail="fal: half a character") from None
    try:
        return fal_shapes.arguments(job)
    except ValueError as error:
        raise ProviderTrouble(Trouble.PROVIDER, is_permanent=True, detail=str(error)) from None


async def _submit(job: Job, body: dict[str, Any], client: Client) -> AsyncRequestHandle:
    return await client.submit(
        job.endpoint, body, webhook_url=job.webhook_url, start_timeout=job.start_seconds, headers=KEPT_HEADER
    )


async def _look(job: Job, urls: dict[str, str], client: Client) -> Progress:
    handle = await _handle(job, urls, client)
    try:
        status = await handle.status()
    except NONSENSE as error:
        raise Unreadable(f"a status with {type(error).__name__}") from None
    if isinstance(status, Queued):
        position = status.position
        return Waiting(position + 1 if type(position) is int and position >= 0 else None)
    if isinstance(status, InProgress):
        return Drawing()
    if not isinstance(status, Completed):
        raise Unreadable("a status that nobody knows")
    return await _ended(job, handle, status)


async def _cancel(job: Job, urls: dict[str, str], client: Client) -> None:
    await (await _handle(job, urls, client)).cancel()


async def _handle(job: Job, urls: dict[str, str], client: Client) -> Handle:
    try:
        built = await client.get_handle(job.endpoint, str(job.request_id))
    except NONSENSE:
        raise Unreadable("no endpoint of fal's") from None
    urls = urls or {"status": built.status_url, "response": built.response_url, "cancel": built.cancel_url}
    return Handle(built.request_id, urls["response"], urls["status"], urls["cancel"], built.client)


async def _ended(job: Job, handle: Handle, status: Completed) -> Ended:
    """Completed is not yet a result: that is what its address answers, if it is one."""
    try:
        response = await handle.client.get(handle.response_url)
        payload = response.json()
    except Refused as error:
        return _failed(job, status, error)
    except Unanswered:
        if not status.error_type:
            raise
        return fal_errors.failed(None, None, status.error_type)
    except Unreadable as error:
        return Failed(Trouble.PROVIDER, True, f"fal: {error}", fal_shapes.cost(job, {}, None))
    except (ValueError, RecursionError):
        if not _has_failed(status):
            raise Unreadable("a result that is no JSON") from None
        return fal_errors.failed(None, None, status.error_type)
    return _made(job, payload, status, response.headers.get("x-fal-billable-units"))


def _failed(job: Job, status: Completed, error: Refused) -> Failed:
    """Raises the error again when it is not about the request, but about our asking."""
    answer = error.answer
    if answer.status < 400 or answer.status in (*fal_errors.NOT_LET_IN, *fal_errors.TOO_EARLY):
        raise error
    if answer.status >= 500 and not _has_failed(status) and not answer.is_models_own:
        raise error
    kind = status.error_type or answer.error_type
    is_lost = answer.status in GONE and not _has_failed(status)  # it ran to its end, so it was billed as asked
    units = answer.headers.get("x-fal-billable-units", None if is_lost else "0")
    billed = fal_shapes.cost(job, {}, units)
    return fal_errors.failed(answer.status, answer.body, kind, answer.is_retryable, billed)


def _made(job: Job, payload: Any, status: Completed, units: str | None) -> Ended:
    try:
        if not isinstance(payload, dict) or payload.get("request_id", job.request_id) != job.request_id:
            raise ValueError("fal: the result of another request")
        return Done(fal_shapes.outputs(job, payload), fal_shapes.cost(job, payload, units))
    except ValueError as error:
        if _has_failed(status):
            return fal_errors.failed(None, payload, status.error_type)
        spent = fal_shapes.cost(job, payload if isinstance(payload, dict) else {}, units)
        return Failed(Trouble.PROVIDER, True, str(error), spent)


def _has_failed(status: Completed) -> bool:
    return bool(status.error or status.error_type)


def _has_request(job: Job) -> bool:
    return REQUEST_ID.fullmatch(job.request_id or "") is not None


def _is_over(answer: fal_errors.Answer) -> bool:
    """fal answers a cancel that comes too late with an error."""
    return answer.status == 404 or (answer.status == 400 and b"ALREADY_COMPLETED" in answer.content)

"""Where providers tell us that a request has ended. Believed when we have signed the address and they the message."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request, Response

from engine.database import Database, Work
from engine.errors import Busy
from engine.generations import arriving, get, steps, submissions
from engine.ports import Job, KeysAway, Message, NotTrusted, WebhookReceiver
from engine.trace import tracing

log = logging.getLogger(__name__)

COME_AGAIN = {"Retry-After": "10"}


class Addresses(Protocol):
    """Reads the last part of an address that we gave to a provider."""

    def read(self, provider: str, token: str) -> tuple[int, int] | None:
        """The generation and the try that it is about; None when it is not ours."""


async def _body(request: Request) -> bytes:
    return await request.body()


def router(database: Database, receivers: Mapping[str, WebhookReceiver], addresses: Addresses) -> APIRouter:
    """One route for all providers, by name."""
    routes = APIRouter()

    @routes.post("/webhooks/{provider}/{token}", include_in_schema=False)
    def told(provider: str, token: str, request: Request, body: Annotated[bytes, Depends(_body)]) -> Response:
        """204 once it is written down or known already; 503 when the provider should come again."""
        about = addresses.read(provider, token) if provider in receivers else None
        if about is None:
            return Response(status_code=404)
        try:
            return Response(status_code=204 if _told(database, receivers[provider], about, request, body) else 404)
        except NotTrusted as error:
            log.warning("webhook of %s: %s", provider, error)
            return Response(status_code=401)
        except (KeysAway, Busy) as error:
            log.warning("webhook of %s, to come again: %s", provider, error)
            return Response(status_code=503, headers=COME_AGAIN)
        except ValueError as error:
            log.warning("webhook of %s: %s", provider, error)
            return Response(status_code=400)

    return routes


def _told(database: Database, receiver: WebhookReceiver, about: tuple[int, int], request: Request, body: bytes) -> bool:
    """Write down what came. False when there is no such try."""
    message = receiver.check(request.headers, body)
    generation_id, attempt = about
    with database.read() as work:
        submission = submissions.get(work, generation_id, attempt)
        if submission is None:
            return False
        job, trace = steps.job_of(work, submission), get(work, generation_id).trace
    with tracing(trace):
        database.run(partial(_write_down, receiver=receiver, message=message, job=job))
    return True


def _write_down(work: Work, receiver: WebhookReceiver, message: Message, job: Job) -> None:
    which = (job.generation_id, job.attempt, message.request_id)
    try:
        ended = receiver.result(message, job)
    except ValueError as error:
        log.warning("generation %d: its webhook cannot be read: %s", job.generation_id, error)
        ended = None
    arrival = arriving.arrive(work, *which, ended) if ended else arriving.adopt(work, *which)
    log.info("generation %d, attempt %d: told of %s, %s", job.generation_id, job.attempt, message.request_id, arrival)

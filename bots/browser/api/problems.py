"""Refusals and everything else that goes wrong as problem details (RFC 9457), and the route that answers with them."""

import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bots.browser.api.problem_facts import as_fields, as_headers, as_words
from bots.browser.front import Front
from bots.browser.headers import language
from bots.commands.parsing import BadLine
from bots.commands.rights import NotAllowed
from bots.texts import say
from engine import errors, trace
from engine.errors import Busy, KeyReused, Refusal

log = logging.getLogger(__name__)

MOST_COMPLAINTS = 10

MEDIA_TYPE = "application/problem+json"


class Kind(NamedTuple):
    """The status of a problem, and its name in `/problems/<name>`."""

    status: int
    name: str


TABLE: dict[type[Exception], Kind] = {
    errors.InsufficientCredits: Kind(402, "insufficient-credits"),
    errors.BoughtCreditsNeeded: Kind(402, "bought-credits-needed"),
    errors.NotGivable: Kind(402, "not-givable"),
    errors.Banned: Kind(403, "banned"),
    errors.GuestModelTooDear: Kind(403, "guest-model-too-dear"),
    errors.NotAMember: Kind(403, "not-a-member"),
    errors.TermsNotAccepted: Kind(403, "terms-not-accepted"),
    NotAllowed: Kind(403, "not-allowed"),
    errors.NotFound: Kind(404, "not-found"),
    errors.AlreadyMember: Kind(409, "already-member"),
    errors.NotBelowZero: Kind(409, "not-below-zero"),
    errors.NotLinkable: Kind(409, "not-linkable"),
    errors.PriceChanged: Kind(409, "price-changed"),
    errors.TooLateToCancel: Kind(409, "too-late-to-cancel"),
    errors.TooManyKeys: Kind(409, "too-many-keys"),
    BadLine: Kind(422, "bad-line"),
    KeyReused: Kind(422, "idempotency-key-reused"),
    errors.FeedbackEmpty: Kind(422, "feedback-empty"),
    errors.FeedbackTooLong: Kind(422, "feedback-too-long"),
    errors.ModelOff: Kind(422, "model-off"),
    errors.NotOffered: Kind(422, "not-offered"),
    errors.PromptEmpty: Kind(422, "prompt-empty"),
    errors.PromptForbidden: Kind(422, "prompt-forbidden"),
    errors.PromptTooLong: Kind(422, "prompt-too-long"),
    errors.GuestLimit: Kind(429, "guest-limit"),
    errors.OwnCapReached: Kind(429, "own-cap-reached"),
    errors.QueueFull: Kind(429, "too-many-running"),
    errors.TooSoon: Kind(429, "too-soon"),
    errors.Busy: Kind(503, "busy"),
    errors.ModelResting: Kind(503, "model-resting"),
    errors.UnderMaintenance: Kind(503, "under-maintenance"),
    errors.StorageFull: Kind(507, "storage-full"),
}
"""Every refusal but Shortages, which goes by the most telling of its parts."""

TELLING = (402, 507, 429)
"""What waiting does not mend comes first: who is told 429 may come back, and will then be served."""


@dataclass(eq=False)
class Problem(Exception):
    """What a client is told. `words` fill the sentence of this name, `fields` are for programs."""

    status: int
    name: str
    fields: Mapping[str, object] = field(default_factory=dict)
    words: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    shortages: tuple["Problem", ...] = ()


def route(front: Front) -> type[APIRoute]:
    """A route whose answers are in the reader's language and kept by nobody, and whose troubles are problems."""

    class SpeakingProblems(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    response = await handle(request)
                except HTTPException as error:
                    response = plain(error)
                except Exception as error:
                    response = render(await _problem(front, request, error), language(request))
                response.headers["Content-Language"] = language(request)
                response.headers["Cache-Control"] = "private, no-store"
                return response

            return answer

    return SpeakingProblems


def of(refusal: Refusal, now: datetime) -> Problem:
    """A refusal as a problem. `now` is database time."""
    if isinstance(refusal, errors.Shortages):
        parts = tuple(of(shortage, now) for shortage in refusal.shortages)
        first = min(parts, key=lambda part: TELLING.index(part.status))
        latest = max((part.headers for part in parts), key=lambda headers: int(headers.get("Retry-After", 0)))
        headers = latest if first.status == 429 else {}
        return Problem(first.status, first.name, first.fields, first.words, headers, parts)
    kind = _kind(refusal)
    headers = as_headers(refusal, now) if kind.status in (429, 503) else {}
    return Problem(kind.status, kind.name, as_fields(refusal), as_words(refusal, now), headers)


def render(problem: Problem, spoken: str) -> Response:
    """The answer that tells of a problem."""
    content = json.dumps(_body(problem, spoken), ensure_ascii=False)
    return Response(content, problem.status, problem.headers, MEDIA_TYPE)


def plain(error: HTTPException) -> Response:
    """What HTTP itself has a name for: no such path, no such method, a body that cannot be read."""
    about = {"type": "about:blank", "title": HTTPStatus(error.status_code).phrase, "status": error.status_code}
    return Response(json.dumps(about), error.status_code, error.headers, MEDIA_TYPE)


async def _problem(front: Front, request: Request, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case Busy():
            return of(error, datetime.now(UTC))  # who is busy is not asked for the time
        case Refusal():
            return of(error, await _now(front))
        case KeyReused():
            return Problem(*TABLE[KeyReused])
        case RequestValidationError():
            return Problem(422, "bad-input", {"errors": [_wrong(found) for found in error.errors()[:MOST_COMPLAINTS]]})
        case _:
            number = trace.current() or trace.new()
            log.error("trouble %s: %s %s", number, request.method, request.url.path, exc_info=error)
            return Problem(500, "trouble", {"id": number}, {"id": number})


async def _now(front: Front) -> datetime:
    """Database time; while it is too busy to say, our own will do for the seconds of a header."""

    def ask() -> datetime:
        with front.database.read() as work:
            return work.now()

    try:
        return await front.looking.run(ask)
    except Busy:
        return datetime.now(UTC)


def _kind(refusal: Refusal) -> Kind:
    match refusal:
        case errors.InsufficientCredits(is_daily_limit=True):
            return Kind(429, "daily-limit")
        case errors.BoughtCreditsNeeded(is_never=True):
            return Kind(402, "bought-credits-off")
        case errors.QueueFull(is_total=True):
            return Kind(503, "queue-full")
        case errors.NotFound(kind="model"):
            return Kind(422, "unknown-model")
        case _:
            return TABLE[type(refusal)]


def _body(problem: Problem, spoken: str) -> dict[str, object]:
    told = {
        "type": f"/problems/{problem.name}",
        "title": say(spoken, f"api.title.{problem.name}"),
        "status": problem.status,
        "detail": say(spoken, f"api.detail.{problem.name}", problem.words),
    }
    parts = {"shortages": [_body(part, spoken) for part in problem.shortages]} if problem.shortages else {}
    return {**problem.fields, **told, **parts}


def _wrong(found: Mapping[str, Any]) -> dict[str, str]:
    """Where and what, without the input: that may be long, or a secret."""
    return {"field": ".".join(str(step) for step in found["loc"]), "message": str(found["msg"])}

"""The JSON API's routes: the same engine and the same refusals as the commands, by personal key or by cookie."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from bots.browser.api import account as api_account
from bots.browser.api import answers as api_answers
from bots.browser.api import callers as api_callers
from bots.browser.api import problems
from bots.browser.api.account import Account
from bots.browser.api.answers import PREFIX
from bots.browser.api.callers import Caller
from bots.browser.api.docs import APPLIED, LOCATION, Responses, security
from bots.browser.api.docs import problems as can_be
from bots.browser.api.drawing import draw, ordered
from bots.browser.api.problems import Problem
from bots.browser.api.shapes import Drawing, Models, Packs, Page, Wish, WishWithModel
from bots.browser.api.waiting import Waiting
from bots.browser.front import Front
from engine import generations
from engine.database import Work

NANO_BANANA = "nano-banana"
CURSOR = r"^[0-9]{1,18}-[1-9][0-9]{0,17}(_[0-9]{1,18}-[1-9][0-9]{0,17})*$"
PUBLIC: dict[str, list[dict[str, list[str]]]] = {"security": [{}]}
"""In the description: may be asked without saying who asks."""

T = TypeVar("T")
GenerationId = Annotated[int, Path(ge=1, lt=2**63)]
Cursor = Annotated[str | None, Query(max_length=2000, pattern=CURSOR, description="`after` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100, description="Lines")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="Your own name of this request: the same one draws and charges once, however often it is sent",
    ),
]
Prefer = Annotated[
    str | None,
    Header(alias="Prefer", description="`wait=N`: answer when it has ended, or after N seconds (30 at most)"),
]


def router(front: Front) -> APIRouter:
    """All of them over one front, below /api."""
    routes = APIRouter(prefix=PREFIX, route_class=problems.route(front), dependencies=security(front))
    _add_account(routes, front)
    _add_catalog(routes, front)
    _add_drawing(routes, front)
    _add_generation(routes, front)
    return routes


async def outside(request: Request, error: Exception) -> Response:
    """For the app's handler of HTTPException: what no route has answered is a problem too, below /api."""
    assert isinstance(error, HTTPException)
    is_ours = request.url.path.startswith(f"{PREFIX}/")
    return problems.plain(error) if is_ours else await http_exception_handler(request, error)


def _add_account(routes: APIRouter, front: Front) -> None:
    @routes.get("/credits", operation_id="credits", summary="Your credits", tags=["account"], responses=can_be(401))
    def credits(request: Request) -> Account:
        """Your credits: what you can spend, where they came from, and when there will be more."""
        return _read(front, request, api_account.account)

    @routes.get(
        "/history", operation_id="history", summary="Your statement", tags=["account"], responses=can_be(401, 422)
    )
    def history(request: Request, after: Cursor = None, limit: Limit = 20) -> Page:
        """Your statement, newest first: every credit that came, was held, charged or given back."""

        def page(work: Work, caller: Caller) -> Page:
            try:
                return api_answers.page(work, caller, after, limit)
            except ValueError as error:
                wrong = {"field": "query.after", "message": str(error)}
                raise Problem(422, "bad-input", {"errors": [wrong]}) from error

        return _read(front, request, page)


def _add_catalog(routes: APIRouter, front: Front) -> None:
    @routes.get(
        "/models",
        operation_id="models",
        summary="All models",
        tags=["catalog"],
        responses=can_be(401),
        openapi_extra=PUBLIC,
    )
    def models(request: Request) -> Models:
        """Every model: its price, what it is best for, and whether it is within your reach."""
        return _read(front, request, api_answers.models, is_public=True)

    @routes.get(
        "/credit-packs",
        operation_id="credit_packs",
        summary="What credits cost",
        tags=["catalog"],
        responses=can_be(401),
        openapi_extra=PUBLIC,
    )
    def credit_packs(request: Request) -> Packs:
        """What credits cost: every pack, measured against Starter."""
        return _read(front, request, lambda work, caller: api_answers.packs(work), is_public=True)


def _add_drawing(routes: APIRouter, front: Front) -> None:
    waiting = Waiting(front)
    begun = _begun()

    @routes.post(
        "/generate-image",
        operation_id="generate_image",
        summary="Draw a picture",
        tags=["pictures"],
        status_code=202,
        responses=begun,
    )
    async def generate_image(
        request: Request,
        response: Response,
        wish: WishWithModel,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Drawing:
        """Draw a picture: 202 at once, 200 when it is stored already; `Prefer: wait=20` waits for that."""
        return await draw(front, waiting, request, response, ordered(wish, wish.model, idempotency_key, prefer))

    @routes.post(
        "/generate-nano-banana",
        operation_id="generate_nano_banana",
        summary="Draw a picture with Nano Banana",
        tags=["pictures"],
        status_code=202,
        responses=begun,
    )
    async def generate_nano_banana(
        request: Request,
        response: Response,
        wish: Wish,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Drawing:
        """The same with the model nano-banana."""
        return await draw(front, waiting, request, response, ordered(wish, NANO_BANANA, idempotency_key, prefer))


def _add_generation(routes: APIRouter, front: Front) -> None:
    @routes.get(
        "/generations/{generation_id}",
        operation_id="generation",
        summary="One of your generations",
        tags=["pictures"],
        responses=can_be(401, 404, 422),
    )
    def generation(request: Request, generation_id: GenerationId) -> Drawing:
        """One of your generations: how far it is, its pictures, or why there are none."""

        def drawing(work: Work, caller: Caller) -> Drawing:
            found = generations.mine(work, caller.account_id or 0, generation_id)
            return api_answers.drawing(work, front, caller, found)

        return _read(front, request, drawing)


def _begun() -> Responses:
    stored = {"model": Drawing, "description": "Stored: `images` are there", "headers": {**LOCATION, **APPLIED}}
    accepted = {"description": "Begun, or it has failed: see `state`", "headers": {**LOCATION, **APPLIED}}
    return {200: stored, 202: accepted, **can_be(400, 401, 402, 403, 409, 413, 422, 429, 507)}


def _read(front: Front, request: Request, answer: Callable[[Work, Caller], T], is_public: bool = False) -> T:
    """Answer from one read of the database."""
    with front.database.read() as work:
        look = api_callers.anyone if is_public else api_callers.known
        told = answer(work, look(work, front, request))
    api_callers.note_use(front, request)
    return told

"""The pages' routes: the chat, what is said in it, its stream, its pictures, its files."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from starlette.exceptions import HTTPException as AnyHTTPException

from bots.browser import api, assets, pages, pictures, saying, stream, visitor
from bots.browser.api.answers import PREFIX
from bots.browser.front import Front
from bots.browser.headers import language as wished
from bots.browser.saying import Press, Said
from bots.texts import language_of
from engine.errors import Busy

LATEST = Annotated[str | None, Header(alias="Last-Event-ID")]


def router(front: Front) -> APIRouter:
    """All of them over one front; the style guide outside production only."""
    routes = APIRouter(include_in_schema=False)
    _add_pages(routes, front)
    _add_talk(routes, front)
    if front.settings.env != "production":
        _add_guide(routes, front)
    return routes


def outside(front: Front) -> Callable[[Request, Exception], Awaitable[Response]]:
    """For the app's handler of HTTPException: whoever follows a wrong address in a browser gets a page for people."""

    async def answer(request: Request, error: Exception) -> Response:
        wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        is_api = request.url.path.startswith(f"{PREFIX}/")
        if wants_page and not is_api and isinstance(error, AnyHTTPException) and error.status_code == 404:
            return HTMLResponse(pages.missing(front, wished(request)), 404)
        return await api.outside(request, error)

    return answer


def _add_pages(routes: APIRouter, front: Front) -> None:
    @routes.get("/")
    async def chat(request: Request) -> Response:
        with _busy_is_503():
            known, token = await visitor.arrive(front, request)
            html = await front.looking.run(lambda: pages.chat(front, known))
        response = HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Cookie, Accept-Language"})
        visitor.give_cookie(front, response, token)  # each time: its year in the browser begins anew
        return response

    @routes.get("/static/{edition}/{name}")
    def static(edition: str, name: str) -> Response:
        return assets.serve(edition, name)

    @routes.get("/favicon.ico")
    def favicon() -> Response:
        return assets.serve("", "icon.svg")

    @routes.get("/pictures/{generation_id:int}/{number:int}")
    async def picture(request: Request, generation_id: int, number: int, save: bool = False) -> Response:
        with _busy_is_503():
            known = await visitor.visitor(front, request)
            link = await front.looking.run(lambda: pictures.link(front, known, generation_id, number, save))
        if link is None:
            raise HTTPException(404)
        return RedirectResponse(link, 302, headers={"Cache-Control": "private, no-store"})


def _add_talk(routes: APIRouter, front: Front) -> None:
    async def ours(request: Request) -> None:
        if not visitor.is_from_our_page(front, request):
            raise HTTPException(403, "not from our own page")

    @routes.post("/say", dependencies=[Depends(ours)])
    async def say(request: Request, said: Said) -> Response:
        with _busy_is_503():
            known = await visitor.visitor(front, request)
            if known.user_id is None:
                return JSONResponse({}, 401)
            press = Press(known.user_id, known, said)
            answer = await front.saying.run(lambda: saying.answer(front, press))
        if answer.account_id is not None:  # this process need not wait for its own wake-up to come around
            front.bells.ring(answer.account_id)
        return JSONResponse(answer.body)

    @routes.get("/events")
    async def events(request: Request, since: int | None = None, latest: LATEST = None) -> Response:
        """204 tells a browser to stop asking: there is nobody to tell."""
        with _busy_is_503():
            known = await visitor.visitor(front, request)
        if known.user_id is None:
            return Response(status_code=204)
        if front.seats.is_full:
            return Response(status_code=503, headers={"Retry-After": "10"})
        resumed = int(latest) if latest and latest.isdecimal() and len(latest) < 18 else since
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream.events(front, known, resumed), media_type="text/event-stream", headers=headers)


def _add_guide(routes: APIRouter, front: Front) -> None:
    @routes.get("/demo/states")
    def states(request: Request, language: str = "") -> Response:
        from bots.browser import guide  # brings the migrations along, which nothing else here needs

        spoken = language_of(language) if language else wished(request)
        return HTMLResponse(guide.page(front.settings.name, spoken))


@contextmanager
def _busy_is_503() -> Iterator[None]:
    try:
        yield
    except Busy as busy:
        raise HTTPException(503, "busy", {"Retry-After": str(busy.retry_in_seconds)}) from busy

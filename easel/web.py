"""The web process: pages, API, pictures and health in one app, and a server that ends with open streams."""

import asyncio
import logging
import mimetypes
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from importlib import metadata
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import quote

import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bots.browser import api, routes
from bots.browser.front import Front
from easel import docs, health
from easel.wiring import callbacks, media, receivers
from engine import trace
from engine.database import Database
from engine.ports import NoSuchMedia
from engine.settings import Settings
from web_checkout import webhooks
from worker.media import FolderMedia
from worker.queue import wakes

if TYPE_CHECKING:
    from worker.bucket_media import BucketMedia

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}


def application(database: Database) -> FastAPI:
    """The app over one database. Build it on the event loop's thread, and serve it with `serve`."""
    settings, store = database.settings, media(database.settings)
    front = Front(database, settings, store)
    is_open = settings.env != "production"
    app = FastAPI(
        title=f"{settings.name} API",
        version=_version(),
        openapi_url="/openapi.json" if is_open else None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(front),
        telemetry={"logs": False},
    )
    app.state.front = front
    app.add_exception_handler(HTTPException, routes.outside(front))
    app.add_exception_handler(RequestValidationError, _malformed)
    app.include_router(routes.router(front))
    app.include_router(api.router(front))
    if addresses := callbacks(settings):
        app.include_router(webhooks.router(database, receivers(settings), addresses))
    _add_media(app, store)
    _add_health(app, database)
    if is_open:
        docs.add(app)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MOST_BYTES)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts(settings))
    app.add_middleware(Envelope, headers=headers(store))
    return app


def headers(store: "FolderMedia | BucketMedia") -> dict[bytes, bytes]:
    """What each answer carries. Pictures may come from the bucket, when there is one, and from nowhere else."""
    pictures = "" if isinstance(store, FolderMedia) else f" {store.origin}"
    policy = (
        f"default-src 'self'; img-src 'self' data: blob:{pictures}; object-src 'none'; "
        "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )
    return {b"content-security-policy": policy.encode(), **HEADERS}


def hosts(settings: Settings) -> list[str]:
    """The names we answer to: a page of a stranger that points its own name at us learns nothing."""
    public = _host(settings.public_url) if settings.public_url else settings.host
    called = [_host(settings.fal_webhook_url)] if settings.fal_webhook_url else []
    everywhere = settings.host in ("0.0.0.0", "::") and not settings.public_url  # noqa: S104  # compared, not bound
    return ["*"] if everywhere else ["localhost", "127.0.0.1", "[::1]", public, *called]


def _host(address: str) -> str:
    return address.partition("://")[2].partition(":")[0]


class Server(uvicorn.Server):
    """uvicorn waits for open streams for ever: told to stop, it tells them first."""

    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._front.stopping.set)
        super().handle_exit(sig, frame)


def serve(database: Database) -> None:
    """Serve until SIGTERM; requests in hand are finished, streams are ended."""
    uvloop.run(_serve(database))


async def _serve(database: Database) -> None:
    settings = database.settings
    app = application(database)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=30,
        limit_concurrency=2000,
        forwarded_allow_ips=settings.trusted_proxies,
    )
    await Server(config, app.state.front).serve()


def _lifespan(front: Front) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        listening = asyncio.create_task(_ring(front))
        try:
            yield
        finally:
            listening.cancel()
            front.stopping.set()
            front.close()

    return lifespan


async def _ring(front: Front) -> None:
    if not front.settings.redis_url:
        return
    async with aclosing(wakes(front.settings.redis_url)) as heard:
        async for account_id in heard:
            if account_id is not None:
                front.bells.ring(account_id)


async def _malformed(request: Request, error: Exception) -> Response:
    """Only our own page talks to what is not the API: it needs no explanation, and nothing is echoed."""
    return JSONResponse({}, 422)


def _version() -> str:
    try:
        return metadata.version("easel")
    except metadata.PackageNotFoundError:  # run from its folder, never installed
        return "0"


def _add_media(app: FastAPI, store: "FolderMedia | BucketMedia") -> None:
    @app.get("/media/{key:path}", include_in_schema=False)
    def picture(key: str, until: int = 0, name: str = "", signature: str = "") -> Response:
        """A picture, for whoever has a link that we signed."""
        if not store.verify(key, until, name, signature, time.time()):
            return Response("This link is not valid, or no longer.", 403, media_type="text/plain")
        try:
            answer = _picture(store, key, name)
        except NoSuchMedia:
            return Response(status_code=404)
        except OSError as error:
            log.error("the media store: %s", error)
            return Response(status_code=503, headers={"Retry-After": "10"})
        left = max(0, until - int(time.time()))
        answer.headers["Cache-Control"] = f"private, max-age={left}, immutable"
        return answer


def _picture(store: "FolderMedia | BucketMedia", key: str, name: str) -> Response:
    """The picture, to be saved under this name when there is one. Raises NoSuchMedia, OSError."""
    if not isinstance(store, FolderMedia):
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        told = f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
        return Response(store.get(key), media_type=kind, headers={"Content-Disposition": told} if name else None)
    path = store.path(key)
    if not path.is_file():
        raise NoSuchMedia(key)
    return FileResponse(path, filename=name or None)


def _add_health(app: FastAPI, database: Database) -> None:
    latest = health.Latest(database)

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> JSONResponse:
        """200 while requests can be taken; `status` says whether everything is there."""
        found = latest.look()
        status = "ok" if found.is_fine else "degraded" if found.can_serve else "down"
        return JSONResponse({"status": status, **vars(found)}, 200 if found.can_serve else 503)


class Envelope:
    """Around every request: an id for the log, our headers on the answer, and one line when it is done."""

    def __init__(self, app: ASGIApp, headers: Mapping[bytes, bytes]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 0, time.monotonic()

        async def seal(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                known = {name.lower() for name, _ in message["headers"]}
                ours = (pair for pair in self._headers.items() if pair[0] not in known)
                message["headers"] = [*message["headers"], *ours]
            await send(message)

        with trace.tracing(trace.new()):
            try:
                await self._app(scope, receive, seal)
            finally:
                took = (time.monotonic() - begun) * 1000
                if status >= 400 or scope["method"] != "GET":
                    path = scope["path"].encode("unicode_escape").decode()  # no line of its own, no escape sequence
                    log.info("%s %s %d %.0f ms", scope["method"], path, status, took)

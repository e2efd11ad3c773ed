"""fal's own client made safe: every request goes once, to fal only, within a deadline, and its answer is bounded."""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, TypeVar

import httpx
from fal_client.client import QUEUE_URL_FORMAT, USER_AGENT, AsyncBackupDomainTransport, AsyncClient

from worker.providers.fal_errors import Answer

DEADLINE = 10.0
"""Seconds for one call with all its requests."""
GRACE = 2.0
TURN_SECONDS, CONNECT_SECONDS = 3.0, 2.5
"""For a free connection, and for a new one to fal's first domain and to its second. All of it ends before the deadline:
what could then be sent would not be answered in time, and httpcore loses a connection that is cancelled within TLS."""
CONNECTIONS = 8
MOST_BYTES = 1_000_000
HOSTS = ("queue.fal.run", "queue.falrun.com", httpx.URL(QUEUE_URL_FORMAT).host)
HIDDEN = b"[hidden]"

T = TypeVar("T")
Act = Callable[["Client"], Coroutine[Any, Any, T]]

_until: ContextVar[float] = ContextVar("until")
"""When the call that this request belongs to must be over, by the loop's clock."""


# None of these is an error of httpx or of fal_client: whatever those know, they would send again.


class Refused(Exception):
    """fal, or something before it, answered with another status than success."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


class Unanswered(Exception):
    """No answer came. `has_left`: a part of the request may have reached fal."""

    def __init__(self, why: str, has_left: bool) -> None:
        super().__init__(why)
        self.has_left = has_left


class Unreadable(Exception):
    """An answer came, and what it says cannot be read."""


class Wire:
    """fal's client for any thread and any event loop; being bound to its first loop, it lives on one of its own."""

    def __init__(self, address: str, key: str) -> None:
        self._client = Client(address, key)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def is_fals(self, url: object) -> bool:
        """Whether requests with our key may go there."""
        return self._client.once.is_fals(url)

    def call(self, act: Act[T]) -> T:
        """What it gives. Raises Refused, Unanswered, and what `act` raises."""
        future = self._begun(act)
        try:
            return future.result(DEADLINE + GRACE)
        except TimeoutError:
            raise Unanswered("the loop stands still", has_left=True) from None
        finally:
            future.cancel()  # also when a signal ends the waiting

    async def watch(self, act: Act[T]) -> T:
        """The same for a caller on an event loop. Cancelling it cancels the request."""
        return await asyncio.wrap_future(self._begun(act))

    def _begun(self, act: Act[T]) -> Future[T]:
        with self._lock:
            if self._loop is None:
                runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
                self._loop = runner.get_loop()
                threading.Thread(target=_live, args=(runner, self._client), name="fal", daemon=True).start()
                weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        return asyncio.run_coroutine_threadsafe(_act(act, self._client), self._loop)


class Client(AsyncClient):
    """fal's client over `Once`."""

    def __init__(self, address: str, key: str) -> None:
        super().__init__(key=key)
        self.once = Once(httpx.URL(address), key)
        self._made: httpx.AsyncClient | None = None

    @property
    def _client(self) -> Awaitable[httpx.AsyncClient]:
        return self._ready()

    async def _ready(self) -> httpx.AsyncClient:
        if self._made is None:
            headers = {"Authorization": f"Key {self.key}", "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
            self._made = httpx.AsyncClient(transport=self.once, headers=headers, trust_env=False)
        return self._made

    async def hang_up(self) -> None:
        """Close every connection."""
        if self._made is not None:
            await self._made.aclose()


class Once(httpx.AsyncBaseTransport):
    """Sends a request once and hands back a whole answer, or an error that nothing above repeats.

    Around fal's own transport, which turns to fal's second domain when the first cannot be connected to.
    """

    def __init__(self, address: httpx.URL, key: str) -> None:
        self._address = address
        self._secrets = [part.encode() for part in (key, *key.split(":")[1:]) if part]
        self._inner: AsyncBackupDomainTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """An answer of the 2xx kind, read to its end. Raises Refused, Unanswered, Unreadable."""
        left: list[str] = []
        sent = self._addressed(request, left)
        try:
            async with asyncio.timeout_at(_until.get()):
                response = await self._open().handle_async_request(sent)
                try:
                    content = await _whole(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Unanswered("the time was over", bool(left)) from None
        except Unreadable:
            raise
        except Exception as error:  # not only httpx's own: sockets and TLS have more of them
            raise Unanswered(_named(error), bool(left)) from None
        return self._checked(response, content)

    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()

    def is_fals(self, url: object) -> bool:
        """Whether it leads to the host of the settings, or to one of fal's own, which stands for that."""
        try:
            read = httpx.URL(url) if isinstance(url, str) else None
        except (httpx.InvalidURL, ValueError):
            return False
        return read is not None and not read.userinfo and (self._is_ours(read) or _is_known(read))

    def _is_ours(self, url: httpx.URL) -> bool:
        ours = self._address
        return (url.scheme, url.host, url.port) == (ours.scheme, ours.host, ours.port)

    def _addressed(self, request: httpx.Request, left: list[str]) -> httpx.Request:
        """The same request to the host of the settings."""
        if not self.is_fals(str(request.url)):
            raise Unanswered(f"{request.url.host} is not fal's", has_left=False)
        ours = self._address
        url = request.url.copy_with(scheme=ours.scheme, host=ours.host, port=ours.port)
        headers = request.headers.copy()
        headers["Host"] = url.netloc.decode("ascii")

        async def notice(event: str, _: dict[str, Any]) -> None:
            if event.endswith("send_request_headers.started"):
                left.append(event)

        limits = {"pool": TURN_SECONDS, "connect": CONNECT_SECONDS, "write": None, "read": None}
        return httpx.Request(
            request.method, url, headers=headers, stream=request.stream, extensions={"timeout": limits, "trace": notice}
        )

    def _open(self) -> AsyncBackupDomainTransport:
        if self._inner is None:
            limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
            self._inner = AsyncBackupDomainTransport(transport=httpx.AsyncHTTPTransport(trust_env=False, limits=limits))
        return self._inner

    def _checked(self, response: httpx.Response, content: bytes) -> httpx.Response:
        content = self._without_key(content)
        names = ("content-type", "retry-after")
        told = {name: value for name, value in response.headers.items() if name in names or name.startswith("x-fal-")}
        kept = {name: self._without_key(value.encode()).decode() for name, value in told.items()}
        if not response.is_success:
            raise Refused(Answer(response.status_code, kept, content))
        return httpx.Response(response.status_code, headers=kept, content=content)

    def _without_key(self, text: bytes) -> bytes:
        """An error may repeat what it does not like."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def _live(runner: asyncio.Runner, client: Client) -> None:
    """The loop, until nobody has its wire any more."""
    with runner:
        runner.get_loop().run_forever()
        runner.run(client.hang_up())


async def _act(act: Act[T], client: Client) -> T:
    _until.set(asyncio.get_running_loop().time() + DEADLINE)
    return await act(client)


def _is_known(url: httpx.URL) -> bool:
    return url.scheme == "https" and url.host in HOSTS and url.port is None


def _named(error: Exception) -> str:
    """Before there is a connection, the text says what is wrong with it; later it may quote a header."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, httpx.ConnectError) else name


async def _whole(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Unreadable("compressed, though not asked to be")
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > MOST_BYTES:
            raise Unreadable(f"more than {MOST_BYTES} bytes")
    return bytes(content)

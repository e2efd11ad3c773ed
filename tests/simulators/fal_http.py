"""A small HTTP/1.1 server that keeps the last word on the wire: it can close, cut or drip any of its answers."""

import asyncio
import json
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

import httptools

REASONS = {status.value: status.phrase for status in HTTPStatus}
DRIP_SECONDS = 1.0  # between one byte and the next


@dataclass(slots=True)
class Request:
    """What a client asked; header names are lower-case, the path is decoded."""

    method: str = ""
    path: str = ""
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def first(self, name: str) -> str | None:
        """A parameter of the query, or nothing."""
        return next(iter(self.query.get(name, ())), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets back. `drips` is "head" or "body": that part and what follows leaves a byte at a time."""

    status: int = 200
    body: bytes = b""
    media: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    drips: str = ""
    is_dropped: bool = False  # closed without a word
    is_cut: bool = False  # half of the body that was promised, then closed


DROPPED = Answer(status=0, is_dropped=True)
Handle = Callable[[Request], Answer | Awaitable[Answer]]


def in_json(content: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON; underscores in the names of headers become hyphens."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, json.dumps(content).encode(), headers=pairs)


class Connection(asyncio.Protocol):
    """One client's line: requests are answered in the order in which they came."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._coming = Request()
        self._url = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def connection_lost(self, error: Exception | None) -> None:
        # A taken request runs on, but nobody waits for the rest of a dripping answer.
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._coming.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._coming.body += body

    def on_message_complete(self) -> None:
        request, self._coming = self._coming, Request()
        path, _, query = self._url.decode("latin-1").partition("?")
        self._url = b""
        request.method, request.path, request.query = self._parser.get_method().decode(), unquote(path), parse_qs(query)
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._next()

    def _next(self) -> None:
        while self._waiting and self._task is None:
            request, is_kept = self._waiting.popleft()
            try:
                answer = self._handle(request)
            except Exception:
                answer = _broken()
            if isinstance(answer, Answer) and not answer.drips:
                self._write(answer, is_kept)
            else:
                self._task = asyncio.get_running_loop().create_task(self._finish(answer, is_kept))

    async def _finish(self, coming: Answer | Awaitable[Answer], is_kept: bool) -> None:
        try:
            answer = coming if isinstance(coming, Answer) else await coming
        except Exception:
            answer = _broken()
        await self._drip(answer, is_kept) if answer.drips else self._write(answer, is_kept)
        self._task = None
        self._next()

    def _write(self, answer: Answer, is_kept: bool) -> None:
        if self._transport.is_closing():
            return
        if not answer.is_dropped:
            body = answer.body[: len(answer.body) // 2] if answer.is_cut else answer.body
            self._transport.write(_head(answer, is_kept) + body)
        if answer.is_dropped or answer.is_cut or not is_kept:
            self._transport.close()

    async def _drip(self, answer: Answer, is_kept: bool) -> None:
        head, slow = _head(answer, is_kept), answer.body
        if answer.drips == "head":
            head, slow = b"", head + answer.body
        self._transport.write(head)
        for byte in slow:
            if self._transport.is_closing():
                return
            self._transport.write(bytes([byte]))
            await asyncio.sleep(DRIP_SECONDS)
        if not is_kept:
            self._transport.close()


def _head(answer: Answer, is_kept: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}",
        f"content-type: {answer.media}",
        f"content-length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers),
        *([] if is_kept else ["connection: close"]),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _broken() -> Answer:
    traceback.print_exc()
    return Answer(500, b"the simulator itself broke; its standard error says where", "text/plain")

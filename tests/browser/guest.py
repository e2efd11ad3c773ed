"""A visitor: opens the page, says things, listens to the stream, as the page's own scripts do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx2

from engine import sessions
from engine.database import Database

OURS = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Event:
    """One event of the stream."""

    kind: str
    data: dict
    id: str


class Guest:
    """One browser with its cookie."""

    def __init__(self, url: str, language: str = "en") -> None:
        self.client = httpx2.Client(base_url=url, headers={"Accept-Language": language}, timeout=20)
        self.page = self.client.get("/").text

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def say(self, line: str, **more: object) -> dict:
        """Type a line; the answer."""
        return self.post({"line": line, **more}).json()

    def press(self, command: str, **options: object) -> dict:
        """Press a button; the answer."""
        return self.post({"command": command, "options": options}).json()

    def post(self, said: dict, headers: dict[str, str] = OURS) -> httpx2.Response:
        """Say it once."""
        return self.client.post("/say", json={"key": uuid4().hex, **said}, headers=headers)

    @contextmanager
    def listen(self, latest: str | None = None) -> Iterator[Iterator[Event]]:
        """The stream, event by event, as long as it is open."""
        headers = {"Last-Event-ID": latest} if latest else {}
        with self.client.stream("GET", "/events", headers=headers) as response:
            assert response.status_code == 200, response.status_code
            yield _events(response.iter_lines())

    def user_id(self, database: Database) -> str:
        """Who this is on the platform "browser"."""
        with database.read() as work:
            found = sessions.find(work, self.client.cookies["easel"])
        assert found
        return found


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line and "event" in fields:
            yield Event(fields["event"], json.loads(fields.get("data", "null")), fields.get("id", ""))
        if not line:
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value

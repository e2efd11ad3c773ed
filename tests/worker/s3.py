"""A service for buckets of this test run: moto, a process of its own from a place of its own (`make .venv/s3`)."""

import http.client
import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from easel.children import guarded
from tests.valkey import until

MOTO = Path(os.environ.get("MOTO_SERVER", Path(__file__).parents[2] / ".venv/moto/bin/moto_server"))
ACCESS_KEY, SECRET_KEY = "AKIDOFTHETESTS", "the-secret-key-of-the-tests"


class Service:
    """A running service with its address in `endpoint`. It believes any keys."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def new_bucket(self) -> str:
        """The address of an empty bucket, with a prefix."""
        name = f"easel-{uuid4().hex}"
        assert self.ask("PUT", f"/{name}").status == 200
        return f"s3://{name}/pictures/here"

    def keys(self, url: str) -> list[str]:
        """What is in a bucket, also beside the prefix."""
        listed = self.ask("GET", f"/{urlsplit(url).netloc}?list-type=2").content.decode()
        return sorted(re.findall("<Key>(.*?)</Key>", listed))

    def ask(self, method: str, target: str) -> "Answer":
        """As anyone with a browser could."""
        return ask(method, f"{self.endpoint}{target}")

    def settings(self, url: str) -> dict[str, str]:
        """The settings that name this bucket."""
        keys = {"media_access_key": ACCESS_KEY, "media_secret_key": SECRET_KEY}
        return {"media_url": url, "media_endpoint": self.endpoint, **keys}


class Answer:
    """What came back."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.content = response.status, response.headers, response.read()


def ask(method: str, url: str) -> Answer:
    """Follow an address of http, without cookies or keys."""
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=20)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path)
        return Answer(connection.getresponse())


@contextmanager
def s3(folder: Path) -> Iterator[Service]:
    """A running service, gone at the end, also when the test run is killed."""
    if not MOTO.exists():
        missing = f"{MOTO} is missing: make .venv/s3, or say where it is in MOTO_SERVER"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    said = folder / "moto.log"
    with said.open("wb") as log, guarded(log.fileno()) as group:
        command = [MOTO, "-H", "127.0.0.1", "-p", "0"]  # a free port: it says which
        server = subprocess.Popen(command, stdout=log, stderr=log, process_group=group)
        try:
            until(lambda: _address(said) or server.poll() is not None, 60)
            address = _address(said)
            assert address, said.read_text()
            yield Service(address)
        finally:
            server.kill()
            server.wait()


def _address(said: Path) -> str | None:
    found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", said.read_text())
    return found[1] if found else None


@contextmanager
def serving(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A service with one answer to whatever it is asked: its address, and what it was asked. `answer` gets the client's
    socket, and an event that ends long waits."""
    asked: list[bytes] = []
    threads: list[threading.Thread] = []
    stopping = threading.Event()

    def one(client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            asked.append(client.recv(65536).split(b"\r\n")[0])
            answer(client, stopping)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=one, args=(server.accept()[0],)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        finally:
            stopping.set()
            server.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join()

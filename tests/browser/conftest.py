"""The browser front behind a real server, and a visitor who looks at it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from bots.browser import routes
from bots.browser.front import Front
from engine.database import Database
from tests.browser.api_app import key_of, make_app, serving
from tests.browser.guest import Guest
from worker.media import FolderMedia


class Site:
    """A server in a thread of its own; `stop` ends it as its process would be told to."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.front = Front(database, database.settings, FolderMedia(folder, b"secret", ""))
        app = FastAPI(telemetry={"logs": False})
        app.add_exception_handler(HTTPException, routes.outside(self.front))
        app.include_router(routes.router(self.front))
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        while not (self._server.started or not self._thread.is_alive()):
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Tell streams, then the server, and wait for both."""
        self.soon(self.front.stopping.set)
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()
        self.front.close()

    def soon(self, do) -> None:  # type: ignore[no-untyped-def]
        """On the server's own loop."""
        self._loop.call_soon_threadsafe(do)

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve()

        asyncio.run(serve())


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    """The pages over this test's database."""
    served = Site(database, tmp_path / "media")
    try:
        yield served
    finally:
        served.stop()


@pytest.fixture
def guest(site: Site) -> Iterator[Guest]:
    """Somebody who has opened the page, and is nobody yet."""
    with Guest(site.url) as opened:
        yield opened


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """The JSON API over this test's database."""
    with serving(make_app(database, tmp_path)) as client:
        yield client


@pytest.fixture
def alice(database: Database, cast: SimpleNamespace) -> dict[str, str]:
    """Headers with Alice's key."""
    return key_of(database, cast.alice)

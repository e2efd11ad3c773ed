"""The JSON API over a test's database, served to a client in this process, with pictures in a folder."""

from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from bots.browser import api
from bots.browser.front import Front
from engine import administration, generations, history, keys, sessions
from engine.credits import Credits
from engine.tables import State
from tests.engine.driving import bring, stored
from worker.media import FolderMedia

SITE = "http://testserver"
FOX = {"prompt": "a fox in the snow"}


def make_app(database, folder, media=None):
    """The API alone, as wiring serves it beside the pages."""
    front = Front(database, database.settings, media or FolderMedia(folder / "media", b"s" * 32, ""))

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        yield
        front.close()

    app = FastAPI(lifespan=lifespan)
    app.state.front = front
    app.include_router(api.router(front))
    app.add_exception_handler(HTTPException, api.outside)
    return app


@contextmanager
def serving(app) -> Iterator[TestClient]:
    """A client; all its requests, from any thread, meet on one event loop."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def key_of(database, account_id):
    """The headers of somebody who has just made a key."""
    secret = database.run(lambda work: keys.create(work, account_id)).secret
    return {"Authorization": f"Bearer {secret}"}


def visit(database):
    """The headers that a new visitor's browser sends from our page."""
    token = database.run(sessions.create)
    return {"Cookie": f"easel={token}", "Sec-Fetch-Site": "same-origin"}


def finish(database, generation_id):
    """Play the worker: the picture comes."""
    with database.read() as work:
        generation = generations.get(work, generation_id)
    return stored(database, bring(database, generation, State.READY))


def problem(response):
    """Status and name of a problem; it is one, and says so in all the ways there are."""
    told = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert told["status"] == response.status_code
    assert told["title"]
    assert told["detail"]
    return response.status_code, told["type"].removeprefix("/problems/")


def ask(client, who, body=FOX, **headers):
    """Ask for a picture."""
    return client.post("/api/generate-image", json=body, headers={**who, **headers})


def named(key):
    """The header that makes a request the same one again."""
    return {"Idempotency-Key": key}


def count(database, table):
    """How many rows there are."""
    with database.read() as work:
        return work.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def take_all_but(database, account_id, left):
    """Leave somebody so many hundredths, of his welcome credits when they suffice."""

    def take(work):
        surplus = history.balance(work, account_id).spendable - left
        administration.credit(work, account_id, Credits(-surplus), "less", actor="terminal", reason="a test")

    database.run(take)

"""The product with the simulated fal, in one process: workers, the watcher, a real server where webhooks come in."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from io import BytesIO
from signal import SIGTERM

import pytest
import sqlalchemy as sa
import uvicorn
from PIL import Image

from easel.web import Server, application
from easel.workshop import tools
from engine import administration, alerts, history
from engine.credits import parse
from engine.generations import Generation, stored_pictures, submissions
from engine.tables import models
from engine.tables import submissions as tries
from tests.conftest import make_cast
from tests.crash.fal_books import wrong_costs
from tests.crash.settled import problems
from tests.simulators import fal_log
from tests.simulators.fal_process import fal_simulator
from tests.worker.studio import Studio
from worker.advance import advance
from worker.download import download

AT_ONCE = 8
PLENTY = {
    "request_seconds": 0,
    "running_per_account": 1000,
    "member_storage_mb": 100_000,
    "fal_key": "a-key",
    "fal_media_hosts": ("127.0.0.1",),
}


@pytest.fixture
def hurry(monkeypatch):
    """Everything that the product waits for by itself is shorter."""
    monkeypatch.setattr("engine.generations.steps.ADOPTION", timedelta(seconds=6))
    monkeypatch.setattr("worker.advance.RETRY_SECONDS", 0.3)
    monkeypatch.setattr("worker.advance.PATIENCE", timedelta(seconds=3))
    monkeypatch.setattr("worker.advance.FIRST_LOOK_WHEN_TOLD", timedelta(seconds=3))
    monkeypatch.setattr("worker.chores.KEPT_FOR", timedelta(seconds=16))
    monkeypatch.setattr("worker.chores.LONGEST_LOOK", 3)
    monkeypatch.setattr("engine.generations.steps.LONGEST_IN_LINE", timedelta(seconds=20))
    monkeypatch.setattr("engine.tasks.FIRST_WAIT", timedelta(seconds=0.5))
    monkeypatch.setattr("engine.tasks.LONGEST_WAIT", timedelta(seconds=2))
    monkeypatch.setattr("worker.providers.fal_wire.DEADLINE", 2.5)
    monkeypatch.setattr("worker.providers.fal.download", partial(download, seconds=1))
    monkeypatch.setattr("worker.providers.fal_webhook.PAUSE", 1)


@pytest.fixture
def fal(tmp_path):
    """A simulator of its own: half a second a picture, the same small one for all."""
    with fal_simulator(tmp_path, seconds=0.5, plain=True) as simulator:
        yield simulator


@pytest.fixture
def open_house(hurry, fal, new_database, tmp_path):
    """Opens houses beside the simulator, with any settings."""
    with ExitStack() as at_the_end:
        yield lambda **given: at_the_end.enter_context(closing(FalHouse(new_database, fal, tmp_path, **given)))


class FalHouse(Studio):
    """With `is_called`, fal has an address to call; whether somebody listens there is up to `door`."""

    def __init__(self, new_database, fal, root, kind="sqlite", is_called=True, **settings):
        self.fal, self.root = fal, root
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))  # refuses, as long as nobody listens
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        simulated = {name.removeprefix("EASEL_").lower(): url for name, url in fal.environment().items()}
        urls = {name: url for name, url in simulated.items() if name.endswith("_url")}
        urls |= {"fal_webhook_url": self.url} if is_called else {}
        database = new_database(kind, data=root, **{**PLENTY, **urls, **settings})
        made = tools(database)
        super().__init__(database, next(iter(made.providers.values())), root / "media", made.media)
        self.tools = made
        self._hands = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="worker")
        self._working = set()
        self.cast = make_cast(database)
        database.run(lambda work: administration.credit(
            work, self.cast.alice, parse(500), "plenty", actor="terminal", reason="she has much to try"))  # fmt: skip

    def close(self):
        self._hands.shutdown()
        self._listener.close()

    def add_model(self, name, like="flux-dev", **values):
        """A model for one story alone, with the endpoint of another."""
        with self.database.begin() as work:
            row = work.execute(sa.select(models).where(models.c.id == like)).one()
            work.execute(sa.insert(models).values({**row._mapping, "id": name, "name": name, **values}))
        return name

    @contextmanager
    def door(self, after=0.0):
        """A web server that listens, from so many seconds on."""
        servers, is_ending = [], threading.Event()
        thread = threading.Thread(target=self._serve, args=(after, servers, is_ending))
        thread.start()
        try:
            while not (after or (servers and servers[0].started)):
                assert thread.is_alive()
                time.sleep(0.01)
            yield
        finally:
            is_ending.set()
            for server in servers:
                server.handle_exit(SIGTERM, None)
            thread.join(30)
            assert not thread.is_alive()

    def _serve(self, after, servers, is_ending):
        async def live():
            app = application(self.database)
            config = uvicorn.Config(app, access_log=False, log_config=None, server_header=False)
            servers.append(Server(config, app.state.front))
            await servers[0].serve([self._listener])

        if not is_ending.wait(after):
            asyncio.run(live())

    async def _take_up(self):
        """Several at once, as several workers do."""
        loop = asyncio.get_running_loop()
        while self.hints.waiting:
            self._working.add(loop.run_in_executor(self._hands, advance, self.tools, self.hints.waiting.popleft()))
        for ended in [one for one in self._working if one.done()]:
            self._working.remove(ended)
            ended.result()

    def tries(self, generation):
        """Provider, outcome and cost of each."""
        with self.database.read() as work:
            return [(one.provider, one.outcome.value, one.cost_microdollars)
                    for one in submissions.of(work, generation.id)]  # fmt: skip

    def posts(self, generation):
        """How often fal was asked for it."""
        return len(fal_log.by_prompt(fal_log.submissions(self.fal.log)).get(generation.prompt, []))

    def money(self):
        """What Alice can spend, and what of hers is held."""
        with self.database.read() as work:
            now = history.balance(work, self.cast.alice)
        return now.spendable, now.held

    def alerts(self):
        """Those that last: how often each was met."""
        with self.database.read() as work:
            return {f"{one.kind} {one.key}": one.times for one in alerts.lasting(work)}

    def wrong(self, ended, is_told):
        """Everything that is not as it has to be once these, which are all, have ended; in words."""
        posts = Counter({one.id: self.posts(one) for one in ended})
        with self.database.read() as work:
            return [
                *problems(self.database, self.root, posts),
                *wrong_costs(work, self.fal.log, is_told),
                *self._unopened(ended),
            ]

    def unseen(self):
        """What fal has billed and none of our rows knows: its prompt, for each."""
        prompts = {line["request"]: line["arguments"]["prompt"] for line in fal_log.accepted(self.fal.log)}
        with self.database.read() as work:
            known = set(work.execute(sa.select(tries.c.request_id)).scalars())
        return [prompts[request] for request in fal_log.billed_by_request(self.fal.log) if request not in known]

    def _unopened(self, ended: list[Generation]) -> Iterator[str]:
        with self.database.read() as work:
            kept = stored_pictures(work, [one.id for one in ended])
        for picture in (picture for some in kept.values() for picture in some):
            with suppress(OSError), Image.open(BytesIO(self.media.get(picture.key))) as image:
                image.load()
                if image.size == (picture.width, picture.height):
                    continue
            yield f"{picture.key} does not open"

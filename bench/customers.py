"""People with enough credits who ask for pictures, and what the books say about how long each picture took."""

import itertools
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.common import progress
from easel.wiring import database
from engine import accounts, generations, ledger
from engine.credits import Credits, Source
from engine.database import Work
from engine.generations import Ask
from engine.settings import Settings
from engine.tables import OPEN_STATES, State
from engine.tables import generations as table

PEOPLE = 50
ENOUGH = Credits(1_000_000_00)
LONGEST_SECONDS = 300
THREADS, AT_ONCE = 4, 40
OF_SKETCH = re.compile(r"sketch-(\d+)-(\d+)-")
"""When it began, in microseconds since 1970, and how many milliseconds it took."""


@dataclass(frozen=True)
class Way:
    """How long one stored generation took, in seconds: until a provider had it, there, and from there to the store."""

    to_provider: float
    there: float
    back: float
    created: float
    stored: float

    @property
    def overhead(self) -> float:
        """What we have added to the provider's time."""
        return self.to_provider + self.back


class Customers:
    """Everybody asks through the engine, as a front does, with limits that are in nobody's way."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        limits = {"request_seconds": 0, "running_per_account": 100_000, "running_total": 100_000}
        rich = {"member_storage_mb": 1_000_000, "daily_credits": 0}
        urls = {"data": folder, "database_url": database_url, "redis_url": redis_url}
        self._database = database(Settings(_env_file=None, **urls, **limits, **rich))  # type: ignore[arg-type]
        self._numbers = itertools.count()
        self._people = [self._database.run(partial(_member, number=number)) for number in range(PEOPLE)]

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def ask(self) -> int:
        """The id of a new generation, of whose turn it is."""
        number = next(self._numbers)
        person = self._people[number % PEOPLE]
        ask = Ask(person, "telegram", f"bench:{number}", "flux-dev", f"a fox in the snow, {number}", address="chat:1")
        return self._database.run(lambda work: generations.request(work, ask)).id

    def keep_running(self, most: int, count: int, watch: Callable[[int], object] = lambda running: None) -> list[Way]:
        """Ask for `count` in all, so that `most` run at once, and wait for the last. `watch` is told how many run,
        many times a second. The ways of these, in the order of their ids. Raises RuntimeError when one was not stored.
        """
        asked: list[int] = []
        deadline = time.monotonic() + LONGEST_SECONDS
        with ThreadPoolExecutor(THREADS) as threads:
            while (running := self.running()) or len(asked) < count:
                more = min(most - running, count - len(asked), AT_ONCE)
                asked += threads.map(lambda _: self.ask(), range(more))
                progress(f"{len(asked)} of {count} asked for, {running} running")
                watch(running + more)
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{running} generations are still running")
                time.sleep(0.02)
        return [_way(row.request_id, row.created_at, row.ended_at) for row in self.stored(asked)]

    def running(self) -> int:
        """How many generations have not ended."""
        is_open = table.c.state.in_([state.value for state in OPEN_STATES])
        with self._database.read() as work:
            return int(work.execute(sa.select(sa.func.count()).where(is_open)).scalar_one())

    def stored(self, ids: list[int]) -> Sequence[sa.Row[Any]]:
        """Their request_id, created_at and ended_at. Raises RuntimeError when one of them was not stored."""
        columns = (table.c.state, table.c.trouble, table.c.request_id, table.c.created_at, table.c.ended_at)
        with self._database.read() as work:
            rows = work.execute(sa.select(*columns).where(table.c.id.between(min(ids), max(ids)))).all()
        lost = [f"{row.state} {row.trouble}" for row in rows if row.state != State.STORED.value]
        if lost or len(rows) != len(ids):
            raise RuntimeError(f"{len(lost)} of {len(ids)} generations were not stored: {lost[:3]}")
        return rows


def _way(request_id: str, created_at: datetime, ended_at: datetime) -> Way:
    found = OF_SKETCH.match(request_id)
    assert found
    began, there = int(found[1]) / 1e6, int(found[2]) / 1e3
    created, stored = created_at.timestamp(), ended_at.timestamp()
    return Way(began - created, there, stored - began - there, created, stored)


def _member(work: Work, number: int) -> int:
    account_id = accounts.find_or_create(work, "telegram", f"bench:{number}")
    accounts.make_member(work, account_id)
    ledger.grant(work, account_id, Source.ADJUSTMENT, ENOUGH, "bench")
    return account_id

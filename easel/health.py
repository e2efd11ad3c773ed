"""How the parts are: what /healthz answers, and what `easel doctor` starts from."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from easel.wiring import BEAT_KEY
from engine.database import Database
from engine.errors import Busy
from engine.ports import Step
from worker.queue import connect, workers_alive

OK, AWAY = "ok", "away"
FRESH_SECONDS = 2.0


@dataclass(frozen=True)
class Health:
    """`ok` or `away` for each part; workers by step."""

    database: str
    redis: str
    workers: dict[str, int]
    watcher: str

    @property
    def is_fine(self) -> bool:
        """Everything is there."""
        return self.can_serve and self.redis == self.watcher == OK and all(self.workers.values())

    @property
    def can_serve(self) -> bool:
        """Requests can be taken: the rest catches up when it is back."""
        return self.database == OK


def look(database: Database) -> Health:
    """Ask each part; none may take longer than a second or two."""
    redis_url = database.settings.redis_url
    state = "ok" if _answers(lambda: _ask(database)) else AWAY
    if not redis_url:
        return Health(state, AWAY, {step.value: 0 for step in Step}, AWAY)
    redis = connect(redis_url, seconds=1, retry=Retry(NoBackoff(), 0))
    try:
        workers = {step.value: workers_alive(redis, step) for step in Step}
        return Health(state, OK, workers, OK if redis.exists(BEAT_KEY) else AWAY)
    except (RedisError, OSError):
        return Health(state, AWAY, {step.value: 0 for step in Step}, AWAY)
    finally:
        redis.close()


class Latest:
    """The health of the last seconds: however many ask, one looks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._found: Health | None = None
        self._at = 0.0

    def look(self) -> Health:
        """What was found lately, or is found now."""
        if self._found is not None and time.monotonic() - self._at < FRESH_SECONDS:
            return self._found
        with self._lock:
            if self._found is None or time.monotonic() - self._at >= FRESH_SECONDS:
                self._found, self._at = look(self._database), time.monotonic()
            return self._found


def _ask(database: Database) -> None:
    with database.read() as work:
        work.execute(sa.select(1))


def _answers(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except (SQLAlchemyError, OSError, Busy):
        return False
    return True

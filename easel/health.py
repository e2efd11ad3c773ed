"""How the parts are: what /healthz answers, and what `easel doctor` starts from."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from easel.wiring import BEAT_KEY
from engine.database import Database
from engine.errors import Busy
from engine.ports import Step
from worker.queue import connect, workers_alive

OK, AWAY = "ok", "away"


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
    redis = connect(redis_url, seconds=1)
    try:
        workers = {step.value: workers_alive(redis, step) for step in Step}
        return Health(state, OK, workers, OK if redis.exists(BEAT_KEY) else AWAY)
    except (RedisError, OSError):
        return Health(state, AWAY, {step.value: 0 for step in Step}, AWAY)
    finally:
        redis.close()


def _ask(database: Database) -> None:
    with database.read() as work:
        work.execute(sa.select(1))


def _answers(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except (SQLAlchemyError, OSError, Busy):
        return False
    return True

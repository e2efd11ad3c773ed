"""So many generations at once an account, and so many in all."""

import sqlalchemy as sa

from engine.database import Work
from engine.errors import QueueFull
from engine.policies.attempt import Attempt
from engine.tables import OPEN_STATES, generations

_IS_OPEN = generations.c.state.in_([state.value for state in OPEN_STATES])


def check(work: Work, attempt: Attempt) -> None:
    """Raises QueueFull. The own limit is exact; the total is not under one lock and may be passed by a few."""
    own, own_limit = _running(work, generations.c.account_id == attempt.asker.id), work.settings.running_per_account
    if own >= own_limit:
        raise QueueFull(running=own, limit=own_limit, is_total=False)
    total, total_limit = _running(work, sa.true()), work.settings.running_total
    if total >= total_limit:
        raise QueueFull(running=total, limit=total_limit, is_total=True)


def _running(work: Work, of: sa.ColumnElement[bool]) -> int:
    return int(work.execute(sa.select(sa.func.count()).where(_IS_OPEN, of)).scalar_one())

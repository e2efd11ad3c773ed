"""One generation request an account in so many seconds, whatever became of the last one."""

from datetime import timedelta

import sqlalchemy as sa

from engine.database import Work
from engine.errors import TooSoon
from engine.policies.attempt import Attempt
from engine.tables import generations


def check(work: Work, attempt: Attempt) -> None:
    """Raises TooSoon with the moment from which on the next request is welcome."""
    seconds = work.settings.request_seconds
    last = work.execute(
        sa.select(sa.func.max(generations.c.created_at)).where(generations.c.account_id == attempt.asker.id)
    ).scalar_one()
    if last and attempt.now < last + timedelta(seconds=seconds):
        raise TooSoon(seconds=seconds, retry_at=last + timedelta(seconds=seconds))

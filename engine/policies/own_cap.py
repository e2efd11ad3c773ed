"""What an account allows itself to spend in a UTC day, whoever's picture it is."""

from datetime import datetime

import sqlalchemy as sa

from engine.credits import Credits
from engine.database import Work
from engine.errors import OwnCapReached
from engine.ledger.dues import midnight_after
from engine.policies.attempt import Attempt
from engine.tables import generations

_COUNTS = sa.case((generations.c.ended_at.is_(None), generations.c.price), else_=generations.c.charged)


def check(work: Work, attempt: Attempt) -> None:
    """Raises OwnCapReached. What is held today counts, what was given back does not."""
    cap = attempt.preferences.daily_cap
    if cap is None or attempt.uses_guest_slot or attempt.payer.id != attempt.asker.id:
        return
    spent = _spent_today(work, attempt.payer.id, attempt.now)
    if spent + attempt.price > cap:
        raise OwnCapReached(needed=attempt.price, cap=cap, spent=spent, resets_at=midnight_after(attempt.now))


def _spent_today(work: Work, account_id: int, now: datetime) -> Credits:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = (generations.c.payer_id == account_id, generations.c.created_at >= midnight)
    spent = sa.select(sa.func.coalesce(sa.func.sum(_COUNTS), 0)).where(*today)
    return Credits(int(work.execute(spent).scalar_one()))

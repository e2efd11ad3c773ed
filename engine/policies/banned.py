"""A banned account starts nothing: everywhere, or in the space that banned it."""

import sqlalchemy as sa

from engine.database import Work
from engine.errors import Banned
from engine.policies.attempt import Attempt
from engine.tables import EVERYWHERE, bans


def check(work: Work, attempt: Attempt) -> None:
    """Raises Banned with the reason that was given."""
    ban = work.execute(
        sa.select(bans)
        .where(bans.c.account_id == attempt.asker.id, bans.c.space_id.in_((EVERYWHERE, attempt.space_id)))
        .order_by(bans.c.space_id)
    ).first()
    if ban:
        raise Banned(reason=ban.reason, since=ban.at, is_everywhere=ban.space_id == EVERYWHERE)

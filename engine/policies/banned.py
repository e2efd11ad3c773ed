"""A banned account starts nothing: everywhere, or in the space that banned it."""

import sqlalchemy as sa

from engine.database import Work
from engine.errors import Banned
from engine.policies.attempt import Attempt
from engine.tables import EVERYWHERE, bans


def check(work: Work, attempt: Attempt) -> None:
    """Raises Banned with the reason that was given."""
    if ban := find(work, attempt.asker.id, attempt.space_id):
        raise ban


def find(work: Work, account_id: int, space_id: int) -> Banned | None:
    """The ban that holds for an account in this space, if there is one."""
    ban = work.execute(_HERE, {"account": account_id, "space": space_id}).first()
    if ban is None:
        return None
    return Banned(reason=ban.reason, since=ban.at, is_everywhere=ban.space_id == EVERYWHERE)


_IS_HERE = bans.c.space_id.in_((EVERYWHERE, sa.bindparam("space")))
_HERE = sa.select(bans).where(bans.c.account_id == sa.bindparam("account"), _IS_HERE).order_by(bans.c.space_id)

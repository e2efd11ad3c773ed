"""The accounts of one person: the surviving one, and all that were joined into it."""

import sqlalchemy as sa

from engine.database import Work
from engine.tables import accounts


def members(work: Work, account_id: int) -> list[int]:
    """This account and every account joined into it, however long ago."""
    return list(work.execute(MEMBERS, {"id": account_id}).scalars())


def _members() -> sa.Select[tuple[int]]:
    family = sa.select(accounts.c.id).where(accounts.c.id == sa.bindparam("id")).cte("family", recursive=True)
    family = family.union(sa.select(accounts.c.id).join(family, accounts.c.merged_into == family.c.id))
    return sa.select(family.c.id)


MEMBERS = _members()
"""The same as a SELECT of ids, with a parameter `id`."""

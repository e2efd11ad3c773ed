"""What an account has received, spent and got back in all its life, with that of the accounts joined into it."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.credits import Bucket, Credits
from engine.database import Work
from engine.family import MEMBERS
from engine.tables import grants, transfers


@dataclass(frozen=True)
class Lifetime:
    """Hundredths: `granted` from any source, `spent` on pictures, `returned` when a picture did not come."""

    granted: Credits
    spent: Credits
    returned: Credits


def lifetime(work: Work, account_id: int) -> Lifetime:
    """The sums over the whole history: it costs what the history is long, so ask for it only to show it."""
    of_family = {"id": account_id}
    sums = work.execute(_GRANTED, of_family).one()
    returned = work.execute(_RETURNED, of_family).scalar_one()
    return Lifetime(Credits(sums.granted), Credits(sums.spent), Credits(returned))


def _sum(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)  # PostgreSQL's sum is a NUMERIC


_CAME_FROM_OUTSIDE = sa.or_(grants.c.origin_account_id.is_(None), grants.c.origin_account_id.not_in(MEMBERS))
"""What was carried over when accounts were joined had come in before."""

_GRANTED = sa.select(
    _sum(sa.case((_CAME_FROM_OUTSIDE, grants.c.issued), else_=0)).label("granted"),
    _sum(grants.c.spent).label("spent"),
).where(grants.c.account_id.in_(MEMBERS))

_RETURNED = sa.select(_sum(transfers.c.amount)).where(
    transfers.c.account_id.in_(MEMBERS),
    transfers.c.from_bucket == Bucket.HELD.value,
    transfers.c.to_bucket == Bucket.AVAILABLE.value,
)

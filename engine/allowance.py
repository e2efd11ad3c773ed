"""What is free: a member's day and a guest's rolling window, as anyone may ask for them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine import ledger
from engine.credits import Credits, Source
from engine.database import Work
from engine.ledger.dues import midnight_after
from engine.tables import State, generations


@dataclass(frozen=True)
class Day:
    """A member's UTC day: it tops up to `limit` at `tops_up_at`; it never adds. Hundredths."""

    limit: Credits
    left: Credits
    tops_up_at: datetime


@dataclass(frozen=True)
class GuestWindow:
    """A guest's free pictures in the rolling window; `returns`: when each used slot is free again, soonest first."""

    limit: int
    used: int
    returns: tuple[datetime, ...]

    @property
    def returns_at(self) -> datetime | None:
        """When the next slot returns; None when all are free or there are none.

        Linked guests may have used more than the limit: a slot returns when all above it are free again.
        """
        return self.returns[max(0, self.used - self.limit)] if self.limit and self.used else None

    def free_at(self, pictures: int) -> datetime | None:
        """When enough slots for so many pictures are free; None when they are now, or never."""
        too_many = self.used + pictures - self.limit
        return self.returns[too_many - 1] if 0 < too_many <= self.used and pictures <= self.limit else None

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def day(work: Work, wallet: ledger.Wallet) -> Day:
    """The day of a wallet that has caught up."""
    daily = (
        grant for grant in wallet.grants.values() if grant.source is Source.DAILY and not wallet.has_expired(grant)
    )
    left = Credits(sum(grant.available for grant in daily))
    return Day(work.settings.daily_credits, left, midnight_after(wallet.now))


def guest_window(work: Work, account_id: int, now: datetime) -> GuestWindow:
    """Counted from the guest's generations, a slot a picture; one that failed or was cancelled does not count.

    A limit of 0 is zero.
    """
    window = timedelta(seconds=work.settings.guest_window_seconds)
    counted = (
        generations.c.account_id == account_id,
        generations.c.is_guest,
        generations.c.created_at > now - window,
        generations.c.state.not_in((State.FAILED.value, State.CANCELLED.value)),
    )
    columns = (generations.c.created_at, generations.c.pictures)
    rows = work.execute(sa.select(*columns).where(*counted).order_by(generations.c.created_at))
    returns = tuple(row.created_at + window for row in rows for _ in range(row.pictures))
    return GuestWindow(work.settings.guest_generations, len(returns), returns)

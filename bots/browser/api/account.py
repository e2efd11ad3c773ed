"""What the API says of an account: its shapes, and how they are read."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from bots.browser.api.answers import line
from bots.browser.api.callers import Caller
from bots.browser.api.shapes import Amount, Given, Line
from engine import history
from engine.allowance import Day, GuestWindow
from engine.credits import Credits
from engine.database import Work
from engine.history import Balance
from engine.lifetime import Lifetime, lifetime
from engine.settings import MEGABYTE

LAST = 10


class BucketNow(Given):
    """Credits of one source."""

    source: Annotated[str, Field(description="daily, subscription, welcome, gift, referral, adjustment, purchase")]
    spendable: Amount
    held: Annotated[Amount, Field(description="Credits on hold for pictures being drawn")]
    frozen: Annotated[Amount, Field(description="Credits that wait until a payment is settled")]
    expires_at: Annotated[datetime | None, Field(description="When the first of them end")]


class LifetimeSums(Given):
    """Sums since the account began."""

    granted: Amount
    spent: Amount
    returned: Annotated[Amount, Field(description="Credits that came back because a picture did not come")]


class DayNow(Given):
    """A member's UTC day. It tops up to the limit; it does not add."""

    limit: Amount
    left: Amount
    tops_up_at: datetime


class GuestNow(Given):
    """A guest's free pictures in a rolling window."""

    limit: int
    used: int
    left: int
    returns_at: Annotated[datetime | None, Field(description="When the next used one is free again")]


class StorageNow(Given):
    """Room for pictures."""

    used: Annotated[int, Field(description="Bytes")]
    held: Annotated[int, Field(description="Bytes kept free for pictures being drawn")]
    limit: Annotated[int, Field(description="Bytes")]


class SignUpOffer(Given):
    """What a guest gets for signing up, in the chat at `url` with /signup."""

    welcome_credits: Amount
    daily_credits: Annotated[Amount, Field(description="Credits the day tops up to")]
    url: str


class Account(Given):
    """Everything about your credits, now."""

    standing: Annotated[str, Field(description="guest, member or pool")]
    at: datetime
    spendable: Amount
    held: Annotated[Amount, Field(description="Credits on hold for pictures being drawn")]
    frozen: Annotated[Amount, Field(description="Credits that wait until a payment is settled")]
    owed: Annotated[Amount, Field(description="Credits owed for a payment that was taken back")]
    is_low: bool
    buckets: list[BucketNow]
    lifetime: LifetimeSums
    day: DayNow | None
    guest: GuestNow | None
    storage: StorageNow
    last_transactions: list[Line]
    sign_up: SignUpOffer | None


def account(work: Work, caller: Caller) -> Account:
    """The caller's account; for a visitor who has said nothing yet, what a guest begins with."""
    if caller.account_id is None:
        return _account(work, caller, _of_stranger(work), Lifetime(Credits(0), Credits(0), Credits(0)), [])
    last = history.statement(work, caller.account_id, limit=LAST).lines
    lines = [line(each, caller.language) for each in last]
    return _account(work, caller, history.balance(work, caller.account_id), lifetime(work, caller.account_id), lines)


def _account(work: Work, caller: Caller, balance: Balance, sums: Lifetime, last: list[Line]) -> Account:
    return Account(
        standing=balance.standing,
        at=balance.at,
        spendable=balance.spendable,
        held=balance.held,
        frozen=balance.frozen,
        owed=balance.owed,
        is_low=balance.is_low,
        buckets=[BucketNow(**vars(part)) for part in balance.parts],
        lifetime=LifetimeSums(**vars(sums)),
        day=_day(balance.day),
        guest=_guest(balance.guest),
        storage=StorageNow(used=balance.bytes_used, held=balance.bytes_held, limit=balance.bytes_limit),
        last_transactions=last,
        sign_up=_offer(work, caller) if balance.guest else None,
    )


def _of_stranger(work: Work) -> Balance:
    none, room = Credits(0), work.settings.guest_storage_mb * MEGABYTE
    free = GuestWindow(work.settings.guest_generations, 0, ())
    return Balance(0, "guest", none, none, none, none, False, (), None, free, 0, 0, room, work.now())


def _day(day: Day | None) -> DayNow | None:
    return DayNow(**vars(day)) if day else None


def _guest(window: GuestWindow | None) -> GuestNow | None:
    if window is None:
        return None
    return GuestNow(limit=window.limit, used=window.used, left=window.left, returns_at=window.returns_at)


def _offer(work: Work, caller: Caller) -> SignUpOffer:
    settings = work.settings
    return SignUpOffer(
        welcome_credits=settings.welcome_credits, daily_credits=settings.daily_credits, url=f"{caller.site}/"
    )

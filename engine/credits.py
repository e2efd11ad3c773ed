"""Credits as integers in hundredths, where they come from, where they can be, and the order in which they burn."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType, Protocol

Credits = NewType("Credits", int)
"""An amount in hundredths of a credit: 0.5 credit is 50."""

MOST = Credits(1_000_000_000_00)
"""No single amount is larger than a billion credits, so that sums stay far from the edge of a BIGINT."""


class Source(StrEnum):
    """Where the credits of a grant came from."""

    DAILY = "daily"
    SUBSCRIPTION = "subscription"
    WELCOME = "welcome"
    GIFT = "gift"
    REFERRAL = "referral"
    ADJUSTMENT = "adjustment"
    PURCHASE = "purchase"


class Bucket(StrEnum):
    """Where credits of a grant are. `ISSUED` is the outside they come from."""

    ISSUED = "issued"
    AVAILABLE = "available"
    HELD = "held"
    SPENT = "spent"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    MOVED = "moved"


BOUGHT = frozenset({Source.PURCHASE, Source.SUBSCRIPTION})
"""Paid with money: frozen while a debt or a dispute is open, and the only credits that can be given."""

ONCE_A_PERSON = frozenset({Source.DAILY, Source.WELCOME})
"""Free and once a person: they never pay a debt."""

_WRITTEN = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,12}(\.(?P<rest>[0-9]{1,40}))?")

_RANK = {
    Source.DAILY: 0,
    Source.SUBSCRIPTION: 1,
    Source.WELCOME: 2,
    Source.GIFT: 3,
    Source.REFERRAL: 3,
    Source.ADJUSTMENT: 3,
    Source.PURCHASE: 4,
}


class Burnable(Protocol):
    """What the burn order needs to know of a grant."""

    number: int
    source: Source
    available: int
    born_at: datetime
    expires_at: datetime | None


def burn_order(grant: Burnable) -> tuple[float, int, datetime, int]:
    """The sort key of a grant: soonest expiry first, then by source (purchases last), then oldest first."""
    expiry = grant.expires_at.timestamp() if grant.expires_at else float("inf")
    return (expiry, _RANK[grant.source], grant.born_at, grant.number)


def split(portions: Iterable[tuple[int, int]], amount: int) -> list[tuple[int, int]]:
    """Take `amount` from (grant number, hundredths there) in the given order.

    Returns (grant number, hundredths taken), never zero; takes what there is when the portions do not suffice.
    """
    taken = []
    for number, there in portions:
        part = min(there, amount)
        if part > 0:
            taken.append((number, part))
            amount -= part
    return taken


def positive(amount: Credits) -> Credits:
    """The amount, which a verb is about to move. Raises ValueError unless it is above zero and below `MOST`."""
    if not 0 < amount <= MOST:
        raise ValueError(f"{amount} hundredths cannot be moved")
    return amount


def parse(text: str | int | float | Decimal) -> Credits:
    """Read credits as a person writes them ("0.5", "-3") into hundredths. Raises ValueError on anything else."""
    written = _WRITTEN.fullmatch(str(text))
    if written is None:
        raise ValueError(f"{str(text)[:40]!r} is not a number of credits")
    if len((written["rest"] or "").rstrip("0")) > 2:
        raise ValueError(f"{str(text)[:40]!r} credits: at most two digits after the point")
    hundredths = int(Decimal(str(text)) * 100)
    if abs(hundredths) > MOST:
        raise ValueError(f"{text} credits: at most {show(MOST)}")
    return Credits(hundredths)


def show(amount: int) -> str:
    """Write hundredths as a person reads them: 50 is "0.5", 2500 is "25"."""
    whole, rest = divmod(abs(amount), 100)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}" + (f".{rest:02d}".rstrip("0") if rest else "")

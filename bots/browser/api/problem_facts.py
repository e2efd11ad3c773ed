"""A refusal's facts: as fields of a problem, as words for its text, and as headers that say when to come back."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import get_args, get_type_hints

from bots.browser.api.shapes import number
from bots.texts import Amount, Bytes
from engine import errors
from engine.credits import Credits
from engine.errors import Refusal

WHILE_DRAWING = timedelta(seconds=5)
WHILE_CROWDED = timedelta(seconds=30)
WHILE_UPGRADING = timedelta(minutes=5)
"""When to come back where nobody can know: guesses that keep clients from asking all the time."""


@dataclass(frozen=True)
class Quota:
    """A limit in whole pictures or whole credits, what is left of it, and when it is whole again."""

    limit: int
    left: int
    resets_at: datetime


def as_fields(refusal: Refusal) -> dict[str, object]:
    """Its facts for programs: credits as numbers, moments as ISO 8601 in UTC, sizes in bytes."""
    facts = {name: _field(value, is_amount) for name, value, is_amount in _facts(refusal)}
    if isinstance(refusal, errors.InsufficientCredits):
        facts["missing"] = number(refusal.missing)
    return facts


def as_words(refusal: Refusal, now: datetime) -> dict[str, object]:
    """The same for sentences: moments to come as the time until then."""
    is_storage = isinstance(refusal, errors.StorageFull)
    facts = {name: _word(value, is_amount, is_storage, now) for name, value, is_amount in _facts(refusal)}
    if isinstance(refusal, errors.InsufficientCredits):
        facts["missing"] = Amount(refusal.missing)
    return facts


def as_headers(refusal: Refusal, now: datetime) -> Mapping[str, str]:
    """Retry-After and RateLimit-*, in seconds from now and at least one; credits in whole ones, rounded down."""
    if quota := _quota(refusal, now):
        seconds = str(_seconds(quota.resets_at - now))
        return {
            "Retry-After": seconds,
            "RateLimit-Limit": str(quota.limit),
            "RateLimit-Remaining": str(quota.left),
            "RateLimit-Reset": seconds,
        }
    wait = _wait(refusal, now)
    return {"Retry-After": str(_seconds(wait))} if wait else {}


def _quota(refusal: Refusal, now: datetime) -> Quota | None:
    match refusal:
        case errors.GuestLimit(limit=limit, used=used, returns_at=datetime() as returns_at):
            return Quota(limit, max(0, limit - used), returns_at)
        case errors.InsufficientCredits(is_daily_limit=True, tops_up_at=datetime() as tops_up_at):
            return Quota(refusal.tops_up_to // 100, refusal.available // 100, tops_up_at)
        case errors.OwnCapReached():
            return Quota(refusal.cap // 100, max(0, refusal.cap - refusal.spent) // 100, refusal.resets_at)
        case errors.TooSoon():
            return Quota(1, 0, refusal.retry_at)
        case errors.QueueFull(is_total=False):
            return Quota(refusal.limit, 0, now + WHILE_DRAWING)
        case _:
            return None


def _wait(refusal: Refusal, now: datetime) -> timedelta | None:
    match refusal:
        case errors.ModelResting():
            return refusal.retry_at - now
        case errors.Busy():
            return timedelta(seconds=refusal.retry_in_seconds)
        case errors.QueueFull(is_total=True):
            return WHILE_CROWDED
        case errors.UnderMaintenance():
            return WHILE_UPGRADING
        case _:
            return None


def _seconds(wait: timedelta) -> int:
    return max(1, -(-wait // timedelta(seconds=1)))


def _facts(refusal: Refusal) -> list[tuple[str, object, bool]]:
    """Name, value, and whether it is an amount of credits, which only the annotation can tell."""
    hints = get_type_hints(type(refusal))
    return [
        (field.name, getattr(refusal, field.name), Credits in (hints[field.name], *get_args(hints[field.name])))
        for field in fields(refusal)
    ]


def _field(value: object, is_amount: bool) -> object:
    match value:
        case int() if is_amount:
            return number(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case tuple():
            return list(value)
        case _:
            return value


def _word(value: object, is_amount: bool, is_storage: bool, now: datetime) -> object:
    match value:
        case int() if is_amount:
            return Amount(value)
        case int() if is_storage:
            return Bytes(value)
        case datetime() if value > now:
            return value - now
        case _:
            return value

"""Guests own no credits: a few pictures in a rolling window."""

from engine import allowance
from engine.database import Work
from engine.errors import GuestLimit
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises GuestLimit."""
    if not attempt.uses_guest_slot:
        return
    window = allowance.guest_window(work, attempt.asker.id, attempt.now)
    if window.left < attempt.pictures:
        returns_at = window.free_at(attempt.pictures)
        raise GuestLimit(needed=attempt.pictures, limit=window.limit, used=window.used, returns_at=returns_at)

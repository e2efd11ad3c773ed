"""The payer must have the price, spendable now."""

from engine import ledger
from engine.database import Work
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises InsufficientCredits."""
    if not attempt.uses_guest_slot and attempt.payer.spendable < attempt.price:
        raise ledger.insufficient(work, attempt.payer, attempt.price)

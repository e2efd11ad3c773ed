"""The payer must have the price, spendable now, and spare the bought credits where the account wants that."""

from engine import ledger
from engine.credits import Credits
from engine.database import Work
from engine.errors import BoughtCreditsNeeded
from engine.policies.attempt import Attempt
from engine.tables import Bought


def check(work: Work, attempt: Attempt) -> None:
    """Raises InsufficientCredits, or BoughtCreditsNeeded when only the account's own settings are in the way."""
    if attempt.uses_guest_slot:
        return
    if attempt.payer.spendable < attempt.price:
        raise ledger.insufficient(work, attempt.payer, attempt.price)
    free = attempt.payer.spendable_free
    if not attempt.may_spend_bought and free < attempt.price:
        bought_needed = Credits(attempt.price - free)
        is_never = attempt.preferences.bought is Bought.FREE_ONLY
        raise BoughtCreditsNeeded(attempt.price, free, bought_needed, is_never)

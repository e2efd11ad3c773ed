"""Nobody pays another price than the one he was shown."""

from engine.database import Work
from engine.errors import PriceChanged
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises PriceChanged, also when it has become cheaper: then it is shown once more. Guests pay nothing."""
    shown = attempt.shown_price
    if shown is not None and shown != attempt.price and not attempt.uses_guest_slot:
        raise PriceChanged(attempt.model.id, shown, attempt.price)

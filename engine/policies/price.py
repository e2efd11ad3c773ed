"""Nobody pays another price than the one that was shown."""

from engine.database import Work
from engine.errors import PriceChanged
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises PriceChanged, also when it has become cheaper: then it is shown once more.

    What was shown to a guest as free is no longer so for a member: it counts what this person would pay now.
    """
    if attempt.shown_price is not None and attempt.shown_price != attempt.due:
        raise PriceChanged(attempt.model.id, attempt.shown_price, attempt.due)

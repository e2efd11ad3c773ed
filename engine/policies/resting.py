"""Nobody is asked to wait for a model that everybody who draws it has just failed with."""

from engine import circuits
from engine.database import Work
from engine.errors import ModelResting
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises ModelResting."""
    until = circuits.rests_until(work, attempt.model)
    if until is not None:
        raise ModelResting(attempt.model.id, until)

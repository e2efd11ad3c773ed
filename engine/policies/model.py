"""The model must be switched on, within this standing's reach, and offer what is asked of it."""

from engine.database import Work
from engine.errors import GuestModelTooDear, ModelOff, NotOffered
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises ModelOff, GuestModelTooDear or NotOffered."""
    model = attempt.model
    if not model.is_enabled:
        raise ModelOff(model.id)
    dearest = work.settings.guest_model_price
    if attempt.uses_guest_slot and attempt.price > dearest:
        raise GuestModelTooDear(model=model.id, price=attempt.price, limit=dearest)
    if attempt.size is not None and attempt.size not in model.sizes:
        raise NotOffered(model.id, "size", attempt.size, tuple(model.sizes))
    if attempt.seed is not None and "seed" not in model.capabilities:
        raise NotOffered(model.id, "seed", str(attempt.seed), ())

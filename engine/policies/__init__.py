"""May this generation start? One rule a file, asked in this order under the accounts' locks."""

from engine.database import Work
from engine.errors import Shortage, Shortages
from engine.policies import (
    banned,
    credits,
    guest_window,
    maintenance,
    model,
    own_cap,
    price,
    prompt,
    queue_full,
    resting,
    storage,
    too_soon,
)
from engine.policies.attempt import Attempt

IN_ORDER = (
    maintenance.check,
    banned.check,
    prompt.check,
    model.check,
    resting.check,
    price.check,
    too_soon.check,
    queue_full.check,
    storage.check,
    guest_window.check,
    own_cap.check,
    credits.check,
)
"""Order has meaning: the first refusal is told, except that shortages are gathered and told together."""


def check(work: Work, attempt: Attempt) -> None:
    """Raises the first Refusal; when only shortages are in the way, all of them at once (Shortages)."""
    shortages = []
    for policy in IN_ORDER:
        try:
            policy(work, attempt)
        except Shortage as shortage:
            shortages.append(shortage)
    if len(shortages) == 1:
        raise shortages[0]
    if shortages:
        raise Shortages(tuple(shortages))

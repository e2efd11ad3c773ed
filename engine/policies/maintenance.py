"""Nothing new starts while everything, or this space, is switched off."""

import sqlalchemy as sa

from engine.database import Work
from engine.errors import UnderMaintenance
from engine.policies.attempt import Attempt
from engine.tables import EVERYWHERE, spaces


def check(work: Work, attempt: Attempt) -> None:
    """Raises UnderMaintenance."""
    switched_off = work.execute(
        sa.select(spaces.c.id)
        .where(spaces.c.id.in_((EVERYWHERE, attempt.space_id)), spaces.c.is_under_maintenance)
        .order_by(spaces.c.id)
    ).scalars().all()  # fmt: skip
    if switched_off:
        raise UnderMaintenance(is_everywhere=switched_off[0] == EVERYWHERE)

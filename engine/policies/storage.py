"""There must be room for the result before it is made."""

from engine import storage
from engine.database import Work
from engine.errors import StorageFull
from engine.policies.attempt import Attempt


def check(work: Work, attempt: Attempt) -> None:
    """Raises StorageFull, counting what running generations may still need."""
    account, limit = attempt.asker, storage.limit(work.settings, attempt.asker)
    if account.bytes_used + account.bytes_held + attempt.bytes_needed > limit:
        raise StorageFull(needed=attempt.bytes_needed, used=account.bytes_used, held=account.bytes_held, limit=limit)

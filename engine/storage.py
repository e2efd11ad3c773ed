"""Bytes that an account's pictures use, that running ones may need, and that it may have."""

import sqlalchemy as sa

from engine import ledger
from engine.database import Work
from engine.settings import MEGABYTE, Settings
from engine.tables import accounts


def limit(settings: Settings, account: ledger.Account) -> int:
    """Bytes this account may use."""
    return (settings.guest_storage_mb if account.is_guest else settings.member_storage_mb) * MEGABYTE


def needed(settings: Settings, kind: str, pictures: int) -> int:
    """Bytes to keep free for a result whose size is not known yet."""
    return (settings.video_mb if kind == "video" else settings.image_mb) * MEGABYTE * pictures


def book(work: Work, account_id: int, held: int, stored: int) -> None:
    """What was held for a generation ends, what its pictures really take is used. Under the account's lock."""
    values = {"bytes_held": accounts.c.bytes_held - held, "bytes_used": accounts.c.bytes_used + stored}
    work.execute(sa.update(accounts).where(accounts.c.id == account_id).values(values))

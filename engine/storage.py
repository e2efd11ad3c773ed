"""Bytes that an account's pictures use, that running ones may need, and that it may have."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine import ledger, tasks
from engine.database import Work
from engine.errors import NotFound
from engine.settings import MEGABYTE, Settings
from engine.tables import accounts, generations, pictures


@dataclass(frozen=True)
class KeptGeneration:
    """A generation whose pictures take room: bytes, UTC."""

    generation_id: int
    bytes: int
    created_at: datetime
    prompt: str


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


def oldest(work: Work, account_id: int, limit: int = 10) -> list[KeptGeneration]:
    """The account's pictures that take room, oldest first."""
    columns = (generations.c.id, generations.c.bytes_stored, generations.c.created_at, generations.c.prompt)
    kept = sa.select(*columns).where(generations.c.account_id == account_id, generations.c.bytes_stored > 0)
    return [
        KeptGeneration(row.id, row.bytes_stored, row.created_at, row.prompt)
        for row in work.execute(kept.order_by(generations.c.created_at).limit(limit))
    ]


def delete(work: Work, account_id: int, generation_id: int) -> int:
    """Give up the pictures of one generation for good; returns the bytes that are free now. The charge stays.

    Raises NotFound for another's, and when nothing of it is kept.
    """
    ledger.lock(work, account_id)
    mine = (generations.c.id == generation_id, generations.c.account_id == account_id)
    size = work.execute(sa.select(generations.c.bytes_stored).where(*mine)).scalar_one_or_none()
    if not size:
        raise NotFound("picture", str(generation_id))
    work.execute(sa.delete(pictures).where(pictures.c.generation_id == generation_id))
    work.execute(sa.update(generations).where(*mine).values(bytes_stored=0, changed_at=work.now()))
    book(work, account_id, 0, -int(size))
    tasks.add(work, "delete_media", str(generation_id))
    work.wake(account_id)
    return int(size)

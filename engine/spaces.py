"""Spaces: a Discord guild, a Telegram group; each may have a pool that its members' generations are paid from."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine import accounts
from engine.database import Work
from engine.errors import NotFound
from engine.tables import spaces


def find_or_create(work: Work, platform: str, platform_id: str) -> int:
    """The space behind a platform's guild or group, made once, however many ask at the same time."""
    here = (spaces.c.platform == platform, spaces.c.platform_id == platform_id)
    known = work.execute(sa.select(spaces.c.id).where(*here)).scalar_one_or_none()
    if known is not None:
        return int(known)
    try:
        with work.connection.begin_nested():
            made = sa.insert(spaces).values(platform=platform, platform_id=platform_id).returning(spaces.c.id)
            return int(work.execute(made).scalar_one())
    except IntegrityError:  # somebody else was first between our look and our insert
        return int(work.execute(sa.select(spaces.c.id).where(*here)).scalar_one())


def pool(work: Work, space_id: int) -> int | None:
    """The account that this space's generations may be paid from, if it has one. Raises NotFound."""
    row = work.execute(sa.select(spaces.c.pool_id).where(spaces.c.id == space_id)).one_or_none()
    if row is None:
        raise NotFound("space", str(space_id))
    return int(row.pool_id) if row.pool_id is not None else None


def open_pool(work: Work, space_id: int) -> int:
    """The space's pool, made when it has none yet. Raises NotFound."""
    locked = sa.select(spaces.c.pool_id).where(spaces.c.id == space_id).with_for_update(key_share=True)
    row = work.execute(locked).one_or_none()
    if row is None:
        raise NotFound("space", str(space_id))
    if row.pool_id is not None:
        return int(row.pool_id)
    pool_id = accounts.create_pool(work)
    work.execute(sa.update(spaces).where(spaces.c.id == space_id).values(pool_id=pool_id))
    return pool_id

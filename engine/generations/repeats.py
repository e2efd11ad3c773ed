"""Requests named by their own account: the same name finds the same generation, also after accounts were joined."""

from engine import family
from engine.database import Work
from engine.generations.row import Generation, read, select
from engine.tables import generations


def request_key(account_id: int, name: str) -> str:
    """The request key of a name that is unique within one account only."""
    return f"{account_id}:{name}"


def earlier(work: Work, account_id: int, platform: str, name: str) -> Generation | None:
    """What this account, or one that was joined into it, asked for under this name; the newest of several."""
    wanted = [request_key(member, name) for member in family.members(work, account_id)]
    same = select().where(generations.c.platform == platform, generations.c.request_key.in_(wanted))
    row = work.execute(same.order_by(generations.c.id.desc()).limit(1)).one_or_none()
    return read(row) if row else None

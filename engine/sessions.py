"""Visitors of the pages: a cookie holds a random token, a row its hash. Who it is becomes an account when it speaks."""

import secrets
from datetime import timedelta
from hashlib import sha256

import sqlalchemy as sa

from engine.database import Work
from engine.tables import identities, sessions

PLATFORM = "browser"
LIFE = timedelta(days=365)
LIFE_OF_A_STRANGER = timedelta(days=2)
SEEN_IS_NOTED_EVERY = timedelta(days=1)


def create(work: Work) -> str:
    """A new visitor; returns the token for the cookie (256 random bits)."""
    token, now = secrets.token_urlsafe(32), work.now()
    row = {"token_hash": _hash(token), "user_id": secrets.token_hex(16), "created_at": now, "seen_at": now}
    work.execute(sa.insert(sessions).values(row))
    return token


def find(work: Work, token: str) -> str | None:
    """The visitor's user id on the platform "browser"; None for a token that is unknown or too old."""
    alive = (sessions.c.token_hash == _hash(token), sessions.c.seen_at > work.now() - LIFE)
    return work.execute(sa.select(sessions.c.user_id).where(*alive)).scalar_one_or_none()


def is_noted(work: Work, token: str) -> bool:
    """Whether the visitor was here within the last day, as far as is known."""
    seen = sa.select(sessions.c.seen_at).where(sessions.c.token_hash == _hash(token))
    seen_at = work.execute(seen).scalar_one_or_none()
    return seen_at is not None and seen_at > work.now() - SEEN_IS_NOTED_EVERY


def note_visit(work: Work, token: str) -> None:
    """Remember that the visitor was here: the session lives a year from then."""
    seen = sa.update(sessions).where(sessions.c.token_hash == _hash(token)).values(seen_at=work.now())
    work.execute(seen)


def forget_old(work: Work, limit: int = 500) -> int:
    """Drop sessions that have ended, and those of visitors who never said anything; returns how many."""
    now = work.now()
    spoke = sa.exists().where(identities.c.platform == PLATFORM, identities.c.user_id == sessions.c.user_id)
    silent = sa.and_(sessions.c.seen_at < now - LIFE_OF_A_STRANGER, ~spoke)
    old = sa.select(sessions.c.token_hash).where(sa.or_(sessions.c.seen_at < now - LIFE, silent)).limit(limit)
    return work.execute(sa.delete(sessions).where(sessions.c.token_hash.in_(old))).rowcount


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()

"""Personal keys for the API: shown once, kept as a hash, revocable.

The secret is 256 random bits, so that a plain hash is enough: there is nothing to guess.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa

from engine import accounts, ledger
from engine.database import Work
from engine.errors import NotFound, TooManyKeys
from engine.tables import personal_keys

PREFIX = "easel_"
USE_IS_NOTED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only time its secret is known."""

    id: int
    secret: str


@dataclass(frozen=True)
class Key:
    """A key that is alive; `hint` is the end of its secret."""

    id: int
    hint: str
    created_at: datetime
    last_used_at: datetime | None


def create(work: Work, account_id: int) -> NewKey:
    """A new key for the account. Raises TooManyKeys."""
    ledger.open_account(ledger.lock(work, account_id)[account_id])
    limit = work.settings.personal_keys
    if len(all_keys(work, account_id)) >= limit:
        raise TooManyKeys(limit)
    dead = (personal_keys.c.account_id == account_id, personal_keys.c.revoked_at.is_not(None))
    work.execute(sa.delete(personal_keys).where(*dead))  # no more rows than keys may be alive
    secret = PREFIX + secrets.token_urlsafe(32)
    made = sa.insert(personal_keys).values(
        account_id=account_id, secret_hash=_hash(secret), hint=secret[-4:], created_at=work.now()
    )
    return NewKey(int(work.execute(made.returning(personal_keys.c.id)).scalar_one()), secret)


def all_keys(work: Work, account_id: int) -> list[Key]:
    """The account's living keys, oldest first."""
    columns = (personal_keys.c.id, personal_keys.c.hint, personal_keys.c.created_at, personal_keys.c.last_used_at)
    alive = sa.select(*columns).where(personal_keys.c.account_id == account_id, personal_keys.c.revoked_at.is_(None))
    return [Key(**row._mapping) for row in work.execute(alive.order_by(personal_keys.c.id))]


def revoke(work: Work, account_id: int, key_id: int) -> None:
    """End a key at once. Raises NotFound for another's, or one that is dead."""
    mine = (
        personal_keys.c.id == key_id,
        personal_keys.c.account_id == account_id,
        personal_keys.c.revoked_at.is_(None),
    )
    if not work.execute(sa.update(personal_keys).where(*mine).values(revoked_at=work.now())).rowcount:
        raise NotFound("key", str(key_id))


def owner(work: Work, secret: str) -> int | None:
    """The account that a living key belongs to, also after linking; None for anything else."""
    alive = (personal_keys.c.secret_hash == _hash(secret), personal_keys.c.revoked_at.is_(None))
    account_id = work.execute(sa.select(personal_keys.c.account_id).where(*alive)).scalar_one_or_none()
    return accounts.survivor(work, account_id) if account_id is not None else None


def note_use(work: Work, secret: str) -> None:
    """Remember that a key was used, every few minutes."""
    now = work.now()
    last = personal_keys.c.last_used_at
    stale = sa.or_(last.is_(None), last < now - USE_IS_NOTED_EVERY)
    mine = (personal_keys.c.secret_hash == _hash(secret), stale)
    work.execute(sa.update(personal_keys).where(*mine).values(last_used_at=now))


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()

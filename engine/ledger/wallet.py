"""An account in memory while it is open: its row, its live grants, and the new transactions that `write` will store."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.credits import BOUGHT, Bucket, Credits, Source, burn_order
from engine.database import Work
from engine.ledger.chain import Entry, Issue, Transfer, compact, digest, note_hash
from engine.tables import notes


@dataclass(slots=True)
class Account:
    """An account's row; amounts in hundredths, storage in bytes. Changes are stored by the next `write`."""

    id: int
    standing: str
    merged_into: int | None
    version: int
    head: bytes
    balance: int
    grants_issued: int
    allowance_day: date | None
    allowance_issued: int
    welcome_issued: int
    bytes_used: int
    bytes_held: int

    @property
    def is_guest(self) -> bool:
        return self.standing == "guest"


@dataclass(slots=True)
class Grant:
    """A grant that still has something available or held. `of_hold` is the part that one hold took, `marked` the part
    of what is held that a refund wants back; `is_contested` while the payment behind it is disputed."""

    number: int
    source: Source
    available: int
    held: int
    marked: int
    born_at: datetime
    expires_at: datetime | None
    purchase_id: str | None
    origin: tuple[int, int] | None = None
    is_contested: bool = False
    is_new: bool = False
    of_hold: int = 0
    changes: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Wallet:
    """One open account. `earlier` is the version that already has the key this work is about."""

    account: Account
    now: datetime
    grants: dict[int, Grant]
    earlier: int | None
    is_in_debt: bool
    is_disputed: bool
    unwritten: list[tuple[Entry, bytes, int | None]] = field(default_factory=list)
    also: list[tuple[sa.Executable, dict[str, object]]] = field(default_factory=list)

    @property
    def id(self) -> int:
        return self.account.id

    def has_expired(self, grant: Grant) -> bool:
        """Past its end at the instant of this wallet, whoever has or has not lapsed it."""
        return grant.expires_at is not None and grant.expires_at <= self.now

    def is_frozen(self, grant: Grant) -> bool:
        """Behind a dispute of its own payment, or bought and behind any debt or dispute of the account."""
        return grant.is_contested or (grant.source in BOUGHT and (self.is_in_debt or self.is_disputed))

    def burnable(self) -> list[Grant]:
        """The grants that can be spent now, in burn order."""
        able = [
            grant
            for grant in self.grants.values()
            if grant.available > 0 and not self.has_expired(grant) and not self.is_frozen(grant)
        ]
        return sorted(able, key=burn_order)

    @property
    def spendable(self) -> Credits:
        """Hundredths that can be spent now."""
        return Credits(sum(grant.available for grant in self.burnable()))

    @property
    def spendable_free(self) -> Credits:
        """The part of it that was not paid for with money."""
        return Credits(sum(grant.available for grant in self.burnable() if grant.source not in BOUGHT))

    @property
    def frozen(self) -> Credits:
        """Hundredths that wait for a debt or a dispute to end."""
        waiting = (grant for grant in self.grants.values() if self.is_frozen(grant) and not self.has_expired(grant))
        return Credits(sum(grant.available for grant in waiting))


class Note(NamedTuple):
    """A free text: the row that has it, and the salted hash that the chain keeps of it."""

    id: int
    hash: bytes


class Receipt(NamedTuple):
    """A transaction that is written: `asked` says what for; `is_replay` when an earlier request had done it."""

    account_id: int
    version: int
    asked: tuple[Any, ...]
    balance: Credits
    is_replay: bool


def at_one_time(*wallets: Wallet) -> None:
    """What one Work does to several accounts happens at one moment: after the last of them was read."""
    moment = max(wallet.now for wallet in wallets)
    for wallet in wallets:
        wallet.now = moment


def issue(
    wallet: Wallet,
    source: Source,
    *,
    born_at: datetime | None = None,
    expires_at: datetime | None = None,
    purchase_id: str | None = None,
    origin: tuple[int, int] | None = None,
    is_contested: bool = False,
) -> Grant:
    """A new, still empty grant; the transfer that fills it comes in the next `post`."""
    wallet.account.grants_issued += 1
    number = wallet.account.grants_issued
    grant = Grant(number, source, 0, 0, 0, born_at or wallet.now, expires_at, purchase_id, origin, is_contested, True)
    wallet.grants[number] = grant
    return grant


def post(
    wallet: Wallet,
    kind: str,
    key: str,
    asked: tuple[object, ...],
    moves: Iterable[Transfer],
    *,
    actor: str,
    peer: bytes | None = None,
    note: Note | None = None,
) -> Receipt:
    """Append one transaction to the wallet: its transfers, the balance after it, its digest. `write` stores it."""
    transfers = tuple(moves)
    for move in transfers:
        _apply(wallet, move)
    wallet.account.version += 1
    issues = tuple(_issue_of(wallet.grants[move.grant]) for move in transfers if move.source is Bucket.ISSUED)
    entry = Entry(
        wallet.account.version,
        kind,
        key,
        canonical(asked),
        actor,
        wallet.now,
        wallet.account.balance,
        peer,
        note and note.hash,
        transfers,
        issues,
    )
    wallet.account.head = digest(wallet.id, wallet.account.head, entry)
    wallet.unwritten.append((entry, wallet.account.head, note and note.id))
    return Receipt(wallet.id, wallet.account.version, asked, Credits(wallet.account.balance), False)


def jot(work: Work, text: str) -> Note:
    """Keep a free text in a row that can be erased."""
    salt = os.urandom(16)
    note_id = work.execute(sa.insert(notes).values(salt=salt, text=text).returning(notes.c.id)).scalar_one()
    return Note(note_id, note_hash(salt, text))


def mark(grant: Grant, amount: int) -> None:
    """Change the part of what is held that a refund or a lost dispute wants back."""
    grant.marked += amount
    grant.changes["marked"] += amount


def canonical(asked: Iterable[object]) -> str:
    """What was asked for, as the chain keeps it and as the same key is compared."""
    return compact(list(asked))


def _apply(wallet: Wallet, move: Transfer) -> None:
    grant = wallet.grants[move.grant]
    for bucket, amount in ((move.source, -move.amount), (move.target, move.amount)):
        if bucket is Bucket.AVAILABLE:
            grant.available += amount
            wallet.account.balance += amount
        elif bucket is Bucket.HELD:
            grant.held += amount
        if bucket is Bucket.ISSUED:
            amount = -amount
        grant.changes[bucket.value] += amount


def _issue_of(grant: Grant) -> Issue:
    return Issue(grant.number, grant.source, grant.born_at, grant.expires_at, grant.purchase_id, grant.origin)

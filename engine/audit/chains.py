"""The part of the audit that SQL cannot do: every digest computed again, and one line that stands for all of them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.credits import Bucket, Source
from engine.database import Work
from engine.ledger.chain import GENESIS, Entry, Issue, Transfer, digest, note_hash
from engine.tables import accounts, grants, notes, transactions, transfers

SETTLING = timedelta(minutes=1)
"""The line leaves out the last minute: a transaction stamped before it may still be on its way to its commit."""


def broken_chains(work: Work, low: int, high: int) -> Iterator[tuple[int, int]]:
    """(account, version) of each transaction whose digest is wrong, or of the end of a chain that was cut.

    Only the first break of a chain is named: what comes after it is tied to it.
    """
    moves = _moves(work, low, high)
    issues = _issues(work, low, high)
    heads = {row.id: row for row in _rows(work, _HEADS, low, high)}
    ends: dict[int, bytes] = {}
    broken: set[int] = set()
    for row in _rows(work, _TRANSACTIONS, low, high):
        if row.account_id in broken:
            continue
        try:
            entry = _entry(row, moves[row.account_id, row.version], issues)
        except KeyError:  # a grant is gone whose credits came in here
            broken.add(row.account_id)
            yield row.account_id, row.version
            continue
        ends[row.account_id] = digest(row.account_id, ends.get(row.account_id, GENESIS), entry)
        if ends[row.account_id] != row.digest:
            broken.add(row.account_id)
            yield row.account_id, row.version
    for account_id, head in heads.items():
        if account_id not in broken and ends.get(account_id, GENESIS) != head.head:
            yield account_id, head.version


def broken_notes(work: Work, low: int, high: int) -> Iterator[tuple[int, int]]:
    """(account, version) where the text that is still there is not the one the chain speaks of."""
    for row in _rows(work, _NOTES, low, high):
        if note_hash(row.salt, row.text) != row.note_hash:
            yield row.account_id, row.version


@dataclass(frozen=True)
class Head:
    """Everything up to a moment in one line, to be kept where nobody who can write this database can write."""

    until: datetime
    accounts: int
    transactions: int
    digest: str

    def __str__(self) -> str:
        return f"easel-head-1 {self.until.isoformat()} {self.accounts} {self.transactions} {self.digest}"

    @classmethod
    def parse(cls, line: str) -> "Head":
        """Read a line again. Raises ValueError."""
        try:
            name, until, account_count, transaction_count, hexadecimal = line.split()
            if name != "easel-head-1":
                raise ValueError
            return cls(datetime.fromisoformat(until), int(account_count), int(transaction_count), hexadecimal)
        except ValueError:
            raise ValueError("not a line of easel audit --head") from None


def head(work: Work, until: datetime | None = None) -> Head:
    """The line for everything up to a minute ago, or up to the moment of an older line, to compare with it."""
    until = until or work.now() - SETTLING
    total = hashlib.sha256()
    account_count = transaction_count = 0
    for row in work.execute(_LAST_OF_EACH, {"until": until}).yield_per(10_000):
        total.update(f"{row.account_id} {row.version} ".encode() + row.digest)
        account_count += 1
        transaction_count += row.version
    return Head(until, account_count, transaction_count, total.hexdigest())


def _rows(work: Work, statement: sa.Select[Any], low: int, high: int) -> Any:
    return work.execute(statement, {"low": low, "high": high})


def _moves(work: Work, low: int, high: int) -> dict[tuple[int, int], list[Transfer]]:
    moves = defaultdict(list)
    for row in _rows(work, _TRANSFERS, low, high):
        transfer = Transfer(row.grant_number, Bucket(row.from_bucket), Bucket(row.to_bucket), row.amount)
        moves[row.account_id, row.version].append(transfer)
    return moves


def _issues(work: Work, low: int, high: int) -> dict[tuple[int, int], Issue]:
    issues = {}
    for row in _rows(work, _GRANTS, low, high):
        origin = (row.origin_account_id, row.origin_number) if row.origin_number is not None else None
        issue = Issue(row.number, Source(row.source), row.born_at, row.expires_at, row.purchase_id, origin)
        issues[row.account_id, row.number] = issue
    return issues


def _entry(row: Any, moves: list[Transfer], issues: dict[tuple[int, int], Issue]) -> Entry:
    issued = tuple(issues[row.account_id, move.grant] for move in moves if move.source is Bucket.ISSUED)
    return Entry(
        row.version,
        row.kind,
        row.key,
        row.asked,
        row.actor,
        row.at,
        row.balance,
        row.peer,
        row.note_hash,
        tuple(moves),
        issued,
    )


def _between(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return column.between(sa.bindparam("low"), sa.bindparam("high"))


_HEADS = sa.select(accounts.c.id, accounts.c.version, accounts.c.head).where(_between(accounts.c.id))
_TRANSACTIONS = (
    sa.select(transactions)
    .where(_between(transactions.c.account_id))
    .order_by(transactions.c.account_id, transactions.c.version)
)
_TRANSFERS = sa.select(transfers).where(_between(transfers.c.account_id))
_GRANTS = sa.select(grants).where(_between(grants.c.account_id))
_NOTES = (
    sa.select(transactions.c.account_id, transactions.c.version, transactions.c.note_hash, notes.c.salt, notes.c.text)
    .join(notes, notes.c.id == transactions.c.note_id)
    .where(_between(transactions.c.account_id))
)
_LAST = (
    sa.select(transactions.c.account_id, sa.func.max(transactions.c.version).label("version"))
    .where(transactions.c.at <= sa.bindparam("until", type_=transactions.c.at.type))
    .group_by(transactions.c.account_id)
    .subquery("last")
)
_LAST_OF_EACH = (
    sa.select(transactions.c.account_id, transactions.c.version, transactions.c.digest)
    .join(_LAST, sa.and_(_LAST.c.account_id == transactions.c.account_id, _LAST.c.version == transactions.c.version))
    .order_by(transactions.c.account_id)
)

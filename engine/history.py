"""Reads for users: the balance with its parts, and the statement, page by page."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from engine import allowance, ledger, storage
from engine.allowance import Day, GuestWindow
from engine.credits import Credits, Source
from engine.database import Work
from engine.family import MEMBERS, members
from engine.tables import debts, grants, transactions, transfers

MOST_LINES = 100
BEFORE_ALL = 2**62


@dataclass(frozen=True)
class Part:
    """Credits of one source: what can be spent, what is held, what is frozen (hundredths); the soonest end of any."""

    source: Source
    spendable: Credits
    held: Credits
    frozen: Credits
    expires_at: datetime | None


@dataclass(frozen=True)
class Balance:
    """Everything a person wants to know of an account now. Hundredths of a credit, bytes, UTC."""

    account_id: int
    standing: str
    spendable: Credits
    held: Credits
    frozen: Credits
    owed: Credits
    is_low: bool
    parts: tuple[Part, ...]
    day: Day | None
    guest: GuestWindow | None
    bytes_used: int
    bytes_held: int
    bytes_limit: int
    at: datetime


@dataclass(frozen=True)
class Line:
    """One line of the statement. `change` is what became available (or less than zero: what no longer is)."""

    account_id: int
    version: int
    at: datetime
    kind: str
    key: str
    change: Credits
    spent: Credits
    balance: Credits


@dataclass(frozen=True)
class Page:
    """Lines, newest first, and the cursor of the next page (None at the end)."""

    lines: tuple[Line, ...]
    after: str | None


def balance(work: Work, account_id: int) -> Balance:
    """The balance as it stands at this instant: what is due today counts, also while nobody has stored it yet."""
    wallet = ledger.look(work, account_id)
    ledger.catch_up(work, wallet)
    account, held = wallet.account, _held(work, account_id)
    return Balance(
        account_id=account_id,
        standing=account.standing,
        spendable=wallet.spendable,
        held=Credits(sum(held.values())),
        frozen=wallet.frozen,
        owed=_owed(work, wallet),
        is_low=account.standing != "guest" and wallet.spendable < work.settings.low_balance,
        parts=tuple(_parts(wallet, held)),
        day=allowance.day(work, wallet) if account.standing == "member" else None,
        guest=allowance.guest_window(work, account_id, wallet.now) if account.is_guest else None,
        bytes_used=account.bytes_used,
        bytes_held=account.bytes_held,
        bytes_limit=storage.limit(work.settings, account),
        at=wallet.now,
    )


def statement(work: Work, account_id: int, after: str | None = None, limit: int = 20) -> Page:
    """One page of an account's history, newest first, with that of the accounts joined into it.

    The cursor names the last version shown of each chain, so that a page costs the same however long the history is.
    Raises ValueError on a cursor that was not handed out here.
    """
    limit = max(1, min(limit, MOST_LINES))
    shown = _read_cursor(after)
    family = members(work, account_id)
    chains = [_chain(work, member, shown.get(member), limit + 1) for member in family]
    merged = heapq.merge(*chains, key=lambda line: (line.at, line.account_id, line.version), reverse=True)
    lines = list(islice(merged, limit + 1))
    for line in lines[:limit]:
        shown[line.account_id] = line.version
    return Page(tuple(lines[:limit]), _cursor(shown) if len(lines) > limit else None)


def _owed(work: Work, wallet: ledger.Wallet) -> Credits:
    """Open debts, less what catching up has paid but nobody has stored yet."""
    open_debts = sa.select(sa.func.coalesce(sa.func.sum(debts.c.owed - debts.c.paid), 0))
    stored = int(work.execute(open_debts.where(debts.c.account_id == wallet.id)).scalar_one())
    payments = (entry for entry, _, _ in wallet.unwritten if entry.kind == "debt")
    return Credits(stored - sum(move.amount for entry in payments for move in entry.transfers))


def _held(work: Work, account_id: int) -> dict[Source, int]:
    """Hundredths on hold by source, also those on the chains of accounts joined into this one."""
    return {Source(row.source): int(row.held) for row in work.execute(_HELD, {"id": account_id})}


def _parts(wallet: ledger.Wallet, held: dict[Source, int]) -> Iterator[Part]:
    for source in Source:
        of_source = [grant for grant in wallet.grants.values() if grant.source is source]
        if not of_source and source not in held:
            continue
        spendable = [grant for grant in wallet.burnable() if grant.source is source]
        frozen = [grant for grant in of_source if wallet.is_frozen(grant) and not wallet.has_expired(grant)]
        ends = [grant.expires_at for grant in spendable if grant.expires_at]
        yield Part(
            source,
            Credits(sum(grant.available for grant in spendable)),
            Credits(held.get(source, 0)),
            Credits(sum(grant.available for grant in frozen)),
            min(ends) if ends else None,
        )


def _chain(work: Work, account_id: int, before: int | None, limit: int) -> list[Line]:
    parameters = {"id": account_id, "before": before if before is not None else BEFORE_ALL, "limit": limit}
    return [
        Line(row.account_id, row.version, row.at, row.kind, row.key, row.change, row.spent, row.balance)
        for row in work.execute(_LINES, parameters)
    ]


def _cursor(shown: dict[int, int]) -> str:
    return "_".join(f"{account_id}-{version}" for account_id, version in sorted(shown.items()))


def _read_cursor(text: str | None) -> dict[int, int]:
    if not text:
        return {}
    pairs = [part.partition("-") for part in text.split("_")]
    shown = {int(account_id): int(version) for account_id, _, version in pairs}
    if not all(0 < version <= BEFORE_ALL for version in shown.values()):
        raise ValueError("not a cursor of this statement")
    return shown


def _sum_where(condition: sa.ColumnElement[bool], value: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    whole = sa.func.coalesce(sa.func.sum(sa.case((condition, value), else_=0)), 0)
    return sa.cast(whole, sa.BigInteger)


def _lines() -> sa.Select[Any]:
    page = (
        sa.select(transactions)
        .where(transactions.c.account_id == sa.bindparam("id"), transactions.c.version < sa.bindparam("before"))
        .order_by(transactions.c.version.desc())
        .limit(sa.bindparam("limit"))
        .subquery("page")
    )
    same = sa.and_(transfers.c.account_id == page.c.account_id, transfers.c.version == page.c.version)
    names = ("account_id", "version", "at", "kind", "key", "balance")
    arrived = _sum_where(transfers.c.to_bucket == "available", transfers.c.amount)
    left = _sum_where(transfers.c.from_bucket == "available", transfers.c.amount)
    return (
        sa.select(
            *(page.c[name] for name in names),
            (arrived - left).label("change"),
            _sum_where(transfers.c.to_bucket == "spent", transfers.c.amount).label("spent"),
        )
        .select_from(page.outerjoin(transfers, same))
        .group_by(*(page.c[name] for name in names))
        .order_by(page.c.version.desc())
    )


_LINES = _lines()
_HELD = (
    sa.select(grants.c.source, sa.func.sum(grants.c.held).label("held"))
    .where(grants.c.account_id.in_(MEMBERS), grants.c.live, grants.c.held > 0)
    .group_by(grants.c.source)
)

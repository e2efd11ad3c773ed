"""Opening an account: lock it, then read it.

In two statements, because under READ COMMITTED one that had to wait for the lock would see the account as it is now
and its grants as they were before the wait.
"""

from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.clock import DatabaseTime
from engine.credits import Credits, Source
from engine.database import Hot, Work
from engine.errors import AccountClosed, KeyReused, NotFound
from engine.ledger.wallet import Account, Grant, Receipt, Wallet, canonical
from engine.tables import accounts, debts, grants, purchases, transactions, transfers


def lock(work: Work, *ids: int) -> dict[int, Account]:
    """Lock accounts in id order and return their rows; closed ones too. Raises NotFound, Busy and LockOrder."""
    wanted = work.claim(ids)
    if len(wanted) == 1:
        rows = work.hot(_LOCK_ONE, {"id": wanted[0]})
    else:
        rows = work.execute(_LOCK_SEVERAL, {"ids": wanted}).all()
    found = {row[0]: Account(*row) for row in rows}
    for account_id in ids:
        if account_id not in found:
            raise NotFound("account", str(account_id))
    return found


def open(work: Work, account_id: int, key: str | None = None) -> Wallet:
    """Lock one account that is not closed, then read it. Raises AccountClosed, NotFound, Busy."""
    return load(work, open_account(lock(work, account_id)[account_id]), key)


def open_account(account: Account) -> Account:
    """The account, which new work may use: read under the lock, it was not joined into another one meanwhile."""
    if account.merged_into is not None:
        raise AccountClosed(f"account {account.id} was joined into {account.merged_into}")
    return account


def load(work: Work, account: Account, key: str | None = None, hold_key: str | None = None) -> Wallet:
    """Read what is alive in an account. Under its lock this is the truth; without it, a look."""
    parameters = {"id": account.id, "key": key}
    if hold_key is None:
        rows = work.hot(_LOAD, parameters)
    else:
        rows = work.hot(_LOAD_WITH_HOLD, {**parameters, "hold_key": hold_key})
    now, earlier, is_in_debt, is_disputed, *_ = rows[0]
    grants = {number: _grant(number, *rest) for _, _, _, _, number, *rest in rows if number is not None}
    return Wallet(account, work.shift(now), grants, earlier, is_in_debt, is_disputed)


def load_grant(work: Work, wallet: Wallet, number: int) -> Grant:
    """A grant of an open wallet, also one that has nothing available or held any more."""
    if number not in wallet.grants:
        wallet.grants[number] = _grant(*tuple(work.execute(_ONE_GRANT, {"id": wallet.id, "number": number}).one()))
    return wallet.grants[number]


def look(work: Work, account_id: int) -> Wallet:
    """Read an account without locking it, for showing it."""
    row = work.execute(sa.select(*_COLUMNS).where(accounts.c.id == account_id)).one_or_none()
    if row is None:
        raise NotFound("account", str(account_id))
    return load(work, Account(*tuple(row)))


def replay(work: Work, wallet: Wallet, *asked: object) -> Receipt | None:
    """The first result of this key, if there is one. Raises KeyReused when something else was asked then."""
    if wallet.earlier is None:
        return None
    row = work.execute(_EARLIER, {"id": wallet.id, "version": wallet.earlier}).one()
    if row.asked != canonical(asked):
        raise KeyReused(f"account {wallet.id} version {wallet.earlier}: {row.asked} was asked, not {canonical(asked)}")
    return Receipt(wallet.id, wallet.earlier, asked, Credits(row.balance), True)


def _grant(
    number: int,
    source: str,
    available: int,
    held: int,
    marked: int,
    born_at: datetime,
    expires_at: datetime | None,
    purchase_id: str | None,
    origin_account_id: int | None,
    origin_number: int | None,
    is_contested: bool,
    of_hold: int | None,
) -> Grant:
    origin = (origin_account_id, origin_number) if origin_account_id is not None and origin_number is not None else None
    return Grant(
        number,
        Source(source),
        available,
        held,
        marked,
        born_at,
        expires_at,
        purchase_id,
        origin,
        is_contested=bool(is_contested),
        of_hold=of_hold or 0,
    )


_COLUMNS = [accounts.c[column.name] for column in fields(Account)]
# NO KEY UPDATE: as strong against another hold, but a foreign key check elsewhere need not wait for it.
_LOCK_ONE = Hot(sa.select(*_COLUMNS).where(accounts.c.id == sa.bindparam("id")).with_for_update(key_share=True))
_LOCK_SEVERAL = (
    sa.select(*_COLUMNS)
    .where(accounts.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(accounts.c.id)
    .with_for_update(key_share=True)
)
_EARLIER = sa.select(transactions.c.asked, transactions.c.balance).where(
    transactions.c.account_id == sa.bindparam("id"), transactions.c.version == sa.bindparam("version")
)


def _version_of(key: str) -> sa.ScalarSelect[int]:
    return (
        sa.select(transactions.c.version)
        .where(transactions.c.account_id == sa.bindparam("id"), transactions.c.key == sa.bindparam(key))
        .scalar_subquery()
    )


def _load_statement(with_hold: bool) -> sa.Select[Any]:
    account_id = sa.bindparam("id", type_=sa.BigInteger)
    one = sa.select(DatabaseTime().label("now")).subquery("one")
    alive = sa.and_(grants.c.account_id == account_id, grants.c.live)
    source = one.outerjoin(grants, alive).outerjoin(purchases, purchases.c.id == grants.c.purchase_id)
    of_hold: sa.ColumnElement[Any] = sa.null()
    if with_hold:
        of_hold = transfers.c.amount
        source = source.outerjoin(
            transfers,
            sa.and_(
                transfers.c.account_id == account_id,
                transfers.c.version == _version_of("hold_key"),
                transfers.c.grant_number == grants.c.number,
            ),
        )
    return sa.select(
        one.c.now,
        _version_of("key").label("earlier"),
        sa.exists().where(debts.c.account_id == account_id, debts.c.owed > debts.c.paid).label("is_in_debt"),
        sa.exists().where(purchases.c.account_id == account_id, purchases.c.is_disputed).label("is_disputed"),
        *_OF_GRANT,
        of_hold.label("of_hold"),
    ).select_from(source)


_OF_GRANT = (
    grants.c.number,
    grants.c.source,
    grants.c.available,
    grants.c.held,
    grants.c.marked,
    grants.c.born_at,
    grants.c.expires_at,
    grants.c.purchase_id,
    grants.c.origin_account_id,
    grants.c.origin_number,
    purchases.c.is_disputed.label("is_contested"),
)
_ONE_GRANT = (
    sa.select(*_OF_GRANT, sa.null().label("of_hold"))
    .select_from(grants.outerjoin(purchases, purchases.c.id == grants.c.purchase_id))
    .where(grants.c.account_id == sa.bindparam("id"), grants.c.number == sa.bindparam("number"))
)
_LOAD = Hot(_load_statement(with_hold=False))
_LOAD_WITH_HOLD = Hot(_load_statement(with_hold=True))

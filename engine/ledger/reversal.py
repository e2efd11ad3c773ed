"""Refunds and disputes: how much of a purchase must go back, wherever its credits are by now.

A purchase's credits are in the grants that carry its id: the buyer's, and those made from them by gifts and linking.
At every instant: target = revoked of them + marked of what is held + owed + forgiven. `converge` moves the target.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.credits import Bucket, burn_order
from engine.database import Work
from engine.errors import NotFound
from engine.ledger.chain import Transfer
from engine.ledger.dues import SYSTEM, pay_debts
from engine.ledger.moving import forward
from engine.ledger.opening import load, load_grant, lock
from engine.ledger.wallet import Grant, Wallet, at_one_time, mark, post
from engine.ledger.write import write
from engine.tables import accounts, debts, grants, purchases, transactions, transfers


@dataclass
class _Case:
    """One purchase under its lock, its debt, and the open wallets of every account that its credits reached."""

    id: str
    buyer: int
    target: int
    forgiven: int
    reversals: int
    owed: int
    paid: int
    payments: int
    wallets: dict[int, Wallet]
    moves: dict[int, list[Transfer]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"reversal:{self.id}:{self.reversals}"

    def move(self, account_id: int, transfer: Transfer) -> None:
        self.moves.setdefault(account_id, []).append(transfer)

    def grants(self) -> list[tuple[Wallet, Grant]]:
        """The live grants of this purchase: the buyer's first, then where it was given, each in burn order."""
        order = sorted(self.wallets.values(), key=lambda wallet: (wallet.id != self.buyer, wallet.id))
        return [
            (wallet, grant)
            for wallet in order
            for grant in sorted(wallet.grants.values(), key=burn_order)
            if grant.purchase_id == self.id
        ]


def converge(work: Work, purchase_id: str, target: int, is_disputed: bool) -> None:
    """Bring a purchase to what its payment says: `target` hundredths of it must be back, and whether it is disputed.

    Upwards, what is available is revoked, what is held is marked, what is spent becomes the buyer's debt, and what had
    lapsed is forgiven. Downwards, in turn: unpaid debt, what other grants paid, marks, what was revoked. The same state
    twice changes nothing. Raises NotFound.
    """
    row = work.execute(_LOCK_PURCHASE, {"id": purchase_id}).one_or_none()
    if row is None:
        raise NotFound("purchase", purchase_id)
    if (row.target, row.is_disputed) == (target, is_disputed):
        return
    case = _open_case(work, row)
    if target > case.target:
        _take(work, case, target - case.target)
    elif target < case.target:
        _give_back(work, case, case.target - target)
    case.reversals += 1
    _post_moves(case, target, is_disputed)
    _store(work, case, target, is_disputed)
    _finish(work, case, purchase_id, is_disputed)


def _open_case(work: Work, row: Any) -> _Case:
    ids = _accounts_of(work, row)
    while True:
        rows = lock(work, *ids)
        again = _accounts_of(work, row)
        if again <= ids:
            break
        ids |= again
    debt = work.execute(_DEBT, {"id": row.id}).one_or_none()
    owed, paid, payments = (debt.owed, debt.paid, debt.payments) if debt else (0, 0, 0)
    buyer = work.execute(_BUYER, {"id": row.id}).scalar_one()
    wallets = {account_id: load(work, rows[account_id]) for account_id in sorted(ids)}
    at_one_time(*wallets.values())
    return _Case(row.id, buyer, row.target, row.forgiven, row.reversals, owed, paid, payments, wallets)


def _accounts_of(work: Work, row: Any) -> set[int]:
    """Every account that has credits of this purchase, the buyer's, those joined into it, and where those go on to."""
    rows = work.execute(_REACHED, {"id": row.id}).scalars()
    return set(rows)


def _take(work: Work, case: _Case, amount: int) -> None:
    for wallet, grant in case.grants():
        part = min(grant.available, amount)
        if part:
            case.move(wallet.id, Transfer(grant.number, Bucket.AVAILABLE, Bucket.REVOKED, part))
            amount -= part
    for _, grant in case.grants():
        part = min(grant.held - grant.marked, amount)
        if part:
            mark(grant, part)
            amount -= part
    forgiven = min(amount, _gone(work, case.id) - case.forgiven)
    case.forgiven += forgiven
    case.owed += amount - forgiven


def _give_back(work: Work, case: _Case, amount: int) -> None:
    unpaid = min(case.owed - case.paid, amount)
    case.owed -= unpaid
    amount -= unpaid
    amount -= _unpay(work, case, amount)
    for _, grant in case.grants():
        part = min(grant.marked, amount)
        if part:
            mark(grant, -part)
            amount -= part
    amount -= _unrevoke(work, case, amount)
    case.forgiven -= amount


def _unpay(work: Work, case: _Case, amount: int) -> int:
    """Give back what other grants paid of the debt, the latest first; returns how much of `amount` that was."""
    returned = 0
    for row in _net_revoked(work, _of_debt(case.id), case.wallets):
        part = min(row.net, amount - returned)
        if part > 0:
            wallet = case.wallets[row.account_id]
            load_grant(work, wallet, row.grant_number)
            case.payments += 1
            move = Transfer(row.grant_number, Bucket.REVOKED, Bucket.AVAILABLE, part)
            key = f"debt:{case.id}:{case.payments}"
            post(wallet, "debt", key, ("undebt", case.id, part), [move], actor=SYSTEM)
            returned += part
    case.owed -= returned
    case.paid -= returned
    return returned


def _unrevoke(work: Work, case: _Case, amount: int) -> int:
    """Give back what was revoked of the purchase's own grants; returns how much of `amount` that was."""
    returned = 0
    for row in _net_revoked(work, _of_reversal(case.id), case.wallets):
        part = min(row.net, amount - returned)
        if part > 0:
            load_grant(work, case.wallets[row.account_id], row.grant_number)
            case.move(row.account_id, Transfer(row.grant_number, Bucket.REVOKED, Bucket.AVAILABLE, part))
            returned += part
    return returned


def _post_moves(case: _Case, target: int, is_disputed: bool) -> None:
    """One transaction on each chain that loses or gets something, and always one on the buyer's: it says what the
    payment said, also when there is nothing to take, so that a debt never appears without a line."""
    asked = ("reversal", case.id, target, case.forgiven, is_disputed)
    for account_id in sorted({case.buyer, *case.moves}):
        post(case.wallets[account_id], "reversal", case.key, asked, case.moves.get(account_id, ()), actor=SYSTEM)


def _store(work: Work, case: _Case, target: int, is_disputed: bool) -> None:
    values = {
        "target": target,
        "forgiven": case.forgiven,
        "reversals": case.reversals,
        "is_disputed": is_disputed,
    }
    work.execute(sa.update(purchases).where(purchases.c.id == case.id).values(values))
    debt = {"owed": case.owed, "paid": case.paid, "payments": case.payments}
    if not work.execute(sa.update(debts).where(debts.c.purchase_id == case.id).values(debt)).rowcount:
        work.execute(sa.insert(debts).values(purchase_id=case.id, account_id=case.buyer, **debt))


def _finish(work: Work, case: _Case, purchase_id: str, is_disputed: bool) -> None:
    """Pay what can be paid at once, send on what came back to closed accounts, and store every wallet."""
    for _, grant in case.grants():
        grant.is_contested = is_disputed
    buyer = case.wallets[case.buyer]
    buyer.is_disputed = work.execute(_IS_DISPUTED, {"id": case.buyer}).scalar_one()
    for wallet in case.wallets.values():
        if wallet.account.merged_into is not None:
            forward(wallet, _survivor(case, wallet))
    for wallet in case.wallets.values():
        wallet.is_in_debt = bool(work.execute(_IS_IN_DEBT, {"id": wallet.id}).scalar_one())
        pay_debts(work, wallet)
        if wallet.unwritten or any(grant.changes for grant in wallet.grants.values()):
            write(work, wallet)


def _survivor(case: _Case, wallet: Wallet) -> Wallet:
    while wallet.account.merged_into is not None:
        wallet = case.wallets[wallet.account.merged_into]
    return wallet


def _gone(work: Work, purchase_id: str) -> int:
    """Hundredths of a purchase that had lapsed or that an operator took away: no reason for a debt."""
    lapsed = int(work.execute(_LAPSED, {"id": purchase_id}).scalar_one())
    return lapsed + sum(int(row.net) for row in work.execute(_net(_of_operator(purchase_id))))


def _net_revoked(work: Work, condition: sa.ColumnElement[bool], among: Iterable[int]) -> list[Any]:
    """(account, grant, net revoked) under a condition, the latest first, for the accounts under lock."""
    rows = work.execute(_net(condition).where(transfers.c.account_id.in_(sorted(among)))).all()
    return [row for row in rows if row.net > 0]


def _net(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    sign = sa.case(
        (transfers.c.to_bucket == Bucket.REVOKED.value, transfers.c.amount),
        (transfers.c.from_bucket == Bucket.REVOKED.value, -transfers.c.amount),
        else_=0,
    )
    net = sa.cast(sa.func.sum(sign), sa.BigInteger).label("net")
    return (
        sa.select(transfers.c.account_id, transfers.c.grant_number, net)
        .join(transactions, sa.and_(transactions.c.account_id == transfers.c.account_id,
                                    transactions.c.version == transfers.c.version))
        .join(grants, sa.and_(grants.c.account_id == transfers.c.account_id,
                              grants.c.number == transfers.c.grant_number))
        .where(condition, (transfers.c.from_bucket == "revoked") | (transfers.c.to_bucket == "revoked"))
        .group_by(transfers.c.account_id, transfers.c.grant_number)
        .order_by(
            sa.func.max(transactions.c.at).desc(),
            transfers.c.account_id,
            sa.func.max(transfers.c.version).desc(),
            transfers.c.grant_number,
        )
    )  # fmt: skip


def _of_debt(purchase_id: str) -> sa.ColumnElement[bool]:
    prefix = f"debt:{purchase_id}:"
    return (transactions.c.kind == "debt") & (sa.func.substr(transactions.c.key, 1, len(prefix)) == prefix)


def _of_reversal(purchase_id: str) -> sa.ColumnElement[bool]:
    return (grants.c.purchase_id == purchase_id) & transactions.c.kind.in_(("reversal", "settle"))


def _of_operator(purchase_id: str) -> sa.ColumnElement[bool]:
    return (grants.c.purchase_id == purchase_id) & (transactions.c.kind == "revoke")


def _reached() -> sa.Select[Any]:
    """Accounts of the purchase's grants, its buyer, all that were joined into those, and all those were joined into."""
    purchase: sa.BindParameter[str] = sa.bindparam("id")
    start = sa.union(
        sa.select(grants.c.account_id).where(grants.c.purchase_id == purchase),
        sa.select(purchases.c.account_id).where(purchases.c.id == purchase),
    ).subquery("start")
    onward = sa.select(start.c.account_id.label("id")).cte("onward", recursive=True)
    onward = onward.union(
        sa.select(accounts.c.merged_into)
        .join(onward, accounts.c.id == onward.c.id)
        .where(accounts.c.merged_into.is_not(None))
    )
    joined = sa.select(purchases.c.account_id.label("id")).where(purchases.c.id == purchase)
    before = joined.cte("before", recursive=True)
    before = before.union(sa.select(accounts.c.id).join(before, accounts.c.merged_into == before.c.id))
    return sa.union(sa.select(onward.c.id), sa.select(before.c.id))  # type: ignore[return-value]


_LOCK_PURCHASE = sa.select(purchases).where(purchases.c.id == sa.bindparam("id")).with_for_update(key_share=True)
_BUYER = sa.select(purchases.c.account_id).where(purchases.c.id == sa.bindparam("id"))
_DEBT = sa.select(debts).where(debts.c.purchase_id == sa.bindparam("id"))
_REACHED = _reached()
_LAPSED = sa.select(sa.func.coalesce(sa.func.sum(grants.c.lapsed), 0)).where(grants.c.purchase_id == sa.bindparam("id"))
_IS_DISPUTED = sa.select(sa.exists().where(purchases.c.account_id == sa.bindparam("id"), purchases.c.is_disputed))
_IS_IN_DEBT = sa.select(sa.exists().where(debts.c.account_id == sa.bindparam("id"), debts.c.owed > debts.c.paid))

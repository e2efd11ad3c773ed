"""What time and debts have brought since an account was last open: lapsed grants, the day's allowance, paid debts.

Nothing runs at midnight. Whoever opens an account sees what is due, and the next write stores it along.
"""

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from engine.credits import ONCE_A_PERSON, Bucket, Credits, Source, burn_order, split
from engine.database import Work
from engine.ledger.chain import Transfer
from engine.ledger.wallet import Grant, Wallet, issue, post
from engine.tables import debts

SYSTEM = "system"


def catch_up(work: Work, wallet: Wallet) -> None:
    """Post everything that is due in this account; stored by the next `write`, or forgotten with the wallet."""
    lapse_expired(wallet)
    top_up(wallet, work.settings.daily_credits)
    pay_debts(work, wallet)


def lapse_expired(wallet: Wallet) -> None:
    """Credits whose time is over leave `available`."""
    moves = [
        Transfer(grant.number, Bucket.AVAILABLE, Bucket.LAPSED, grant.available)
        for grant in wallet.grants.values()
        if grant.available > 0 and wallet.has_expired(grant)
    ]
    if moves:
        post(wallet, "lapse", f"lapse:{wallet.account.version + 1}", ("lapse",), moves, actor=SYSTEM)


def top_up(wallet: Wallet, limit: Credits) -> None:
    """Bring what a member was given today up to the limit: once a day, and the difference when the limit rose since."""
    account, today = wallet.account, wallet.now.date()
    if account.standing != "member" or account.merged_into is not None or is_ahead(account.allowance_day, today):
        return
    given = issued_today(wallet)
    if given >= limit:
        return
    key = f"daily:{today}" if not given else f"daily:{today}:{given}"
    grant = issue(wallet, Source.DAILY, expires_at=midnight_after(wallet.now))
    fill = Transfer(grant.number, Bucket.ISSUED, Bucket.AVAILABLE, limit - given)
    post(wallet, "daily", key, ("daily", str(today), limit), [fill], actor=SYSTEM)
    account.allowance_day, account.allowance_issued = today, limit


def pay_debts(work: Work, wallet: Wallet) -> None:
    """Pay open debts with what may pay them: everything but daily and welcome credits and contested purchases."""
    if not wallet.is_in_debt:
        return
    owing = work.execute(_OWING, {"id": wallet.id}).all()
    for debt in owing:
        payers = sorted((grant for grant in wallet.grants.values() if _may_pay(wallet, grant)), key=burn_order)
        parts = split(((grant.number, grant.available) for grant in payers), debt.owed - debt.paid)
        paid = sum(part for _, part in parts)
        if paid:
            moves = [Transfer(number, Bucket.AVAILABLE, Bucket.REVOKED, part) for number, part in parts]
            key = f"debt:{debt.purchase_id}:{debt.payments + 1}"
            post(wallet, "debt", key, ("debt", debt.purchase_id, paid), moves, actor=SYSTEM)
            wallet.also.append((_PAY, {"purchase": debt.purchase_id, "sum": paid}))
        if paid < debt.owed - debt.paid:
            return
    wallet.is_in_debt = False


def issued_today(wallet: Wallet) -> int:
    """Hundredths of daily allowance this person was given on the wallet's day, spent or not."""
    return wallet.account.allowance_issued if wallet.account.allowance_day == wallet.now.date() else 0


def midnight_after(moment: datetime) -> datetime:
    """The end of the moment's UTC day."""
    return datetime.combine(moment.date() + timedelta(days=1), time(), UTC)


def is_ahead(day: date | None, today: date) -> bool:
    """The day's allowance is of a later day: the database's clock was set back, and nothing is given twice."""
    return day is not None and day > today


def _may_pay(wallet: Wallet, grant: Grant) -> bool:
    return (
        grant.available > 0
        and grant.source not in ONCE_A_PERSON
        and not grant.is_contested
        and not wallet.has_expired(grant)
    )


_OWING = (
    sa.select(debts.c.purchase_id, debts.c.owed, debts.c.paid, debts.c.payments)
    .where(debts.c.account_id == sa.bindparam("id"), debts.c.owed > debts.c.paid)
    .order_by(debts.c.purchase_id)
)
_PAY = (
    sa.update(debts)
    .where(debts.c.purchase_id == sa.bindparam("purchase"))
    .values(paid=debts.c.paid + sa.bindparam("sum"), payments=debts.c.payments + 1)
)

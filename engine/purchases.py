"""Payment facts into credits: paid, refunded, disputed, won back. What money said, the ledger follows."""

from datetime import datetime

import sqlalchemy as sa

from engine import accounts, ledger
from engine.credits import Credits, Source
from engine.database import Work
from engine.errors import KeyReused, NotFound
from engine.tables import purchases


def paid(
    work: Work, purchase_id: str, account_id: int, credits: Credits, *, expires_at: datetime | None = None
) -> None:
    """A purchase was paid: its credits are there, once, on whatever account survives. A guest becomes a member.

    Credits with an end are a subscription's. Raises KeyReused when the same purchase comes with other content.
    """
    account, survivor = ledger.lock_with_survivor(work, account_id)
    owner = accounts.make_member(work, (survivor or account).id).id
    known = work.execute(sa.select(purchases).where(purchases.c.id == purchase_id)).one_or_none()
    if known is not None:
        if (known.credits, known.account_id) != (credits, owner):
            raise KeyReused(f"purchase {purchase_id} came before with other content")
        return
    values = {"id": purchase_id, "account_id": owner, "credits": credits, "created_at": work.now()}
    work.execute(sa.insert(purchases).values(values))
    source = Source.SUBSCRIPTION if expires_at else Source.PURCHASE
    ledger.grant(
        work, owner, source, credits, f"purchase:{purchase_id}", expires_at=expires_at, purchase_id=purchase_id
    )


def refunded(work: Work, purchase_id: str, total: Credits) -> None:
    """In all, `total` hundredths of the purchase were refunded so far; an older, smaller total changes nothing.

    Raises NotFound.
    """
    row = _get(work, purchase_id)
    ledger.converge(work, purchase_id, max(row.target, min(total, row.credits)), row.is_disputed)


def disputed(work: Work, purchase_id: str) -> None:
    """The bank asks: until it is decided, bought credits of the buyer and all credits of this purchase don't spend."""
    ledger.converge(work, purchase_id, _get(work, purchase_id).target, True)


def decided(work: Work, purchase_id: str, total: Credits) -> None:
    """No dispute is open any more. `total` hundredths are gone for good: all of them when lost, as before when won.

    Like `disputed`, this is for who has asked the payment itself: its present state counts, not an old event's.
    """
    ledger.converge(work, purchase_id, min(total, _get(work, purchase_id).credits), False)


def _get(work: Work, purchase_id: str) -> sa.Row[tuple[int, int, bool]]:
    columns = (purchases.c.credits, purchases.c.target, purchases.c.is_disputed)
    row = work.execute(
        sa.select(*columns).where(purchases.c.id == purchase_id).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise NotFound("purchase", purchase_id)
    return row

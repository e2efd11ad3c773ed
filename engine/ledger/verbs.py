"""The verbs of one account: grant, hold, settle (capture and release), revoke, lapse.

Each locks the account, reads it, checks its business key, and stores everything in one write. The same key with the
same content returns the first result; with other content it raises KeyReused.
"""

from collections import Counter
from datetime import datetime

import sqlalchemy as sa

from engine.credits import BOUGHT, Bucket, Credits, Source, burn_order, positive, split
from engine.database import Work
from engine.errors import InsufficientCredits, NoSuchHold, NotAMember, NotBelowZero
from engine.ledger.chain import Transfer
from engine.ledger.dues import SYSTEM, catch_up, lapse_expired, midnight_after, pay_debts
from engine.ledger.moving import forward, lock_with_survivor
from engine.ledger.opening import load, open, replay
from engine.ledger.wallet import Grant, Note, Receipt, Wallet, issue, mark, post
from engine.ledger.write import write
from engine.tables import debts


def grant(
    work: Work,
    account_id: int,
    source: Source,
    amount: Credits,
    key: str,
    *,
    actor: str = SYSTEM,
    expires_at: datetime | None = None,
    purchase_id: str | None = None,
    note: Note | None = None,
) -> Receipt:
    """Credits from outside into an account; open debts are paid first. `amount` in hundredths, above zero.

    Raises NotAMember for guests, who own no credits.
    """
    wallet = open(work, account_id, key)
    expiry = expires_at.isoformat() if expires_at else None
    asked = ("grant", source.value, positive(amount), expiry, purchase_id)
    if earlier := replay(work, wallet, *asked):
        return earlier
    if wallet.account.is_guest:
        raise NotAMember(wallet.id)
    lapse_expired(wallet)
    fresh = issue(wallet, source, expires_at=expires_at, purchase_id=purchase_id)
    fill = Transfer(fresh.number, Bucket.ISSUED, Bucket.AVAILABLE, amount)
    receipt = post(wallet, "grant", key, asked, [fill], actor=actor, note=note)
    pay_debts(work, wallet)
    write(work, wallet)
    return receipt


def hold(work: Work, account_id: int, generation_id: int, amount: Credits, *, actor: str = SYSTEM) -> Receipt:
    """Reserve credits for a generation, in burn order. Raises InsufficientCredits, AccountClosed, Busy."""
    key = f"hold:{generation_id}"
    wallet = open(work, account_id, key)
    asked = ("hold", generation_id, positive(amount))
    if earlier := replay(work, wallet, *asked):
        return earlier
    catch_up(work, wallet)
    return hold_in(work, wallet, generation_id, amount, actor=actor)


def hold_in(
    work: Work,
    wallet: Wallet,
    generation_id: int,
    amount: Credits,
    *,
    actor: str = SYSTEM,
    spare_bought: bool = False,
) -> Receipt:
    """`hold` in an open wallet that has caught up, for a generation that is new; free credits only when bought ones
    are to be spared."""
    burnable = [grant for grant in wallet.burnable() if not (spare_bought and grant.source in BOUGHT)]
    spendable = sum(grant.available for grant in burnable)
    if spendable < amount:
        raise insufficient(work, wallet, amount)
    parts = split(((grant.number, grant.available) for grant in burnable), amount)
    moves = [Transfer(number, Bucket.AVAILABLE, Bucket.HELD, part) for number, part in parts]
    asked = ("hold", generation_id, amount)
    receipt = post(wallet, "hold", f"hold:{generation_id}", asked, moves, actor=actor)
    write(work, wallet)
    return receipt


def insufficient(work: Work, wallet: Wallet, needed: Credits) -> InsufficientCredits:
    """The refusal with its facts: what is there, what is frozen and why, and when the day tops up again."""
    limit = work.settings.daily_credits
    tops_up = wallet.account.standing == "member" and limit > 0
    daily = (grant.available for grant in wallet.burnable() if grant.source is Source.DAILY)
    return InsufficientCredits(
        needed=needed,
        available=wallet.spendable,
        frozen=wallet.frozen,
        is_in_debt=wallet.is_in_debt,
        is_disputed=wallet.is_disputed,
        tops_up_at=midnight_after(wallet.now) if tops_up else None,
        tops_up_to=limit if tops_up else Credits(0),
        daily_left=Credits(sum(daily)),
    )


def settle(work: Work, account_id: int, generation_id: int, captured: Credits, *, actor: str = SYSTEM) -> Receipt:
    """End a hold for good: `captured` hundredths are spent, the rest goes back to the very grants it came from.

    One settle a generation: UNIQUE(account, key) forbids a second. Works on closed accounts; what is released there
    moves on to the surviving account. Raises NoSuchHold when there is none or it is smaller than `captured`.
    """
    account, survivor = lock_with_survivor(work, account_id)
    key = f"settle:{generation_id}"
    wallet = load(work, account, key, hold_key=f"hold:{generation_id}")
    asked = ("settle", generation_id, captured)
    if earlier := replay(work, wallet, *asked):
        return earlier
    held = sorted((grant for grant in wallet.grants.values() if grant.of_hold), key=burn_order)
    if not 0 <= captured <= sum(grant.of_hold for grant in held) or not held:
        raise NoSuchHold(f"account {account_id} holds no {captured} for generation {generation_id}")
    moves = _settle_moves(wallet, held, captured)
    receipt = post(wallet, "settle", key, asked, moves, actor=actor)
    if survivor is not None:
        into = load(work, survivor)
        forward(wallet, into)
        write(work, wallet)
        write(work, into)
    else:
        write(work, wallet)
    return receipt


def _settle_moves(wallet: Wallet, held: list[Grant], captured: int) -> list[Transfer]:
    """Capture in burn order, release the rest. Marked credits go back to the payer's bank, not to the user: what is
    released of them is revoked, what is captured of them becomes a debt of their purchase."""
    taken = dict(split(((grant.number, grant.of_hold) for grant in held), captured))
    moves, debts_of = [], Counter[str]()
    for grant in held:
        spent = taken.get(grant.number, 0)
        released = grant.of_hold - spent
        revoked = min(grant.marked, released)
        owed = min(grant.marked - revoked, spent)
        if revoked or owed:
            mark(grant, -(revoked + owed))
        if owed and grant.purchase_id is not None:
            debts_of[grant.purchase_id] += owed
        for bucket, amount in (
            (Bucket.SPENT, spent),
            (Bucket.REVOKED, revoked),
            (Bucket.AVAILABLE, released - revoked),
        ):
            if amount:
                moves.append(Transfer(grant.number, Bucket.HELD, bucket, amount))
    # In order of their ids, as whoever pays debts takes them.
    wallet.also += [(_OWE, {"purchase": purchase, "sum": owed}) for purchase, owed in sorted(debts_of.items())]
    return moves


def revoke(work: Work, account_id: int, amount: Credits, key: str, *, actor: str, note: Note) -> Receipt:
    """Take spendable credits away for a reason, in burn order. Raises NotBelowZero when there are fewer."""
    wallet = open(work, account_id, key)
    asked = ("revoke", positive(amount))
    if earlier := replay(work, wallet, *asked):
        return earlier
    catch_up(work, wallet)
    burnable = wallet.burnable()
    if wallet.spendable < amount:
        raise NotBelowZero(amount, wallet.spendable)
    parts = split(((grant.number, grant.available) for grant in burnable), amount)
    moves = [Transfer(number, Bucket.AVAILABLE, Bucket.REVOKED, part) for number, part in parts]
    receipt = post(wallet, "revoke", key, asked, moves, actor=actor, note=note)
    write(work, wallet)
    return receipt


def lapse(work: Work, account_id: int) -> Wallet:
    """Store whatever is due in an account now, and return it open."""
    wallet = open(work, account_id)
    catch_up(work, wallet)
    if wallet.unwritten:
        write(work, wallet)
    return wallet


_OWE = (
    sa.update(debts)
    .where(debts.c.purchase_id == sa.bindparam("purchase"))
    .values(owed=debts.c.owed + sa.bindparam("sum"))
)

"""Credits between accounts: gifts and pools, and the joining of two accounts of one person."""

from collections.abc import Iterable

import sqlalchemy as sa

from engine.credits import BOUGHT, ONCE_A_PERSON, Bucket, Credits, Source, burn_order, positive, split
from engine.database import LockOrder, Work
from engine.errors import NotAMember, NotGivable, NotLinkable
from engine.ledger.chain import Transfer
from engine.ledger.dues import SYSTEM, catch_up, issued_today, lapse_expired, pay_debts
from engine.ledger.opening import load, lock, open_account, replay
from engine.ledger.wallet import Account, Grant, Receipt, Wallet, at_one_time, issue, mark, post
from engine.ledger.write import write
from engine.tables import accounts, bans, debts, feedback, generations, identities, personal_keys, purchases


def give(work: Work, giver_id: int, receiver_id: int, amount: Credits, key: str, *, actor: str = SYSTEM) -> Receipt:
    """Move bought credits to another person's account or to a pool; each new grant knows the one it came from.

    `key` is the giver's own: two givers may use the same one.
    Raises NotGivable (too few bought credits, or a debt or dispute is open), NotAMember when the receiver is a guest.
    """
    if giver_id == receiver_id:
        raise NotGivable(amount, Credits(0), is_frozen=False)
    key = f"give:{giver_id}:{key}"
    rows = lock(work, giver_id, receiver_id)
    giver = load(work, open_account(rows[giver_id]), key)
    asked = ("give", receiver_id, positive(amount))
    if earlier := replay(work, giver, *asked):
        return earlier
    receiver = load(work, open_account(rows[receiver_id]), key)
    if receiver.account.is_guest:
        raise NotAMember(receiver_id)
    at_one_time(giver, receiver)
    catch_up(work, giver)
    givable = [grant for grant in giver.burnable() if grant.source in BOUGHT]
    there = Credits(sum(grant.available for grant in givable))
    if there < amount:
        raise NotGivable(amount, there, is_frozen=giver.frozen > 0)
    parts = split(((grant.number, grant.available) for grant in givable), amount)
    receipt = _carry(giver, receiver, parts, key, asked, ("receive", giver_id, amount), actor, as_source=Source.GIFT)
    pay_debts(work, receiver)
    write(work, giver)
    write(work, receiver)
    return receipt


def link(work: Work, closing_id: int, surviving_id: int, key: str, *, actor: str = SYSTEM) -> Receipt:
    """Join two accounts of one person: everything of the closing one goes over; what a person gets once counts once.

    What is held stays on the old chain until it is settled there. Raises NotLinkable for pools and the same account.
    """
    if closing_id == surviving_id:
        raise NotLinkable(closing_id, surviving_id)
    key = f"link:{closing_id}:{key}"
    # A refund locks its purchase, then accounts: whoever changes purchases takes them first as well.
    first = work.execute(_LOCK_PURCHASES, {"id": closing_id}).all()
    rows = lock(work, closing_id, surviving_id)
    if work.execute(_LOCK_PURCHASES, {"id": closing_id}).all() != first:
        raise LockOrder(frozenset((closing_id, surviving_id)))  # one came in between: start again with it locked first
    closing, asked = load(work, rows[closing_id], key), ("link", surviving_id)
    if earlier := replay(work, closing, *asked):
        return earlier
    open_account(closing.account)
    surviving = load(work, open_account(rows[surviving_id]))
    if "pool" in (closing.account.standing, surviving.account.standing):
        raise NotLinkable(closing_id, surviving_id)
    at_one_time(closing, surviving)
    lapse_expired(closing)
    lapse_expired(surviving)
    if closing.account.standing == "member":
        surviving.account.standing = "member"
    receipt = _carry(closing, surviving, _all_of(closing), key, asked, ("join", closing_id), actor)
    _count_once(closing, surviving)
    _hand_over(work, closing, surviving)
    pay_debts(work, surviving)
    closing.account.merged_into = surviving_id
    write(work, closing)
    write(work, surviving)
    return receipt


def forward(closed: Wallet, survivor: Wallet) -> None:
    """Move what is available in a closed account on to the surviving one."""
    parts = _all_of(closed)
    if parts:
        key = f"move:{closed.id}:{closed.account.version + 1}"
        _carry(closed, survivor, parts, key, ("move", survivor.id), ("receive", closed.id), SYSTEM)


def lock_with_survivor(work: Work, account_id: int) -> tuple[Account, Account | None]:
    """Lock an account and, when it was joined into another one, the account that survives at the end of that line."""
    account = lock(work, account_id)[account_id]
    survivor = account
    while survivor.merged_into is not None:
        survivor = lock(work, account_id, survivor.merged_into)[survivor.merged_into]
    return account, survivor if survivor is not account else None


def _all_of(wallet: Wallet) -> list[tuple[int, int]]:
    grants = sorted(wallet.grants.values(), key=burn_order)
    return [(grant.number, grant.available) for grant in grants if grant.available > 0]


def _carry(
    here: Wallet,
    there: Wallet,
    parts: Iterable[tuple[int, int]],
    key: str,
    asked_here: tuple[object, ...],
    asked_there: tuple[object, ...],
    actor: str,
    as_source: Source | None = None,
) -> Receipt:
    """One transaction on each chain, each with the other's digest; every part becomes a grant with `origin` there."""
    parts = list(parts)
    before = there.account.head
    moves = [Transfer(number, Bucket.AVAILABLE, Bucket.MOVED, part) for number, part in parts]
    kind = str(asked_here[0])
    receipt = post(here, kind, key, asked_here, moves, actor=actor, peer=before)
    arrivals = [(_arrival(here, there, here.grants[number], as_source), part) for number, part in parts]
    fills = [Transfer(grant.number, Bucket.ISSUED, Bucket.AVAILABLE, part) for grant, part in arrivals]
    post(there, str(asked_there[0]), key, asked_there, fills, actor=actor, peer=here.account.head)
    return receipt


def _arrival(here: Wallet, there: Wallet, grant: Grant, as_source: Source | None) -> Grant:
    """The grant that receives: one for each origin while it lives: a thousand small gifts are no thousand."""
    origin, source = (here.id, grant.number), as_source or grant.source
    for known in there.grants.values():
        if known.origin == origin and known.source is source:
            return known
    return issue(
        there,
        source,
        born_at=None if as_source else grant.born_at,
        expires_at=grant.expires_at,
        purchase_id=grant.purchase_id,
        origin=origin,
        is_contested=grant.is_contested,
    )


def _count_once(closing: Wallet, surviving: Wallet) -> None:
    """A person gets a day's allowance and welcome credits once: what both accounts were given lapses to one share."""
    old, new = closing.account, surviving.account
    twice = {
        Source.DAILY: min(issued_today(closing), issued_today(surviving)),
        Source.WELCOME: min(old.welcome_issued, new.welcome_issued),
    }
    new.welcome_issued = max(old.welcome_issued, new.welcome_issued)
    days = [(day, issued) for day, issued in ((old.allowance_day, old.allowance_issued),
                                             (new.allowance_day, new.allowance_issued)) if day]  # fmt: skip
    if days:
        new.allowance_day, new.allowance_issued = max(days)
    moves = []
    for source in sorted(ONCE_A_PERSON):
        of_source = sorted((grant for grant in surviving.grants.values() if grant.source is source), key=burn_order)
        parts = split(((grant.number, grant.available) for grant in of_source), twice[source])
        moves += [Transfer(number, Bucket.AVAILABLE, Bucket.LAPSED, part) for number, part in parts]
        _mark_held((closing, surviving), source, twice[source] - sum(part for _, part in parts))
    if moves:
        key = f"once:{surviving.account.version + 1}"
        post(surviving, "once", key, ("once", closing.id), moves, actor=SYSTEM)


def _mark_held(wallets: Iterable[Wallet], source: Source, amount: int) -> None:
    """What is held of a share too many is marked: should it be released, it is revoked."""
    for wallet in wallets:
        for grant in sorted(wallet.grants.values(), key=burn_order):
            if grant.source is source and not wallet.has_expired(grant):
                part = min(grant.held - grant.marked, amount)
                mark(grant, part)
                amount -= part


def _hand_over(work: Work, closing: Wallet, surviving: Wallet) -> None:
    """Identities, purchases, debts, pictures, keys, feedback, bans and storage follow the person."""
    for table in (identities, purchases, debts, generations, personal_keys, feedback):
        work.execute(sa.update(table).where(table.c.account_id == closing.id).values(account_id=surviving.id))
    banned_already = sa.select(bans.c.space_id).where(bans.c.account_id == surviving.id)
    work.execute(
        sa.update(bans)
        .where(bans.c.account_id == closing.id, bans.c.space_id.not_in(banned_already))
        .values(account_id=surviving.id)
    )
    work.execute(
        sa.update(accounts)
        .where(accounts.c.id == surviving.id, sa.exists().where(accounts.c.id == closing.id, accounts.c.is_operator))
        .values(is_operator=True)
    )
    surviving.is_in_debt |= closing.is_in_debt
    surviving.is_disputed |= closing.is_disputed
    for name in ("bytes_used", "bytes_held"):
        setattr(surviving.account, name, getattr(surviving.account, name) + getattr(closing.account, name))
        setattr(closing.account, name, 0)


_LOCK_PURCHASES = (
    sa.select(purchases.c.id)
    .where(purchases.c.account_id == sa.bindparam("id"))
    .order_by(purchases.c.id)
    .with_for_update(key_share=True)
)

"""Who an account belongs to: identities, guests, sign-up, pools. Joining two of them is `ledger.link`."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine import ledger
from engine.credits import Bucket, Credits, Source
from engine.database import Work
from engine.errors import AlreadyMember, NotFound
from engine.ledger.chain import GENESIS, Transfer
from engine.ledger.wallet import issue, post
from engine.tables import accounts, consents, identities


def find(work: Work, platform: str, user_id: str) -> int | None:
    """The account behind a platform's user, or None for a stranger."""
    belongs = (identities.c.platform == platform, identities.c.user_id == user_id)
    return work.execute(sa.select(identities.c.account_id).where(*belongs)).scalar_one_or_none()


def find_or_create(work: Work, platform: str, user_id: str) -> int:
    """The account behind a platform's user; a stranger becomes a guest, once, however many ask at the same time."""
    if (known := find(work, platform, user_id)) is not None:
        return known
    try:
        with work.connection.begin_nested():
            account_id = _create(work, "guest")
            work.execute(
                sa.insert(identities).values(
                    platform=platform, user_id=user_id, account_id=account_id, created_at=work.now()
                )
            )
        return account_id
    except IntegrityError:  # somebody else was first between our look and our insert
        known = find(work, platform, user_id)
        if known is None:
            raise
        return known


def create_pool(work: Work) -> int:
    """An account that belongs to a space: no identity, no allowance, spends what is given to it."""
    return _create(work, "pool")


def sign_up(work: Work, account_id: int, terms: str = "") -> ledger.Wallet:
    """A guest becomes a member: welcome credits once a person, and the day's allowance starts.

    Who became a member by paying signs up for the welcome credits, once. `terms` is the version that was accepted, when
    somebody was asked. Raises AlreadyMember.
    """
    wallet = ledger.open(work, account_id)
    if not _may_sign_up(work, wallet.account):
        raise AlreadyMember(account_id)
    wallet.account.standing = "member"
    _welcome(work, wallet)
    ledger.catch_up(work, wallet)
    ledger.write(work, wallet)
    if terms:
        _consent(work, account_id, terms)
    return wallet


def can_sign_up(work: Work, account_id: int) -> bool:
    """Whether signing up would do something: for a guest, and for who became a member by paying."""
    return _may_sign_up(work, ledger.look(work, account_id).account)


def make_member(work: Work, account_id: int) -> ledger.Account:
    """Lock an account that is to own credits; a guest becomes a member first, without the gifts of a sign-up."""
    wallet = ledger.open(work, account_id)
    if wallet.account.is_guest:
        wallet.account.standing = "member"
        ledger.write(work, wallet)
    return wallet.account


def survivor(work: Work, account_id: int) -> int:
    """The account at the end of the line when accounts were joined; the same id when not. Raises NotFound."""
    while True:
        row = work.execute(sa.select(accounts.c.merged_into).where(accounts.c.id == account_id)).one_or_none()
        if row is None:
            raise NotFound("account", str(account_id))
        if row.merged_into is None:
            return account_id
        account_id = row.merged_into


def _may_sign_up(work: Work, account: ledger.Account) -> bool:
    if account.standing == "member":
        return bool(work.settings.welcome_credits and not account.welcome_issued)
    return account.is_guest


def _consent(work: Work, account_id: int, version: str) -> None:
    """Keep what was agreed to and when; who pays before signing up may agree to the same twice."""
    known = (consents.c.account_id == account_id, consents.c.document == "terms", consents.c.version == version)
    if work.execute(sa.select(consents.c.at).where(*known)).first() is None:
        values = {"account_id": account_id, "document": "terms", "version": version, "at": work.now()}
        work.execute(sa.insert(consents).values(values))


def _welcome(work: Work, wallet: ledger.Wallet) -> None:
    amount = Credits(work.settings.welcome_credits - wallet.account.welcome_issued)
    if amount <= 0 or wallet.account.welcome_issued:
        return
    fresh = issue(wallet, Source.WELCOME)
    fill = Transfer(fresh.number, Bucket.ISSUED, Bucket.AVAILABLE, amount)
    post(wallet, "welcome", "welcome:1", ("welcome", amount), [fill], actor="system")
    wallet.account.welcome_issued = amount


def _create(work: Work, standing: str) -> int:
    values = {"standing": standing, "head": GENESIS, "created_at": work.now()}
    return int(work.execute(sa.insert(accounts).values(values).returning(accounts.c.id)).scalar_one())

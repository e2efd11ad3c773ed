"""What operators and space admins do: each with a reason and a row that says who did it."""

import sqlalchemy as sa

from engine import ledger
from engine.credits import Credits, Source, show
from engine.database import Work
from engine.errors import NotFound
from engine.ledger.wallet import Note, jot
from engine.tables import EVERYWHERE, accounts, actions, bans, identities, spaces

OPERATOR = "operator"
"""What the chain says of an operator; the action's row, which can be erased, says who it was."""


def is_operator(work: Work, account_id: int) -> bool:
    """Made one by an operator, or one of the account's identities is named in the settings."""
    made = sa.select(accounts.c.is_operator).where(accounts.c.id == account_id)
    if work.execute(made).scalar_one_or_none():
        return True
    rows = work.execute(
        sa.select(identities.c.platform, identities.c.user_id).where(identities.c.account_id == account_id)
    )
    return any(f"{row.platform}:{row.user_id}" in work.settings.operators for row in rows)


def credit(work: Work, account_id: int, amount: Credits, key: str, *, actor: str, reason: str) -> ledger.Receipt:
    """Give an account credits (hundredths), or take them when `amount` is below zero. The same key acts once.

    Raises NotAMember for guests, NotBelowZero when there is less to take.
    """
    if amount == 0:
        raise ValueError("zero credits change nothing")
    key, note = f"admin:{key}", _note(work, reason)
    if amount > 0:
        receipt = ledger.grant(work, account_id, Source.ADJUSTMENT, amount, key, actor=OPERATOR, note=note)
    else:
        receipt = ledger.revoke(work, account_id, Credits(-amount), key, actor=OPERATOR, note=note)
    if not receipt.is_replay:
        _record(work, actor, "credit", note, account_id=account_id, detail=f"{show(amount)} ({key})")
        work.wake(account_id)
    return receipt


def ban(work: Work, account_id: int, *, actor: str, reason: str, space_id: int = EVERYWHERE) -> bool:
    """Ban an account, everywhere or in one space. Returns False when it was banned there already."""
    ledger.open_account(ledger.lock(work, account_id)[account_id])
    _space(work, space_id)
    here = (bans.c.account_id == account_id, bans.c.space_id == space_id)
    if work.execute(sa.select(bans.c.reason).where(*here)).first():
        return False
    values = {"account_id": account_id, "space_id": space_id, "reason": reason, "at": work.now()}
    work.execute(sa.insert(bans).values(values))
    _record(work, actor, "ban", _note(work, reason), account_id=account_id, space_id=space_id)
    return True


def unban(work: Work, account_id: int, *, actor: str, reason: str, space_id: int = EVERYWHERE) -> bool:
    """Lift a ban. Returns False when there was none."""
    ledger.lock(work, account_id)
    lifted = sa.delete(bans).where(bans.c.account_id == account_id, bans.c.space_id == space_id)
    if not work.execute(lifted).rowcount:
        return False
    _record(work, actor, "unban", _note(work, reason), account_id=account_id, space_id=space_id)
    return True


def maintenance(work: Work, is_on: bool, *, actor: str, reason: str, space_id: int = EVERYWHERE) -> bool:
    """Switch generation off or on again, everywhere or in one space. Returns False when it already was so."""
    _space(work, space_id)
    switch = (
        sa.update(spaces)
        .where(spaces.c.id == space_id, spaces.c.is_under_maintenance == sa.literal(not is_on))
        .values(is_under_maintenance=is_on)
    )
    if not work.execute(switch).rowcount:
        return False
    _record(work, actor, "maintenance on" if is_on else "maintenance off", _note(work, reason), space_id=space_id)
    return True


def make_operator(work: Work, account_id: int, is_one: bool, *, actor: str, reason: str) -> bool:
    """Give or take the rights of an operator. Returns False when nothing changed."""
    ledger.open_account(ledger.lock(work, account_id)[account_id])
    made = (
        sa.update(accounts)
        .where(accounts.c.id == account_id, accounts.c.is_operator == sa.literal(not is_one))
        .values(is_operator=is_one)
    )
    if not work.execute(made).rowcount:
        return False
    _record(work, actor, "operator on" if is_one else "operator off", _note(work, reason), account_id=account_id)
    return True


def _space(work: Work, space_id: int) -> None:
    if not work.execute(sa.select(spaces.c.id).where(spaces.c.id == space_id)).first():
        raise NotFound("space", str(space_id))


def _note(work: Work, reason: str) -> Note:
    if not reason.strip():
        raise ValueError("a reason is needed")
    return jot(work, reason)


def _record(
    work: Work,
    actor: str,
    verb: str,
    note: Note,
    *,
    account_id: int | None = None,
    space_id: int | None = None,
    detail: str = "",
) -> None:
    work.execute(
        sa.insert(actions).values(
            at=work.now(),
            actor=actor,
            verb=verb,
            account_id=account_id,
            space_id=space_id,
            detail=detail,
            note_id=note.id,
        )
    )

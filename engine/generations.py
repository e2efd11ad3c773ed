"""A job's life in the books: requested with a hold or a guest's slot, ended with exactly one settle."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine import accounts, catalog, ledger, policies, spaces, storage
from engine.credits import Credits
from engine.database import Work
from engine.errors import Fault, KeyReused, NoSuchHold, NotFound
from engine.policies.attempt import Attempt
from engine.tables import EVERYWHERE, State, generations

MOST_PICTURES = 10
ENDS = (State.STORED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Ask:
    """A request as a front hands it in. `request_key` is the platform's id of it: same key, same request."""

    account_id: int
    platform: str
    request_key: str
    model_id: str
    pictures: int = 1
    space_id: int = EVERYWHERE
    payer_id: int | None = None


@dataclass(frozen=True)
class Generation:
    """A generation's row; `price` in hundredths for all pictures, bytes of storage, moments in UTC."""

    id: int
    account_id: int
    payer_id: int
    space_id: int
    platform: str
    request_key: str
    model_id: str
    pictures: int
    price: Credits
    is_guest: bool
    bytes_held: int
    bytes_stored: int
    state: State
    created_at: datetime
    ended_at: datetime | None


def request(work: Work, ask: Ask) -> Generation:
    """Start a generation: lock, policies in order, then the row, its hold or slot and its bytes in one commit.

    The same request again returns the same generation. Raises every Refusal of the policies, AccountClosed, KeyReused.
    """
    if not 1 <= ask.pictures <= MOST_PICTURES:
        raise ValueError(f"{ask.pictures} pictures: from 1 to {MOST_PICTURES}")
    payer_id = ask.payer_id or ask.account_id
    rows = ledger.lock(work, ask.account_id, payer_id)
    if earlier := _same_request(work, ask, rows[ask.account_id]):
        return earlier
    asker = ledger.load(work, ledger.open_account(rows[ask.account_id]))
    payer = asker if payer_id == ask.account_id else ledger.load(work, ledger.open_account(rows[payer_id]))
    if spaces.pool(work, ask.space_id) != payer_id and payer is not asker:
        raise NotFound("pool", str(payer_id))
    ledger.catch_up(work, payer)
    model = catalog.model(work, ask.model_id)
    if not model.is_enabled:
        raise NotFound("model", ask.model_id)
    price = Credits(model.price * ask.pictures)
    room = storage.needed(work.settings, model.kind, ask.pictures)
    attempt = Attempt(asker.account, payer, ask.space_id, model, ask.pictures, price, room)
    policies.check(work, attempt)
    generation = _insert(work, ask, attempt)
    asker.account.bytes_held += room
    if generation.price:
        ledger.hold_in(work, payer, generation.id, generation.price, actor=f"account:{ask.account_id}")
    if payer is not asker or not generation.price:
        ledger.write(work, asker)
    return generation


def end(
    work: Work, generation_id: int, state: State, captured: Credits = Credits(0), bytes_stored: int = 0
) -> Generation:
    """End a generation: its one settle, its bytes and its state in one commit. The same end again changes nothing.

    `captured` hundredths are spent (only when stored), the rest is released. Raises NotFound, Fault for another end.
    """
    if state not in ENDS or (state is not State.STORED and (captured or bytes_stored)):
        raise ValueError(f"no such end: {state} with {captured} captured and {bytes_stored} bytes")
    generation = _get_locked(work, generation_id)
    now = work.now()
    if captured > generation.price:
        raise NoSuchHold(f"generation {generation_id} holds {generation.price}, not {captured}")
    if generation.ended_at is not None:
        if generation.state is not state:
            raise Fault(f"generation {generation_id} has ended {generation.state}, not {state}")
        if generation.price:
            ledger.settle(work, generation.payer_id, generation_id, captured)
        return generation
    if generation.price:
        ledger.settle(work, generation.payer_id, generation_id, captured)
    storage.book(work, generation.account_id, generation.bytes_held, bytes_stored)
    ended = {"state": state.value, "ended_at": now, "bytes_held": 0, "bytes_stored": bytes_stored}
    work.execute(sa.update(generations).where(generations.c.id == generation_id).values(ended))
    return get(work, generation_id)


def get(work: Work, generation_id: int) -> Generation:
    """Read one generation. Raises NotFound."""
    row = work.execute(sa.select(generations).where(generations.c.id == generation_id)).one_or_none()
    if row is None:
        raise NotFound("generation", str(generation_id))
    return _generation(row)


def _get_locked(work: Work, generation_id: int) -> Generation:
    """One generation with its owner and its payer locked; linking may change the owner while we wait for the lock."""
    generation = get(work, generation_id)
    while True:
        ledger.lock(work, generation.account_id, generation.payer_id)
        again = get(work, generation_id)
        if again.account_id == generation.account_id:
            return again
        generation = again


def _same_request(work: Work, ask: Ask, asker: ledger.Account) -> Generation | None:
    """The generation this request made before. Somebody else's key, or other content, is an error."""
    same = (generations.c.platform == ask.platform, generations.c.request_key == ask.request_key)
    row = work.execute(sa.select(generations).where(*same)).one_or_none()
    if row is None:
        return None
    is_theirs = row.account_id in (asker.id, accounts.survivor(work, asker.id))
    if not is_theirs or (row.model_id, row.pictures) != (ask.model_id, ask.pictures):
        raise KeyReused(f"{ask.platform} request {ask.request_key} came before with other content")
    return _generation(row)


def _insert(work: Work, ask: Ask, attempt: Attempt) -> Generation:
    values = {
        "account_id": ask.account_id,
        "payer_id": attempt.payer.id,
        "space_id": ask.space_id,
        "platform": ask.platform,
        "request_key": ask.request_key,
        "model_id": ask.model_id,
        "pictures": ask.pictures,
        "price": 0 if attempt.uses_guest_slot else attempt.price,
        "is_guest": attempt.uses_guest_slot,
        "bytes_held": attempt.bytes_needed,
        "state": State.QUEUED.value,
        "created_at": attempt.now,
    }
    try:
        row = work.execute(sa.insert(generations).values(values).returning(generations)).one()
    except IntegrityError as error:  # another account's request with this key came in between
        raise KeyReused(f"{ask.platform} request {ask.request_key} came before from somebody else") from error
    return _generation(row)


def _generation(row: Any) -> Generation:
    return Generation(**{**row._mapping, "state": State(row.state), "price": Credits(row.price)})

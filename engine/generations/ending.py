"""The end of a generation: its one settle, its bytes, its pictures and the duty to tell, in one commit."""

from collections.abc import Sequence

import sqlalchemy as sa

from engine import deliveries, ledger, storage
from engine.credits import Credits
from engine.database import Work
from engine.errors import Fault, NoSuchHold
from engine.generations.row import ENDS, Generation, Kept, get
from engine.ports import Trouble
from engine.tables import State, generations, pictures


def end(
    work: Work,
    generation_id: int,
    state: State,
    captured: Credits = Credits(0),
    bytes_stored: int = 0,
    trouble: Trouble | None = None,
) -> Generation:
    """End a generation: its one settle, its bytes and its state in one commit. The same end again changes nothing.

    `captured` hundredths are spent (only when stored), the rest is released. Raises NotFound, Fault for another end.
    """
    generation = lock_with_owner(work, generation_id)
    return conclude(work, generation, state, captured, bytes_stored, trouble)


def conclude(
    work: Work,
    generation: Generation,
    state: State,
    captured: Credits = Credits(0),
    bytes_stored: int = 0,
    trouble: Trouble | None = None,
    kept: Sequence[Kept] = (),
) -> Generation:
    """`end` for a generation that `lock_with_owner` has returned in this Work; `kept` are its stored pictures."""
    if state not in ENDS or (state is not State.STORED and (captured or bytes_stored)):
        raise ValueError(f"no such end: {state} with {captured} captured and {bytes_stored} bytes")
    if captured > generation.price:
        raise NoSuchHold(f"generation {generation.id} holds {generation.price}, not {captured}")
    if not generation.is_open and generation.state is not state:
        raise Fault(f"generation {generation.id} has ended {generation.state}, not {state}")
    if generation.price:
        ledger.settle(work, generation.payer_id, generation.id, captured)
    if not generation.is_open:
        return generation
    storage.book(work, generation.account_id, generation.bytes_held, bytes_stored)
    for number, picture in enumerate(kept):
        work.execute(sa.insert(pictures).values(generation_id=generation.id, number=number, **vars(picture)))
    _write(work, generation, state, captured, bytes_stored, trouble)
    if generation.address:
        deliveries.add(work, generation.id, generation.platform)
    work.wake(generation.account_id)
    return get(work, generation.id)


def lock_with_owner(work: Work, generation_id: int) -> Generation:
    """One generation with its owner and its payer locked; linking may change the owner while we wait for the lock.

    The row is locked as well: workers and webhooks change it without its owner's lock, and must not be overwritten.
    """
    generation = get(work, generation_id)
    while True:
        ledger.lock(work, generation.account_id, generation.payer_id)
        again = get(work, generation_id, locked=True)
        if again.account_id == generation.account_id:
            return again
        generation = again


def _write(
    work: Work, generation: Generation, state: State, captured: int, bytes_stored: int, trouble: Trouble | None
) -> None:
    now = work.now()
    ended = {
        "state": state.value,
        "trouble": (trouble or Trouble.PROVIDER).value if state is State.FAILED else trouble and trouble.value,
        "charged": captured,
        "bytes_held": 0,
        "bytes_stored": bytes_stored,
        "outputs": None,
        "lease_token": None,
        "lease_until": None,
        "look_at": None,
        "ended_at": now,
        "changed_at": now,
    }
    work.execute(sa.update(generations).where(generations.c.id == generation.id).values(ended))

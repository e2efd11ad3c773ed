"""What the owner of a generation does: request it, and cancel it while nobody has begun."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from engine import accounts, catalog, ledger, policies, preferences, spaces, storage
from engine.credits import Credits
from engine.database import Work
from engine.errors import KeyReused, NotFound, TooLateToCancel
from engine.generations import hints, submissions
from engine.generations.ending import conclude, lock_with_owner
from engine.generations.row import COLUMNS, Generation, mine, read, select
from engine.policies.attempt import Attempt
from engine.tables import EVERYWHERE, Bought, State, generations

MOST_PICTURES = 10
SEEDS = 2**31
FIRST_HINT = 1


@dataclass(frozen=True)
class Ask:
    """A request as a front hands it in. `request_key` is the platform's id of it: same key, same request.

    `shown_price` (hundredths) is what the button said, when there was one; `may_spend_bought` is a yes to the question
    that the account's settings want to be asked. `address`, `locale` and `trace` go with the result.
    """

    account_id: int
    platform: str
    request_key: str
    model_id: str
    prompt: str
    size: str | None = None
    seed: int | None = None
    pictures: int = 1
    space_id: int = EVERYWHERE
    payer_id: int | None = None
    address: str = ""
    locale: str = "en"
    shown_price: Credits | None = None
    may_spend_bought: bool = False
    trace: str = ""


def request(work: Work, ask: Ask) -> Generation:
    """Start a generation: lock, policies in order, then the row, its hold or slot and its bytes in one commit.

    The same request again returns the same generation. Raises every Refusal of the policies, AccountClosed, KeyReused.
    """
    if not 1 <= ask.pictures <= MOST_PICTURES:
        raise ValueError(f"{ask.pictures} pictures: from 1 to {MOST_PICTURES}")
    if ask.seed is not None and not 0 <= ask.seed < SEEDS:
        raise ValueError(f"a seed is from 0 to {SEEDS - 1}")
    payer_id = ask.payer_id or ask.account_id
    rows = ledger.lock(work, ask.account_id, payer_id)
    if earlier := _same_request(work, ask, rows[ask.account_id]):
        return earlier
    asker = ledger.load(work, ledger.open_account(rows[ask.account_id]))
    payer = asker if payer_id == ask.account_id else ledger.load(work, ledger.open_account(rows[payer_id]))
    if spaces.pool(work, ask.space_id) != payer_id and payer is not asker:
        raise NotFound("pool", str(payer_id))
    ledger.catch_up(work, payer)
    attempt = _attempt(work, ask, asker, payer)
    policies.check(work, attempt)
    generation = _insert(work, ask, attempt)
    asker.account.bytes_held += attempt.bytes_needed
    if generation.price:
        spare = not attempt.may_spend_bought
        actor = f"account:{ask.account_id}"
        ledger.hold_in(work, payer, generation.id, generation.price, actor=actor, spare_bought=spare)
    if payer is not asker or not generation.price:
        ledger.write(work, asker)
    hints.push(work, generation.id, generation.state, FIRST_HINT)
    work.wake(ask.account_id)
    return generation


def cancel(work: Work, account_id: int, generation_id: int) -> Generation:
    """End a generation that nobody has begun to draw; its credits go back. Again is harmless.

    Raises NotFound for another's, TooLateToCancel.
    """
    mine(work, account_id, generation_id)
    generation = lock_with_owner(work, generation_id)
    if generation.state is State.CANCELLED:
        return generation
    waits_there = generation.state is State.SUBMITTED and generation.place is not None and generation.began_at is None
    if generation.state is not State.QUEUED and not waits_there:
        raise TooLateToCancel(generation_id, generation.state.value)
    submissions.close(work, generation_id)
    return conclude(work, generation, State.CANCELLED)


def _attempt(work: Work, ask: Ask, asker: ledger.Wallet, payer: ledger.Wallet) -> Attempt:
    model = catalog.model(work, ask.model_id)
    chosen = preferences.get(work, ask.account_id)
    spends_own = payer is asker
    said_yes = chosen.bought is Bought.AUTO or (chosen.bought is Bought.ASK and ask.may_spend_bought)
    return Attempt(
        asker=asker.account,
        payer=payer,
        space_id=ask.space_id,
        model=model,
        prompt=ask.prompt,
        size=ask.size,
        seed=ask.seed,
        pictures=ask.pictures,
        price=Credits(model.price * ask.pictures),
        shown_price=ask.shown_price,
        bytes_needed=storage.needed(work.settings, model.kind, ask.pictures),
        preferences=chosen,
        may_spend_bought=said_yes or not spends_own,
    )


def _same_request(work: Work, ask: Ask, asker: ledger.Account) -> Generation | None:
    """The generation this request made before. Somebody else's key, or other content, is an error."""
    same = (generations.c.platform == ask.platform, generations.c.request_key == ask.request_key)
    row = work.execute(select().where(*same)).one_or_none()
    if row is None:
        return None
    is_theirs = row.account_id in (asker.id, accounts.survivor(work, asker.id))
    content = (ask.model_id, ask.pictures, ask.prompt, ask.size)
    if not is_theirs or (row.model_id, row.pictures, row.prompt, row.size) != content:
        raise KeyReused(f"{ask.platform} request {ask.request_key} came before with other content")
    return read(row)


def _insert(work: Work, ask: Ask, attempt: Attempt) -> Generation:
    values = {
        "account_id": ask.account_id,
        "payer_id": attempt.payer.id,
        "space_id": ask.space_id,
        "platform": ask.platform,
        "request_key": ask.request_key,
        "model_id": ask.model_id,
        "pictures": ask.pictures,
        "prompt": ask.prompt,
        "size": ask.size,
        "seed": ask.seed if ask.seed is not None else secrets.randbelow(SEEDS),
        "price": attempt.due,
        "is_guest": attempt.uses_guest_slot,
        "bytes_held": attempt.bytes_needed,
        "state": State.QUEUED.value,
        "address": ask.address,
        "locale": ask.locale,
        "trace": ask.trace,
        "hint": FIRST_HINT,
        "look_at": attempt.now + hints.wait(FIRST_HINT),
        "deadline_at": attempt.now + timedelta(seconds=work.settings.queue_seconds),
        "created_at": attempt.now,
        "changed_at": attempt.now,
    }
    try:
        row = work.execute(sa.insert(generations).values(values).returning(*COLUMNS)).one()
    except IntegrityError as error:  # another account's request with this key came in between
        raise KeyReused(f"{ask.platform} request {ask.request_key} came before from somebody else") from error
    return read(row)

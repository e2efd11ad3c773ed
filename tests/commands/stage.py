"""The cast of the dialogues on any platform, and the stage directions: what happens between two lines."""

from collections.abc import Callable
from uuid import uuid4

import sqlalchemy as sa

from engine import accounts, administration, generations, history, purchases
from engine.credits import Credits, parse
from engine.database import Database
from engine.generations import Kept, steps, watching
from engine.generations.arriving import arrive
from engine.ports import Done, Output, Taken, Trouble
from engine.tables import accounts as account_rows
from engine.tables import models
from tests.conftest import later

PICTURE = Kept("generations/1/0.jpg", "generations/1/0-small.jpg", "image/jpeg", 1024, 768, 1_200_000)


def enter(database: Database, platform: str, who: str) -> None:
    """Nora is nobody yet, Gus a guest, Alice a member with 55 credits, Bob one who has spent everything, Carol one with
    a single welcome credit, Eve one who bought ten and has nothing else. Their user ids are their names."""
    if who == "nora":
        return
    account_id = database.run(lambda work: accounts.find_or_create(work, platform, who))
    if who == "gus":
        return
    database.run(lambda work: accounts.sign_up(work, account_id))
    keeps = {"alice": None, "bob": 0, "carol": 100, "eve": 0}[who]
    if keeps is not None:
        _take_all_but(database, account_id, keeps)
    if who == "eve":
        database.run(lambda work: purchases.paid(work, uuid4().hex, account_id, parse(10)))


def direct(database: Database, platform: str, who: str, direction: str) -> None:
    """Let happen what the direction says, to this person's newest generation where it is about one."""
    name, _, value = direction.strip("()").partition(": ")
    DIRECTIONS[name](database, platform, who, value)


def newest(database: Database, platform: str, who: str) -> tuple[int, int | None]:
    """The person's account, and the newest generation in it."""
    with database.read() as work:
        account_id = accounts.find(work, platform, who)
        assert account_id is not None
        latest = generations.latest(work, account_id, limit=1)
        return account_id, latest[0].id if latest else None


def _submit(database: Database, generation_id: int) -> str:
    """The provider takes it, unless it has already."""
    with database.read() as work:
        known = generations.get(work, generation_id).request_id
    if known:
        return known
    request_id = f"request-{generation_id}"
    held = database.run(lambda work: steps.lease(work, generation_id))
    assert held is not None
    assert database.run(lambda work: steps.begin(work, held))
    assert database.run(lambda work: steps.submitted(work, held, 1, Taken(request_id)))
    return request_id


def _waits_there(database: Database, platform: str, who: str, place: str) -> None:
    _, generation_id = newest(database, platform, who)
    assert generation_id is not None
    request_id = _submit(database, generation_id)
    sight = watching.Sight(generation_id, request_id, int(place), False, steps.FIRST_LOOK)
    database.run(lambda work: watching.saw(work, [sight]))


def _is_drawn(database: Database, platform: str, who: str, _: str) -> None:
    _, generation_id = newest(database, platform, who)
    assert generation_id is not None
    request_id = _submit(database, generation_id)
    sight = watching.Sight(generation_id, request_id, None, True, steps.FIRST_LOOK)
    database.run(lambda work: watching.saw(work, [sight]))


def _is_ready(database: Database, platform: str, who: str, _: str) -> None:
    _, generation_id = newest(database, platform, who)
    assert generation_id is not None
    request_id = _submit(database, generation_id)
    outputs = [Output("https://provider.example/0.jpg")]
    database.run(lambda work: arrive(work, generation_id, 1, request_id, Done(tuple(outputs))))  # it may be so already


def _comes(database: Database, platform: str, who: str, _: str) -> None:
    _, generation_id = newest(database, platform, who)
    assert generation_id is not None
    _is_ready(database, platform, who, "")
    held = database.run(lambda work: steps.lease(work, generation_id))
    assert held is not None
    key = PICTURE.key.replace("/1/", f"/{generation_id}/")
    kept = Kept(key, f"{key}-small", PICTURE.content_type, PICTURE.width, PICTURE.height, PICTURE.bytes)
    assert database.run(lambda work: steps.stored(work, held, [kept]))


def _fails(database: Database, platform: str, who: str, trouble: str) -> None:
    _, generation_id = newest(database, platform, who)
    assert generation_id is not None
    assert database.run(lambda work: steps.fail(work, generation_id, Trouble(trouble)))


def _price_changes(database: Database, platform: str, who: str, value: str) -> None:
    model_id, price = value.split()
    _change_model(database, model_id, price=parse(price))


def _is_switched_off(database: Database, platform: str, who: str, model_id: str) -> None:
    _change_model(database, model_id, is_enabled=False)


def _hours_pass(database: Database, platform: str, who: str, hours: str) -> None:
    later(database, hours=float(hours))


def _maintenance(database: Database, platform: str, who: str, switch: str) -> None:
    is_on = switch == "on"
    database.run(lambda work: administration.maintenance(work, is_on, actor="terminal", reason="a new engine"))


def _is_banned(database: Database, platform: str, who: str, reason: str) -> None:
    account_id, _ = newest(database, platform, who)
    database.run(lambda work: administration.ban(work, account_id, actor="terminal", reason=reason))


def _storage_is_full(database: Database, platform: str, who: str, _: str) -> None:
    account_id, _ = newest(database, platform, who)
    full = sa.update(account_rows).where(account_rows.c.id == account_id).values(bytes_used=199_000_000)
    database.run(lambda work: work.execute(full))


def _spends_all_but(database: Database, platform: str, who: str, rest: str) -> None:
    account_id, _ = newest(database, platform, who)
    _take_all_but(database, account_id, parse(rest))


def _take_all_but(database: Database, account_id: int, rest: int) -> None:
    with database.begin() as work:
        amount = Credits(rest - history.balance(work, account_id).spendable)
        administration.credit(work, account_id, amount, uuid4().hex, actor="terminal", reason="for the story")


def _change_model(database: Database, model_id: str, **values: object) -> None:
    change = sa.update(models).where(models.c.id == model_id).values(**values)
    database.run(lambda work: work.execute(change))


DIRECTIONS: dict[str, Callable[[Database, str, str, str], None]] = {
    "it waits at the model, number": _waits_there,
    "it is being drawn": _is_drawn,
    "it is ready": _is_ready,
    "the picture comes": _comes,
    "it fails": _fails,
    "the price changes": _price_changes,
    "a model is switched off": _is_switched_off,
    "hours pass": _hours_pass,
    "maintenance": _maintenance,
    "banned": _is_banned,
    "the storage is full": _storage_is_full,
    "spends all but": _spends_all_but,
}

"""What a generation is, and how its owner reads it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.credits import Credits
from engine.database import Work
from engine.errors import NotFound
from engine.ports import Output, Trouble
from engine.tables import State, generations, pictures

ENDS = (State.STORED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Generation:
    """A generation's row; `price` and `charged` in hundredths for all pictures, bytes of storage, moments in UTC."""

    id: int
    account_id: int
    payer_id: int
    space_id: int
    platform: str
    request_key: str
    model_id: str
    pictures: int
    prompt: str
    size: str | None
    seed: int
    price: Credits
    charged: Credits
    is_guest: bool
    bytes_held: int
    bytes_stored: int
    state: State
    trouble: Trouble | None
    address: str
    locale: str
    trace: str
    submits: int
    finishes: int
    provider: str | None
    request_id: str | None
    place: int | None
    outputs: tuple[Output, ...]
    lease_token: str | None
    lease_until: datetime | None
    deadline_at: datetime | None
    created_at: datetime
    submitted_at: datetime | None
    began_at: datetime | None
    ended_at: datetime | None
    changed_at: datetime

    @property
    def is_open(self) -> bool:
        """Still running."""
        return self.state not in ENDS


@dataclass(frozen=True)
class Kept:
    """A picture that lies in the media store, as it is to be written down. Bytes of it and its thumbnail together."""

    key: str
    thumbnail_key: str
    content_type: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True)
class StoredPicture(Kept):
    """The same, with whose it is."""

    generation_id: int
    number: int


def get(work: Work, generation_id: int, locked: bool = False) -> Generation:
    """Read one generation, `locked` until the Work ends. Raises NotFound."""
    row = work.execute(_ONE_LOCKED if locked else _ONE, {"id": generation_id}).one_or_none()
    if row is None:
        raise NotFound("generation", str(generation_id))
    return read(row)


def mine(work: Work, account_id: int, generation_id: int) -> Generation:
    """Read one generation of this account. Raises NotFound, also for another's."""
    row = work.execute(
        select().where(generations.c.id == generation_id, generations.c.account_id == account_id)
    ).one_or_none()
    if row is None:
        raise NotFound("generation", str(generation_id))
    return read(row)


def latest(work: Work, account_id: int, limit: int = 20, before: int | None = None) -> list[Generation]:
    """The account's newest generations, newest first; `before` an id goes on from there."""
    earlier = generations.c.id < before if before is not None else sa.true()
    chosen = select().where(generations.c.account_id == account_id, earlier)
    newest = chosen.order_by(generations.c.created_at.desc(), generations.c.id.desc()).limit(limit)
    return [read(row) for row in work.execute(newest)]


def stored_pictures(work: Work, generation_ids: Sequence[int]) -> dict[int, list[StoredPicture]]:
    """The pictures of these generations by generation, in order; those that have none are missing."""
    chosen = sa.select(pictures).where(pictures.c.generation_id.in_(generation_ids))
    found = defaultdict(list)
    for row in work.execute(chosen.order_by(pictures.c.generation_id, pictures.c.number)):
        found[row.generation_id].append(StoredPicture(**row._mapping))
    return dict(found)


def ahead(work: Work, generation: Generation) -> int:
    """How many are in line before this one while it waits for a worker."""
    before = (generations.c.state == State.QUEUED.value, generations.c.id < generation.id)
    return int(work.execute(sa.select(sa.func.count()).where(*before)).scalar_one())


def select() -> sa.Select[Any]:
    """All that `read` needs."""
    return sa.select(*COLUMNS)


def read(row: Any) -> Generation:
    """A row as a Generation."""
    values = dict(row._mapping)
    values["state"], values["price"] = State(row.state), Credits(row.price)
    values["trouble"] = Trouble(row.trouble) if row.trouble else None
    values["outputs"] = tuple(Output(**output) for output in row.outputs or ())
    return Generation(**values)


COLUMNS = tuple(generations.c[field.name] for field in fields(Generation))
# Built once: they run at every step, and building them takes as long as running them.
_ONE = select().where(generations.c.id == sa.bindparam("id"))
_ONE_LOCKED = _ONE.with_for_update(key_share=True)

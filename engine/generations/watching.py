"""What the watcher does with open generations: who is due, who is hinted at again, what was seen, who is given up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from engine import circuits
from engine.clock import Instant
from engine.database import Work
from engine.generations import hints
from engine.generations.ending import lock_with_owner
from engine.generations.row import Generation, read, select
from engine.generations.steps import fail, is_free
from engine.ports import Trouble
from engine.tables import OPEN_STATES, State, generations

IN_LINE = timedelta(seconds=5)

IS_OPEN = generations.c.state.in_([state.value for state in OPEN_STATES])


@dataclass(frozen=True)
class Sight:
    """What the watcher saw of a submitted generation: its place in the provider's queue, whether drawing has begun."""

    generation_id: int
    request_id: str
    place: int | None
    has_begun: bool
    look_in: timedelta


def give_up(work: Work, generation_id: int) -> Generation | None:
    """End a generation whose deadline has passed while nobody works on it. None when that is not so."""
    generation = lock_with_owner(work, generation_id)
    now = work.now()
    is_idle = generation.lease_until is None or generation.lease_until < now
    if not generation.is_open or not is_idle or generation.deadline_at is None or generation.deadline_at > now:
        return None
    ended = fail(work, generation_id, Trouble.TOO_LATE)
    if ended and generation.state is State.SUBMITTED and generation.provider:
        circuits.fails(work, generation.provider, generation.model_id, generation_id, "nothing came in time")
    return ended


def due(work: Work, limit: int) -> list[Generation]:
    """Open generations that the watcher should look at now, longest waiting first."""
    now = work.now()
    chosen = select().where(IS_OPEN, generations.c.look_at <= now, is_free(now))
    return [read(row) for row in work.execute(chosen.order_by(generations.c.look_at).limit(limit))]


def hint_again(work: Work, generation_id: int, state: State) -> bool:
    """Hint once more at a generation that nobody took up. False when it has moved on meanwhile."""
    now = work.now()
    same = (generations.c.id == generation_id, generations.c.state == state.value, generations.c.look_at <= now)
    if not work.execute(sa.select(generations.c.id).where(*same).with_for_update()).first():
        return False
    hints.hint(work, generation_id, state, now)
    return True


def wait_longer(work: Work, generation_ids: Sequence[int]) -> None:
    """Their hints still stand in line with many others: they are looked at later, and not hinted at again."""
    idle = (IS_OPEN, generations.c.id.in_(generation_ids), generations.c.lease_until.is_(None))
    work.execute(sa.update(generations).where(*idle).values(look_at=work.now() + IN_LINE))


def saw(work: Work, sights: Iterable[Sight]) -> None:
    """Write down how far submitted generations are, and when to look next. What has moved on is left alone."""
    now = work.now()
    for sight in sights:
        place = None if sight.has_begun else sight.place
        seen = {"seen": sight.generation_id, "by": sight.request_id, "has_begun": sight.has_begun, "new_place": place}
        row = work.execute(_SAW, {**seen, "next_look": now + sight.look_in, "now": now}).one_or_none()
        if row and row.changed_at == now:
            work.wake(row.account_id)


# Built once: it runs hundreds of times a second, and building it takes three times as long as running it.
_NOW, _HAS_BEGUN = sa.bindparam("now", type_=Instant()), sa.bindparam("has_begun", type_=sa.Boolean)
_IS_NEWS = sa.or_(
    generations.c.place.is_distinct_from(sa.bindparam("new_place", type_=sa.Integer)),
    sa.and_(_HAS_BEGUN, generations.c.began_at.is_(None)),
)
_SAW = (
    sa.update(generations)
    .where(
        generations.c.id == sa.bindparam("seen"),
        generations.c.state == State.SUBMITTED.value,
        generations.c.request_id == sa.bindparam("by"),
    )
    .values(
        look_at=sa.bindparam("next_look"),
        place=sa.bindparam("new_place"),
        began_at=sa.case((_HAS_BEGUN, sa.func.coalesce(generations.c.began_at, _NOW))),
        changed_at=sa.case((_IS_NEWS, _NOW), else_=generations.c.changed_at),
    )
    .returning(generations.c.account_id, generations.c.changed_at)
)

"""How it has to be when everything has ended: each generation paid for once or given back once, nothing left over."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from easel.wiring import database as wired
from engine.audit import audit
from engine.credits import Bucket
from engine.database import Database, Work
from engine.tables import State, accounts, deliveries, generations, grants, pictures, tasks, transactions, transfers
from tests.crash.house import RECOVERY, House

MOST_SUBMISSIONS = 2


Book = Callable[[House, Work], Counter[int]]


def end_well(here: House, count: int, stored: int | None = None, book: Book | None = None) -> None:
    """Every generation ends within a minute of the last death, and soon nothing is left to do: `count` have ended, so
    many are stored, and all is right. `book` says how often the provider was asked for each generation."""
    if "front" in here.names:
        here.until(lambda: here.has_asked)
    with closing(wired(here.settings)) as database:
        seconds = here.until(lambda: not _running(database))
        here.until(lambda: _is_quiet(database, here.folder / "media"), 2 * RECOVERY)
        ends = _states(database)
        print(f"{dict(here.deaths)} deaths, all over {seconds:.1f} s after the last: {dict(ends)}")
        with database.read() as work:
            submissions = (book or _own_book)(here, work)
        wrong = problems(database, here.folder, submissions)
    assert not wrong, "\n".join(wrong)
    assert ends.total() == count, ends
    assert ends["stored"] >= (count // 4 if stored is None else stored), ends


def far(here: House, moment: str) -> int:
    """How many generations have come to this moment of their life."""
    with closing(wired(here.settings)) as database, database.read() as work:
        came = sa.select(sa.func.count()).where(generations.c[moment].is_not(None))
        return int(work.execute(came).scalar_one())


def problems(database: Database, folder: Path, submissions: Counter[int]) -> list[str]:
    """Everything that is wrong, in words. `folder` holds the media; `submissions` by generation."""
    *_, report = audit(database)
    with database.read() as work:
        return [
            *map(str, report.findings),
            *_wrong_ends(work, submissions),
            *_wrong_files(work, folder / "media"),
            *_leftovers(work),
        ]


def _own_book(here: House, work: Work) -> Counter[int]:
    return Counter(map(int, _lines(here.folder / "submissions")))


def _running(database: Database) -> int:
    with database.read() as work:
        running = sa.select(sa.func.count()).where(generations.c.ended_at.is_(None))
        return int(work.execute(running).scalar_one())


def _is_quiet(database: Database, media: Path) -> bool:
    """No task is due, no file is half written."""
    with database.read() as work:
        owed = work.execute(sa.select(tasks.c.id).limit(1)).first()
    return not owed and not list(media.rglob(".*"))


def _wrong_ends(work: Work, submissions: Counter[int]) -> Iterator[str]:
    kept, owed = _pictures(work), _counts(work, deliveries.c.generation_id)
    for one in work.execute(sa.select(generations)).all():
        its_pictures = kept.get(one.id, [])
        spent, released, settles = _settled(work, one.payer_id, one.id)
        is_stored = one.state == State.STORED.value
        due = one.price * len(its_pictures) // one.pictures
        truths = {
            "has ended": one.ended_at is not None,
            "was settled once": settles == (1 if one.price else 0),
            "was captured as charged, when stored": spent == one.charged == (due if is_stored else 0),
            "gave back the rest": released == one.price - spent,
            "has pictures exactly when stored": is_stored == bool(its_pictures),
            "counts their bytes": one.bytes_stored == sum(its_pictures),
            "was submitted twice at most": submissions[one.id] <= MOST_SUBMISSIONS,
            "was submitted when stored": submissions[one.id] > 0 or not is_stored,
            "is delivered once, to whoever has an address": owed[one.id] == (1 if one.address else 0),
        }
        yield from (f"{one.id} ({one.state}, {one.prompt}): not true that it {truth}"
                    for truth, holds in truths.items() if not holds)  # fmt: skip


def _settled(work: Work, account_id: int, generation_id: int) -> tuple[int, int, int]:
    """Hundredths spent and not spent by the settles of a generation, and how many those are."""
    is_settle = (transactions.c.account_id == account_id, transactions.c.key == f"settle:{generation_id}")
    versions = work.execute(sa.select(transactions.c.version).where(*is_settle)).scalars().all()
    moved = sa.select(transfers.c.to_bucket, transfers.c.amount).where(
        transfers.c.account_id == account_id,
        transfers.c.version.in_(versions),
        transfers.c.from_bucket == Bucket.HELD.value,
    )
    moves = work.execute(moved).all()
    spent = sum(amount for bucket, amount in moves if bucket == Bucket.SPENT.value)
    return spent, sum(amount for _, amount in moves) - spent, len(versions)


def _wrong_files(work: Work, media: Path) -> Iterator[str]:
    rows = work.execute(sa.select(pictures)).all()
    known = {key for row in rows for key in (row.key, row.thumbnail_key)}
    there = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}
    yield from (f"{key} is missing" for key in sorted(known - there))
    yield from (f"{key} is nobody's" for key in sorted(there - known))
    for row in rows:
        if {row.key, row.thumbnail_key} <= there:
            size = sum((media / key).stat().st_size for key in (row.key, row.thumbnail_key))
            if size != row.bytes:
                yield f"{row.key} takes {size} bytes, not {row.bytes}"


def _leftovers(work: Work) -> Iterator[str]:
    used = sa.select(sa.func.coalesce(sa.func.sum(generations.c.bytes_stored), 0)).where(
        generations.c.account_id == accounts.c.id
    )
    wrong = {
        "holds bytes": sa.select(accounts.c.id).where(accounts.c.bytes_held != 0),
        "counts other bytes than its pictures": sa.select(accounts.c.id).where(
            accounts.c.bytes_used != used.scalar_subquery()
        ),
        "holds credits": sa.select(grants.c.account_id).where(grants.c.held != 0),
    }
    for what, query in wrong.items():
        yield from (f"account {account_id} {what}" for account_id in work.execute(query).scalars())
    yield from (f"task {row.kind} {row.key} is not done" for row in work.execute(sa.select(tasks)))


def _states(database: Database) -> Counter[str]:
    with database.read() as work:
        return Counter(work.execute(sa.select(generations.c.state)).scalars())


def _pictures(work: Work) -> dict[int, list[int]]:
    """Bytes of each picture, by generation."""
    found: dict[int, list[int]] = {}
    for row in work.execute(sa.select(pictures)):
        found.setdefault(row.generation_id, []).append(row.bytes)
    return found


def _counts(work: Work, column: sa.Column[int]) -> Counter[int]:
    return Counter(work.execute(sa.select(column)).scalars())


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []

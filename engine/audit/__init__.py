"""Is every credit where the history says? Slice by slice of accounts, each slice one consistent view."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.audit.chains import Head, broken_chains, broken_notes, head
from engine.audit.credit_checks import CREDIT_CHECKS
from engine.audit.generation_checks import GENERATION_CHECKS
from engine.audit.refund_checks import REFUND_CHECKS
from engine.database import Database, Work
from engine.migrations.append_only import TABLES
from engine.tables import accounts, grants, metadata, transactions, transfers

__all__ = ["Finding", "Head", "Report", "Tally", "audit", "head", "slices"]

CHECKS = (*CREDIT_CHECKS, *REFUND_CHECKS, *GENERATION_CHECKS)
SLICE = 10_000
MOST_NAMED = 100
"""How many broken rows of one invariant are named; all are counted."""


@dataclass(frozen=True)
class Finding:
    """A row that breaks an invariant: its key, and the sentence that is not true of it."""

    check: str
    sentence: str
    row: tuple[object, ...]


@dataclass
class Tally:
    """One invariant: how many rows were looked at, how many break it, how long it took (seconds)."""

    sentence: str
    looked_at: int = 0
    broken: int = 0
    seconds: float = 0.0


@dataclass
class Report:
    """What an audit found so far; `next_account` is where to go on."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    next_account: int = 0
    last_account: int = 0

    @property
    def is_clean(self) -> bool:
        return not any(tally.broken for tally in self.tallies.values())


_OWNERS = (accounts.c.id, grants.c.account_id, transactions.c.account_id, transfers.c.account_id)


def audit(database: Database, first: int = 0, last: int | None = None, size: int = SLICE) -> Iterator[Report]:
    """Check everything of the accounts from `first` to `last`; yields the growing report after each slice."""
    report = Report()
    with database.read() as work:
        sentence = "Every append-only table has its triggers."
        _note(report, "triggers", sentence, len(TABLES), partial(_missing_triggers, work))
        end = max(work.execute(sa.select(sa.func.max(column))).scalar() or 0 for column in _OWNERS)
    report.last_account = min(end, last) if last is not None else end
    for low, high in slices(first, report.last_account, size):
        with database.read(is_long=True) as work:
            _audit_slice(work, report, low, high)
        report.next_account = high + 1
        yield report
    yield report


def slices(first: int, last: int, size: int = SLICE) -> list[tuple[int, int]]:
    """Bounds of account ids, both ends included."""
    return [(low, min(low + size - 1, last)) for low in range(first, last + 1, size)]


def _audit_slice(work: Work, report: Report, low: int, high: int) -> None:
    bounds = {"low": low, "high": high}
    counts = {table: _count(work, table, low, high) for table in {check.table for check in CHECKS}}
    for check in CHECKS:
        find = partial(work.execute, sa.text(check.broken), bounds)
        _note(report, check.name, check.sentence, counts[check.table], find)
    sentence = "Each digest is the one of its content and of the one before; an account's head is its last one."
    chains = counts["transactions"]
    _note(report, "digests", sentence, chains, partial(broken_chains, work, low, high))
    sentence = "A reason that was not erased is the one that was given."
    _note(report, "notes", sentence, chains, partial(broken_notes, work, low, high))


def _note(report: Report, name: str, sentence: str, looked_at: int, find: Callable[[], Iterable[Any]]) -> None:
    started = time.perf_counter()
    found = [tuple(row) for row in find()]
    tally = report.tallies.setdefault(name, Tally(sentence))
    room = max(0, MOST_NAMED - tally.broken)
    report.findings += [Finding(name, sentence, row) for row in found[:room]]
    tally.looked_at += looked_at
    tally.broken += len(found)
    tally.seconds += time.perf_counter() - started


def _count(work: Work, name: str, low: int, high: int) -> int:
    table = metadata.tables[name]
    owner = table.c.id if name == "accounts" else table.c.account_id
    return int(work.execute(sa.select(sa.func.count()).where(owner.between(low, high))).scalar_one())


def _missing_triggers(work: Work) -> Iterator[tuple[object, ...]]:
    if work.connection.dialect.name == "postgresql":
        there = """
            SELECT c.relname || ' ' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE t.tgenabled IN ('O', 'A') AND p.prosrc LIKE '%RAISE EXCEPTION%is append-only%'
        """
        events: tuple[str, ...] = ("update", "delete", "truncate")
    else:
        there = """
            SELECT tbl_name || ' ' || name FROM sqlite_master
            WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%is append-only%'
        """
        events = ("update", "delete")
    names = set(work.execute(sa.text(there)).scalars())
    for table in TABLES:
        for event in events:
            if f"{table} {table}_refuse_{event}" not in names:
                yield table, event

"""Hold and capture with a million accounts beside a thousand, and the audit of a million accounts."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench import clients, history
from bench.common import Cell, Processes, Sample, command, compare, progress, settings
from bench.server import migrated, postgresql
from engine.audit import Report, audit
from engine.database import Database

TITLE = __doc__
Run = Callable[[str, int, float, Processes], Sample]


@dataclass(frozen=True)
class Size:
    """How much is measured; seconds are those of each sample, and when the audit stops, wherever it is."""

    rounds: int
    seconds: float
    few: int
    many: int
    audit_seconds: float


FULL = Size(rounds=5, seconds=1, few=1_000, many=1_000_000, audit_seconds=60)
QUICK = Size(rounds=2, seconds=0.25, few=200, many=10_000, audit_seconds=5)
LONG_AUDIT_SECONDS = 600
"""With --long the audit has time for all accounts."""


def main(quick: bool) -> None:
    """Each account comes with a purchase and a generation: three transactions and three transfers."""
    size = QUICK if quick else FULL
    with postgresql() as base, Processes(2) as processes:
        few, many = migrated(base, "few"), migrated(base, "many")
        history.load(few, size.few, 1, processes)
        started = time.monotonic()
        history.load(many, size.many, 1, processes)
        progress("")
        print(f"{size.many:,} accounts loaded in {time.monotonic() - started:.0f} s")
        # The audit comes first: the holds below belong to no generation, which it would name.
        print_audit(many, size.many, LONG_AUDIT_SECONDS if "--long" in sys.argv else size.audit_seconds)
        for url, accounts in ((few, size.few), (many, size.many)):
            clients.warm(url, accounts, processes)
        compare(_cells({few: size.few, many: size.many}, size.seconds, processes), size.rounds)


def _cells(databases: dict[str, int], seconds: float, processes: Processes) -> dict[str, Cell]:
    return {
        f"{verb}, {name}": partial(_cell, run, databases, seconds, processes)
        for name, threads in (("1 client", 1), ("1 process x 8 threads", 8))
        for verb, run in (("hold", partial(_hold, threads)), ("settle", partial(_settle, threads)))
    }


def _cell(run: Run, databases: dict[str, int], seconds: float, processes: Processes) -> dict[str, Sample]:
    return {f"{accounts:,} accounts": run(url, accounts, seconds, processes) for url, accounts in databases.items()}


def _hold(threads: int, url: str, accounts: int, seconds: float, processes: Processes) -> Sample:
    [sample] = processes.run(clients.hold, [(url, threads, accounts, seconds)])
    return sample


def _settle(threads: int, url: str, accounts: int, seconds: float, processes: Processes) -> Sample:
    [sample] = processes.run(clients.settle, [(url, threads, seconds)])
    return sample


def print_audit(url: str, accounts: int, seconds: float) -> None:
    """Audit as many accounts as fit into the time, slice by slice, and print where the time went."""
    database = Database(settings(url))
    started = time.monotonic()
    for report in audit(database):
        progress(f"audited {report.next_account:,} accounts")
        if time.monotonic() - started > seconds:
            break
    database.close()
    progress("")
    _print_report(report, accounts, time.monotonic() - started)


def _print_report(report: Report, accounts: int, seconds: float) -> None:
    done = min(report.next_account - 1, accounts)
    chained = report.tallies["digests"].looked_at
    verdict = "clean" if report.is_clean else f"{len(report.findings)} findings, such as {report.findings[0]}"
    print(f"audit: {done:,} accounts with {chained:,} transactions in {seconds:.0f} s, {verdict}")
    print(f"  {done / seconds:,.0f} accounts/s, {chained / seconds:,.0f} transactions/s; the longest checks:")
    slowest = sorted(report.tallies.items(), key=lambda item: -item[1].seconds)[:6]
    for name, tally in slowest:
        print(f"  {name:28}{tally.seconds:8.1f} s {tally.seconds / done * 1e6:8.1f} us an account")


if __name__ == "__main__":
    command(main, TITLE)

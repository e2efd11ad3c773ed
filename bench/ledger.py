"""Hold and capture on PostgreSQL through the engine, beside one prepared statement driven by pgbench."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from bench import clients, floor, history
from bench.common import Cell, Processes, Sample, command, compare, patiently, progress, together
from bench.server import migrated, postgresql
from bench.turns import Turns

TITLE = __doc__


@dataclass(frozen=True)
class Size:
    """How much is measured; seconds are those of each sample."""

    rounds: int
    seconds: float
    accounts: int
    generations_each: int


FULL = Size(rounds=5, seconds=2, accounts=10_000, generations_each=10)
QUICK = Size(rounds=1, seconds=0.25, accounts=1_000, generations_each=5)


def main(quick: bool) -> None:
    """Prints two tables: rates and latencies, and what each operation costs."""
    size = QUICK if quick else FULL
    with postgresql() as base, Processes(2) as processes:
        url = migrated(base, "ledger")
        history.load(url, size.accounts, size.generations_each, processes)
        floor.prepare(url, size.accounts, size.accounts * (1 + 2 * size.generations_each))
        clients.warm(url, size.accounts, processes)
        compare(_cells(url, size, processes), size.rounds)
        print_costs(url, size.accounts, operations=100 if quick else 1000)


def _cells(url: str, size: Size, processes: Processes) -> dict[str, Cell]:
    shapes = {
        "1 client": [(1, 1)],
        "8 clients": [(1, 8), (2, 4)],
    }
    return {
        f"{name}, {where}": partial(_cell, url, size, processes, accounts, engines)
        for name, engines in shapes.items()
        for where, accounts in ((f"{size.accounts:,} accounts", size.accounts), ("one hot account", 1))
    }


def _cell(
    url: str, size: Size, processes: Processes, accounts: int, engines: list[tuple[int, int]]
) -> dict[str, Sample]:
    count, threads = engines[0]
    samples = {"floor": floor.run(url, count * threads, accounts, max(1, round(size.seconds)))}
    for count, threads in engines:
        shape = f", {count} x {threads} threads" if len(engines) > 1 else ""
        held = processes.run(clients.hold, [(url, threads, accounts, size.seconds)] * count)
        samples[f"hold{shape}"] = together(held)
        settled = processes.run(clients.settle, [(url, threads, size.seconds)] * count)
        samples[f"settle{shape}"] = together(settled)
    return samples


def print_costs(url: str, accounts: int, operations: int) -> None:
    """What one operation of one client costs, which hardly depends on the machine's other work."""
    progress("counting")
    (held, of_hold), (settled, of_settle) = patiently(partial(_costs, url, accounts, operations))
    turns_of_hold, turns_of_settle = _turns(url, accounts)
    progress("")
    print(f"cost of one operation {'hold':>12} {'settle':>8}")
    print(f"  wire turns          {turns_of_hold:12.1f} {turns_of_settle:8.1f}")
    print(f"  client CPU, us      {held.cpu_each:12.0f} {settled.cpu_each:8.0f}")
    print(f"  WAL, bytes          {of_hold:12.0f} {of_settle:8.0f}")


def _costs(url: str, accounts: int, operations: int) -> tuple[tuple[Sample, float], tuple[Sample, float]]:
    clients.hold(url, 1, accounts, 60, 20)  # connects, and lets psycopg prepare the statements
    clients.settle(url, 1, 60, 20)
    return (
        _written_by(url, partial(clients.hold, url, 1, accounts, 60, operations)),
        _written_by(url, partial(clients.settle, url, 1, 60, operations)),
    )


def _written_by(url: str, run: Callable[[], Sample]) -> tuple[Sample, float]:
    """The sample, and the bytes of write-ahead log for each of its operations."""
    position = "SELECT pg_current_wal_insert_lsn() - '0/0'"
    with psycopg.connect(url, autocommit=True) as connection:
        [before] = connection.execute(position).fetchone() or (0,)
        sample = run()
        [after] = connection.execute(position).fetchone() or (0,)
    return sample, float(after - before) / len(sample.latencies)


def _turns(url: str, accounts: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="easel-bench-") as folder:
        turns = Turns(url, Path(folder))
        try:
            for count in (20, 20):  # the first ones connect and prepare
                clients.hold(turns.url, 1, accounts, 60, count)
                of_hold = turns.of(count)
                clients.settle(turns.url, 1, 60, count)
                of_settle = turns.of(count)
        finally:
            turns.close()
    return of_hold, of_settle


if __name__ == "__main__":
    command(main, TITLE)

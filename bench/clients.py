"""The engine's clients: functions that a benchmark's processes run, with as many threads as they are told."""

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from bench.common import Call, Processes, Sample, settings, timed, together
from engine import ledger
from engine.credits import Credits
from engine.database import Database

AMOUNT = Credits(1)
"""Hundredths that each operation holds and captures."""

_generations = itertools.count(os.getpid() * 10**10)
_held: dict[tuple[str, int], list[tuple[int, int]]] = {}
"""(account, generation) of every hold that is not settled yet, for each database and thread."""


@cache
def database(url: str) -> Database:
    """This process's own database of that address, kept open."""
    return Database(settings(url))


def hold(url: str, threads: int, accounts: int, seconds: float, most: int | None = None) -> Sample:
    """Holds on accounts 1 to `accounts`, drawn at random, until the time is over; at most so many in each thread."""
    return _side_by_side(partial(_holds, url, accounts), threads, seconds, most)


def settle(url: str, threads: int, seconds: float, most: int | None = None) -> Sample:
    """Full captures of the holds this process made last, until the time is over or none is left."""
    return _side_by_side(partial(_settles, url), threads, seconds, most)


def warm(url: str, accounts: int, processes: Processes, threads: int = 8) -> None:
    """Let every process open its connections and psycopg prepare its statements on each."""
    everyone = range(processes.count)
    processes.run(hold, [(url, threads, accounts, 60, 20) for _ in everyone])
    processes.run(settle, [(url, threads, 60, 20) for _ in everyone])


def _side_by_side(calls: Callable[[int], Iterator[Call]], threads: int, seconds: float, most: int | None) -> Sample:
    cpu = time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        samples = list(pool.map(lambda thread: timed(itertools.islice(calls(thread), most), seconds), range(threads)))
    return together(samples, time.process_time() - cpu)


def _holds(url: str, accounts: int, thread: int) -> Iterator[Call]:
    draw, held = random.Random(next(_generations)), _held.setdefault((url, thread), [])
    held.clear()
    while True:
        account_id, generation_id = draw.randint(1, accounts), next(_generations)
        yield partial(_hold, database(url), held, account_id, generation_id)


def _settles(url: str, thread: int) -> Iterator[Call]:
    for account_id, generation_id in _held.pop((url, thread)):
        yield partial(_settle, database(url), account_id, generation_id)


def _hold(database: Database, held: list[tuple[int, int]], account_id: int, generation_id: int) -> None:
    database.run(lambda work: ledger.hold(work, account_id, generation_id, AMOUNT))
    held.append((account_id, generation_id))


def _settle(database: Database, account_id: int, generation_id: int) -> None:
    database.run(lambda work: ledger.settle(work, account_id, generation_id, AMOUNT))

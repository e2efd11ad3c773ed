"""Many clients at once, in processes of their own: each has a line of its own, so only the database keeps order.

And how to see that one of two waits."""

import multiprocessing
import threading
import time
from collections import Counter

import engine.waiting
from engine import ledger
from engine.database import Database
from engine.errors import Refusal
from engine.settings import Settings

spawn = multiprocessing.get_context("spawn")


def at_once(processes, threads, client, url, *arguments):
    """Run client(database, number, *arguments) in processes x threads at once; returns a Counter of what they returned.

    A client that raises anything but a Refusal makes the whole call fail.
    """
    barrier, outcomes = spawn.Barrier(processes * threads), spawn.Queue()
    given = (threads, client, url, barrier, outcomes, arguments)
    crowd = [spawn.Process(target=_process, args=(number * threads, *given)) for number in range(processes)]
    for process in crowd:
        process.start()
    counted = Counter()
    for _ in range(processes * threads):
        counted.update(outcomes.get(timeout=400))
    for process in crowd:
        process.join(timeout=30)
    assert not counted.pop("error", 0), counted
    return counted


def hold_once_a_round(database, number, accounts, price):
    """One hold in each of these accounts, all clients on the same one at the same time."""
    outcomes = Counter()
    for account_id in accounts:
        try:
            database.run(lambda work, account_id=account_id: ledger.hold(work, account_id, 1000 + number, price))
            outcomes[account_id] += 1
        except Refusal as refusal:
            outcomes[type(refusal).__name__] += 1
    return outcomes


def give_back_and_forth(database, number, alice, bob, times):
    """Gives of one hundredth, from Alice to Bob or the other way round."""
    giver, receiver = (alice, bob) if number % 2 else (bob, alice)
    for turn in range(times):
        key = f"gift:{number}:{turn}"
        database.run(lambda work, key=key: ledger.give(work, giver, receiver, 1, key))
    return Counter(given=times)


def wait_until_someone_waits_for_a_lock(database):
    """Come back once somebody on this PostgreSQL database waits for somebody else's lock."""
    with database.read() as work:
        for _ in range(200):
            waiting = work.connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if waiting.scalar_one():
                return
            work.connection.rollback()
            time.sleep(0.01)
    raise AssertionError("nobody waited")


def _process(first, threads, client, url, barrier, outcomes, arguments):
    engine.waiting.LOCK_SECONDS = 60  # on a busy machine a long line is no refusal here
    settings = Settings(_env_file=None, database_url=url, database_connections=threads, daily_credits=0)
    database = Database(settings)
    crowd = [
        threading.Thread(target=_thread, args=(first + number, client, database, barrier, outcomes, arguments))
        for number in range(threads)
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    database.close()


def _thread(number, client, database, barrier, outcomes, arguments):
    barrier.wait(timeout=60)
    try:
        outcomes.put(client(database, number, *arguments))
    except BaseException as error:  # told to the test, which fails
        outcomes.put(Counter({"error": 1, repr(error): 1}))

"""What two hundred hands at once cannot do."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from engine import accounts, generations, history, ledger, purchases
from engine.audit import audit
from engine.credits import Source, parse
from engine.database import Database
from engine.errors import AccountClosed, Busy, GuestLimit, InsufficientCredits, KeyReused
from engine.generations import Ask
from engine.tables import State
from tests.conftest import make_cast
from tests.engine.contenders import (
    at_once,
    give_back_and_forth,
    hold_once_a_round,
    wait_until_someone_waits_for_a_lock,
)
from tests.fault_proxy import FaultProxy

ROUNDS = 20


def url_of(database):
    return database.url.render_as_string(hide_password=False)


def another(database):
    """A second client of the same database with a line of its own, as another process would be."""
    return Database(database.settings, database.offset)


def members(database, number, credits):
    """Accounts with just so many bought credits and no others."""
    made = []
    for index in range(number):
        account_id = database.run(lambda work, index=index: accounts.find_or_create(work, "race", str(index)))
        database.run(lambda work, a=account_id, i=index: purchases.paid(work, f"race{i}", a, credits))
        made.append(account_id)
    return made


@pytest.mark.long
@pytest.mark.parametrize(("kind", "processes", "threads"), [("postgresql", 4, 16), ("sqlite", 8, 1)])
def test_of_all_who_spend_the_last_credit_at_once_exactly_one_does(new_database, kind, processes, threads):
    database = new_database(kind, daily_credits=0)
    contested = members(database, ROUNDS, parse(1))

    outcomes = at_once(processes, threads, hold_once_a_round, url_of(database), contested, parse(1))

    assert [outcomes[account_id] for account_id in contested] == [1] * ROUNDS
    assert outcomes["InsufficientCredits"] == ROUNDS * (processes * threads - 1)
    with database.read() as work:
        assert {history.balance(work, account_id).held for account_id in contested} == {parse(1)}


@pytest.mark.long
def test_twenty_thousand_opposing_gifts_meet_no_deadlock_and_lose_nothing(new_database):
    database = new_database("postgresql", daily_credits=0)
    alice, bob = members(database, 2, parse(200))

    outcomes = at_once(4, 8, give_back_and_forth, url_of(database), alice, bob, 625)

    assert outcomes["given"] == 20_000
    with database.read() as work:
        assert [history.balance(work, account_id).spendable for account_id in (alice, bob)] == [parse(200)] * 2
    *_, report = audit(database)
    assert report.is_clean, report.findings


def test_who_waited_for_the_lock_sees_what_was_spent_meanwhile(new_database):
    database = new_database("postgresql", daily_credits=0)
    (account_id,) = members(database, 1, parse(1))
    second = another(database)
    with ThreadPoolExecutor(1) as thread:
        with database.begin() as work:
            ledger.hold(work, account_id, 1, parse(1))
            late = thread.submit(second.run, lambda work: ledger.hold(work, account_id, 2, parse(1)))
            wait_until_someone_waits_for_a_lock(database)
        with pytest.raises(InsufficientCredits) as refused:
            late.result()
    second.close()
    assert refused.value.available == 0


def test_who_waited_for_the_lock_sees_grants_that_came_meanwhile(new_database):
    database = new_database("postgresql", daily_credits=0)
    (account_id,) = members(database, 1, parse(1))
    second = another(database)
    with ThreadPoolExecutor(1) as thread:
        with database.begin() as work:
            ledger.grant(work, account_id, Source.ADJUSTMENT, parse(5), "grant")
            late = thread.submit(second.run, lambda work: ledger.hold(work, account_id, 1, parse(6)))
            wait_until_someone_waits_for_a_lock(database)
        assert late.result().balance == 0
    second.close()


def test_who_waited_for_the_lock_reads_the_time_after_the_wait(new_database):
    database = new_database("postgresql")
    (account_id,) = members(database, 1, parse(1))
    second = another(database)
    with ThreadPoolExecutor(1) as thread:
        with database.begin() as work:
            ledger.lock(work, account_id)
            late = thread.submit(second.run, lambda work: ledger.open(work, account_id).now)
            wait_until_someone_waits_for_a_lock(database)
            released = work.shift(work.connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one())
        assert late.result() > released
    second.close()


def test_new_work_that_waited_while_its_account_was_joined_is_refused(new_database):
    database = new_database("postgresql")
    cast = make_cast(database)
    second = another(database)
    with ThreadPoolExecutor(1) as thread:
        with database.begin() as work:
            ledger.link(work, cast.carol_on_discord, cast.carol, "link:1")
            late = thread.submit(second.run, lambda work: ledger.hold(work, cast.carol_on_discord, 1, parse(1)))
            wait_until_someone_waits_for_a_lock(database)
        with pytest.raises(AccountClosed):
            late.result()
    second.close()


def test_a_settle_that_waited_while_its_account_was_joined_moves_the_release_on(new_database):
    database = new_database("postgresql", daily_credits=0, request_seconds=0)
    cast = make_cast(database)
    ask = Ask(cast.carol_on_discord, "discord", "i1", "flux-dev", "a fox", pictures=3)
    generation = database.run(lambda work: generations.request(work, ask))
    second = another(database)
    with ThreadPoolExecutor(1) as thread:
        with database.begin() as work:
            ledger.link(work, cast.carol_on_discord, cast.carol, "link:1")
            before = ledger.look(work, cast.carol).spendable
            end = lambda work: generations.end(work, generation.id, State.STORED, parse(1), 10)
            late = thread.submit(second.run, end)
            wait_until_someone_waits_for_a_lock(database)
        late.result()
    second.close()
    with database.read() as work:
        assert history.balance(work, cast.carol).spendable == before + parse(2)
    *_, report = audit(database)
    assert report.is_clean, report.findings


def test_links_and_settles_crossing_each_other_end_right(new_database):
    database = new_database("postgresql", request_seconds=0, running_per_account=1000, database_connections=20)
    people = [database.run(lambda work, i=i: accounts.find_or_create(work, "cross", str(i))) for i in range(8)]
    for person in people:
        database.run(lambda work, person=person: accounts.sign_up(work, person))
    running = [
        database.run(
            lambda work, p=person, n=n: generations.request(work, Ask(p, "cross", f"{p}:{n}", "flux-dev", "a fox"))
        )
        for person in people
        for n in range(4)
    ]
    ends = [lambda work, g=g: generations.end(work, g.id, State.FAILED) for g in running]
    pairs = [(7, 0), (6, 1), (2, 5), (3, 4), (0, 1), (5, 4), (4, 1)]
    joins = [lambda work, a=people[a], b=people[b]: ledger.link(work, a, b, f"link:{a}:{b}") for a, b in pairs]
    with ThreadPoolExecutor(16) as crowd:
        ended = [crowd.submit(database.run, verb) for verb in ends]
        for join in joins:
            database.run(join)
        for done in ended:
            done.result()
    with database.read() as work:
        seen = history.balance(work, people[1])
    assert (seen.held, seen.bytes_held) == (0, 0)
    *_, report = audit(database)
    assert report.is_clean, report.findings


def test_a_guests_slots_are_counted_under_the_lock(new_database):
    database = new_database("postgresql", request_seconds=0, running_per_account=100, database_connections=4)
    gus = database.run(lambda work: accounts.find_or_create(work, "telegram", "gus"))
    clients = [another(database) for _ in range(8)]
    gate = threading.Barrier(16)

    def ask(number):
        gate.wait()
        request = Ask(gus, "telegram", f"m{number}", "flux-dev", "a fox")
        try:
            return clients[number % 8].run(lambda work: generations.request(work, request)).id
        except GuestLimit as refusal:
            return refusal.used

    with ThreadPoolExecutor(16) as crowd:
        list(crowd.map(ask, range(16)))
    for client in clients:
        client.close()
    with database.read() as work:
        assert history.balance(work, gus).guest.used == 3


def test_the_same_request_from_everywhere_at_once_is_one_generation(new_database):
    database = new_database("postgresql", request_seconds=0, database_connections=8)
    alice = make_cast(database).alice
    ask = Ask(alice, "telegram", "chat:1", "flux-dev", "a fox")
    with ThreadPoolExecutor(8) as crowd:
        made = {crowd.submit(database.run, lambda work: generations.request(work, ask)).result().id for _ in range(16)}
    with database.read() as work:
        assert history.balance(work, alice).held == parse(1)
    assert len(made) == 1


def test_a_commit_whose_answer_is_lost_is_found_again_by_its_key(new_database, tmp_path):
    database = new_database("postgresql")
    alice = make_cast(database).alice
    proxy = FaultProxy(Path(database.url.query["host"]) / ".s.PGSQL.5432", tmp_path)
    through_proxy = database.url.update_query_dict({"host": str(tmp_path)}).render_as_string(hide_password=False)
    far = Database(database.settings.model_copy(update={"database_url": through_proxy}))
    hold = lambda work: ledger.hold(work, alice, 1, parse(2))

    proxy.swallow_next_commit()
    with pytest.raises(DBAPIError):
        far.run(hold)
    again = far.run(hold)

    assert again.is_replay
    with database.read() as work:
        assert history.balance(work, alice).held == parse(2)
    with pytest.raises(KeyReused):
        far.run(lambda work: ledger.hold(work, alice, 1, parse(3)))
    far.close()
    proxy.close()


def test_a_line_that_is_too_long_is_refused_and_nothing_happens(new_database, monkeypatch):
    monkeypatch.setattr("engine.waiting.WAITERS", 1)
    database = new_database("postgresql")
    alice = make_cast(database).alice
    with ThreadPoolExecutor(1) as thread, database.begin() as work:
        ledger.lock(work, alice)
        late = thread.submit(database.run, lambda work: ledger.hold(work, alice, 1, parse(1)))
        with pytest.raises(Busy):
            late.result()


def test_a_database_that_does_not_give_the_lock_in_time_says_busy(new_database, monkeypatch):
    monkeypatch.setattr("engine.waiting.LOCK_SECONDS", 1)
    database = new_database("postgresql")
    alice = make_cast(database).alice
    second = another(database)
    with database.begin() as work:
        ledger.lock(work, alice)
        with pytest.raises(Busy):
            second.run(lambda work: ledger.hold(work, alice, 1, parse(1)))
    second.close()


def test_a_work_that_locks_out_of_order_starts_again_in_order(new_database):
    database = new_database("sqlite")
    cast = make_cast(database)
    attempts = []

    def verb(work):
        attempts.append(sorted(work.wanted))
        ledger.lock(work, cast.bob)
        ledger.lock(work, cast.alice)
        return sorted(work.locked)

    assert database.run(verb) == [cast.alice, cast.bob]
    assert attempts == [[], [cast.alice, cast.bob]]


def test_a_connection_cut_in_the_middle_of_a_work_leaves_nothing_behind(new_database):
    database = new_database("postgresql")
    alice, second = make_cast(database).alice, another(database)
    with pytest.raises(DBAPIError), database.begin() as work:
        ledger.hold(work, alice, 1, parse(2))
        with second.begin() as killer:
            pid = work.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            killer.connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        ledger.hold(work, alice, 2, parse(2))
    second.close()

    database.run(lambda work: ledger.hold(work, alice, 1, parse(3)))

    with database.read() as work:
        assert history.balance(work, alice).held == parse(3)


@pytest.mark.parametrize("verb", ["hold", "now"])
def test_after_a_restart_of_the_server_nobody_meets_a_dead_connection(new_database, verb):
    database = new_database("postgresql")
    alice, second = make_cast(database).alice, another(database)
    for _ in range(2):
        database.run(lambda work: work.now())
        with database.read() as work:
            work.now()
    with second.begin() as killer:
        everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        killer.connection.exec_driver_sql(f"{everybody} AND pid <> pg_backend_pid()")
    second.close()

    with database.read() as work:
        work.now()
    if verb == "hold":
        database.run(lambda work: ledger.hold(work, alice, 1, parse(3)))
    else:
        database.run(lambda work: work.now())

    with database.read() as work:
        assert history.balance(work, alice).held == (parse(3) if verb == "hold" else 0)


@pytest.mark.parametrize("verb", ["hold", "settle"])
def test_a_hold_and_a_settle_take_five_turns_on_the_wire(new_database, verb, tmp_path):
    database = new_database("postgresql", daily_credits=0)
    (account_id,) = members(database, 1, parse(1000))
    proxy = FaultProxy(Path(database.url.query["host"]) / ".s.PGSQL.5432", tmp_path)
    through_proxy = database.url.update_query_dict({"host": str(tmp_path)}).render_as_string(hide_password=False)
    far = Database(database.settings.model_copy(update={"database_url": through_proxy}))
    verbs = {
        "hold": lambda work, n: ledger.hold(work, account_id, n, parse(1)),
        "settle": lambda work, n: ledger.settle(work, account_id, n, parse(1)),
    }
    for number in range(20):  # psycopg prepares a statement at its sixth use, at the price of a turn more
        for each in verbs.values():
            far.run(lambda work, each=each, number=number: each(work, number))
    if verb == "settle":
        far.run(lambda work: verbs["hold"](work, 99))

    before = proxy.turns
    far.run(lambda work: verbs[verb](work, 99))

    assert proxy.turns - before == 5  # BEGIN, lock, read, write, COMMIT
    far.close()
    proxy.close()


def test_a_flood_on_one_account_does_not_starve_others(new_database):
    database = new_database("postgresql", daily_credits=0, database_connections=4)
    flooded, *others = members(database, 5, parse(1000))
    over = threading.Event()

    def flood(number):
        held = 0
        while not over.is_set():
            with suppress(Busy):
                database.run(lambda work, key=number * 10**6 + held: ledger.hold(work, flooded, key, 1))
                held += 1
        return held

    def spend(person):
        for number in range(50):
            database.run(lambda work, number=number: ledger.hold(work, person, number, 1))

    with ThreadPoolExecutor(24) as crowd:
        floods = [crowd.submit(flood, number) for number in range(1, 21)]
        served = [crowd.submit(spend, person) for person in others]
        for one in served:
            one.result(timeout=60)
        over.set()
        assert sum(one.result() for one in floods) > 0


def test_who_waits_in_line_for_an_account_holds_no_connection(new_database):
    database = new_database("postgresql", database_connections=2)
    cast = make_cast(database)
    with ThreadPoolExecutor(4) as crowd:
        with database.begin() as work:
            ledger.lock(work, cast.alice)
            hold = lambda work, number: ledger.hold(work, cast.alice, number, parse(1))
            waiting = [crowd.submit(database.run, partial(hold, number=number)) for number in range(4)]
            database.run(lambda work: ledger.lapse(work, cast.carol))
        assert len({one.result().version for one in waiting}) == 4

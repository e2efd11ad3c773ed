"""Who is who: accounts are made once, signed up once, and what operators do leaves a trace."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa

from engine import accounts, administration, history, ledger
from engine.credits import Source, parse
from engine.database import Database
from engine.errors import AlreadyMember, KeyReused, NotAMember, NotBelowZero, NotFound
from engine.tables import accounts as account_rows
from engine.tables import actions, bans, identities, notes, spaces

DANA = {"actor": "telegram:dana", "reason": "because of a test"}


def balance(database, account_id):
    with database.read() as work:
        return history.balance(work, account_id)


def how_many(database, table):
    with database.read() as work:
        return work.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def recorded(database, verb):
    """(actor, account, space, detail, reason) of each action of this kind."""
    columns = (actions.c.actor, actions.c.account_id, actions.c.space_id, actions.c.detail, notes.c.text)
    joined = actions.outerjoin(notes, notes.c.id == actions.c.note_id)
    with database.read() as work:
        rows = work.execute(
            sa.select(*columns).select_from(joined).where(actions.c.verb == verb).order_by(actions.c.id)
        )
        return [tuple(row) for row in rows]


def at_once(function, times):
    """What `function` returned in each of so many threads that began together."""
    start = threading.Barrier(times)

    def run(number):
        start.wait()
        return function(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def is_operator(database, account_id):
    with database.read() as work:
        return administration.is_operator(work, account_id)


# strangers


def test_a_stranger_becomes_a_guest_once(database):
    first = database.run(lambda work: accounts.find_or_create(work, "telegram", "gus"))
    again = database.run(lambda work: accounts.find_or_create(work, "telegram", "gus"))

    assert first == again
    assert balance(database, first).standing == "guest"
    assert how_many(database, account_rows) == how_many(database, identities) == 1


def test_eight_programs_that_meet_a_stranger_at_once_make_one_account(database):
    programs = [Database(database.settings) for _ in range(8)]

    made = at_once(lambda n: programs[n].run(lambda work: accounts.find_or_create(work, "telegram", "gus")), 8)

    for program in programs:
        program.close()
    assert len(set(made)) == 1
    assert how_many(database, account_rows) == how_many(database, identities) == 1


def test_whoever_waited_for_the_same_stranger_finds_the_account(kind, new_database):
    database = new_database(kind)
    found = []
    with closing(Database(database.settings)) as another:
        waiting = threading.Thread(
            target=lambda: found.append(another.run(lambda work: accounts.find_or_create(work, "telegram", "gus")))
        )
        with database.begin() as work:
            first = accounts.find_or_create(work, "telegram", "gus")
            waiting.start()
            waiting.join(timeout=0.3)
            assert waiting.is_alive()
        waiting.join()

    assert found == [first]
    assert how_many(database, account_rows) == 1


def test_the_same_user_id_on_another_platform_is_somebody_else(database):
    on_telegram = database.run(lambda work: accounts.find_or_create(work, "telegram", "7"))
    on_discord = database.run(lambda work: accounts.find_or_create(work, "discord", "7"))

    assert on_telegram != on_discord


def test_looking_for_a_stranger_makes_nobody(database):
    with database.read() as work:
        assert accounts.find(work, "telegram", "gus") is None


# sign-up


def test_a_sign_up_gives_welcome_credits_and_starts_the_day(database, cast):
    before = balance(database, cast.gus)
    database.run(lambda work: accounts.sign_up(work, cast.gus))

    after = balance(database, cast.gus)
    assert (before.standing, before.spendable) == ("guest", 0)
    assert (after.standing, after.spendable, after.day.left) == ("member", parse(55), parse(5))
    assert {part.source: part.spendable for part in after.parts} == {
        Source.DAILY: parse(5),
        Source.WELCOME: parse(50),
    }


def test_eight_sign_ups_at_once_welcome_once(database, cast):
    def sign_up(_):
        try:
            return database.run(lambda work: accounts.sign_up(work, cast.gus)).id
        except AlreadyMember as refused:
            return refused

    told = at_once(sign_up, 8)

    assert told.count(cast.gus) == 1
    assert balance(database, cast.gus).spendable == parse(55)


def test_the_welcome_can_be_nothing(kind, new_database):
    database = new_database(kind, welcome_credits=0, daily_credits=0)
    gus = database.run(lambda work: accounts.find_or_create(work, "telegram", "gus"))
    database.run(lambda work: accounts.sign_up(work, gus))

    there = balance(database, gus)

    assert (there.standing, there.spendable, there.parts) == ("member", 0, ())


def test_a_pool_cannot_sign_up(database):
    pool = database.run(accounts.create_pool)

    with pytest.raises(AlreadyMember):
        database.run(lambda work: accounts.sign_up(work, pool))


def test_nobody_cannot_sign_up(database):
    with pytest.raises(NotFound):
        database.run(lambda work: accounts.sign_up(work, 404))


def test_the_survivor_is_at_the_end_of_the_line(database, cast):
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    database.run(lambda work: ledger.link(work, cast.carol, cast.dana, "link:2"))

    with database.read() as work:
        assert accounts.survivor(work, cast.carol_on_discord) == cast.dana
        assert accounts.survivor(work, cast.dana) == cast.dana
        with pytest.raises(NotFound):
            accounts.survivor(work, 404)


# operators


def test_the_settings_name_operators_by_platform_and_user(kind, new_database):
    database = new_database(kind, operators="browser:xyz, terminal:me")
    somebody = {
        identity: database.run(lambda work, identity=identity: accounts.find_or_create(work, *identity))
        for identity in (("browser", "xyz"), ("terminal", "me"), ("browser", "me"), ("telegram", "xyz"))
    }

    assert [identity for identity, number in somebody.items() if is_operator(database, number)] == [
        ("browser", "xyz"),
        ("terminal", "me"),
    ]


def test_an_operator_makes_another_one_and_takes_it_back(database, cast):
    assert is_operator(database, cast.dana)
    assert not is_operator(database, cast.alice)

    assert database.run(lambda work: administration.make_operator(work, cast.alice, True, **DANA))
    assert is_operator(database, cast.alice)
    assert not database.run(lambda work: administration.make_operator(work, cast.alice, True, **DANA))

    assert database.run(lambda work: administration.make_operator(work, cast.alice, False, **DANA))
    assert not is_operator(database, cast.alice)
    assert recorded(database, "operator off") == [("telegram:dana", cast.alice, None, "", "because of a test")]


def test_an_operator_stays_one_on_the_account_that_was_linked(database, cast):
    database.run(lambda work: ledger.link(work, cast.dana, cast.alice, "link:1"))

    assert is_operator(database, cast.alice)


def test_an_operator_by_setting_keeps_it_when_the_account_is_linked(new_database):
    database = new_database(operators="browser:xyz")
    xyz, carol = (
        database.run(lambda work, name=name: accounts.find_or_create(work, *name))
        for name in (("browser", "xyz"), ("telegram", "carol"))
    )
    database.run(lambda work: ledger.link(work, xyz, carol, "link:1"))

    assert is_operator(database, carol)


def test_a_stranger_is_no_operator(database):
    assert not is_operator(database, 404)


# what operators do


def test_giving_credits_is_recorded_with_who_and_why(database, cast):
    receipt = database.run(lambda work: administration.credit(work, cast.bob, parse("2.5"), "form 7", **DANA))

    assert (receipt.balance, receipt.is_replay) == (parse("2.5"), False)
    assert balance(database, cast.bob).spendable == parse("2.5")
    assert recorded(database, "credit")[-1] == (
        "telegram:dana",
        cast.bob,
        None,
        "2.5 (admin:form 7)",
        "because of a test",
    )


def test_taking_credits_is_recorded_too(database, cast):
    database.run(lambda work: administration.credit(work, cast.alice, parse(-3), "form 7", **DANA))

    assert balance(database, cast.alice).spendable == parse(52)
    assert recorded(database, "credit")[-1][3] == "-3 (admin:form 7)"


def test_the_chain_names_no_operator(database, cast):
    database.run(lambda work: administration.credit(work, cast.bob, parse(1), "form 7", **DANA))

    with database.read() as work:
        actors = work.execute(sa.text("SELECT DISTINCT actor FROM transactions")).scalars().all()
    assert set(actors) == {"system", "operator"}


def test_the_same_form_acts_once_however_often_it_is_posted(database, cast):
    def post(_):
        return database.run(lambda work: administration.credit(work, cast.bob, parse(10), "form 7", **DANA))

    receipts = at_once(post, 5)

    assert [receipt.is_replay for receipt in receipts].count(False) == 1
    assert {(receipt.version, receipt.balance) for receipt in receipts} == {(receipts[0].version, parse(10))}
    assert balance(database, cast.bob).spendable == parse(10)
    assert len(recorded(database, "credit")) == 2  # the other one made Bob broke


def test_the_same_form_with_another_amount_is_refused(database, cast):
    database.run(lambda work: administration.credit(work, cast.bob, parse(10), "form 7", **DANA))

    for amount in (11, -10):
        with pytest.raises(KeyReused):
            database.run(
                lambda work, amount=amount: administration.credit(work, cast.bob, parse(amount), "form 7", **DANA)
            )
    assert balance(database, cast.bob).spendable == parse(10)


def test_a_guest_is_given_no_credits_and_nothing_is_recorded(database, cast):
    before = how_many(database, actions)

    with pytest.raises(NotAMember):
        database.run(lambda work: administration.credit(work, cast.gus, parse(1), "form 7", **DANA))
    assert how_many(database, actions) == before


def test_what_could_not_be_taken_leaves_no_trace(database, cast):
    before = (how_many(database, actions), how_many(database, notes))

    with pytest.raises(NotBelowZero):
        database.run(lambda work: administration.credit(work, cast.alice, parse(-56), "form 7", **DANA))
    assert (how_many(database, actions), how_many(database, notes)) == before


def test_a_ban_is_recorded_once_and_its_end_too(database, cast):
    assert database.run(lambda work: administration.ban(work, cast.alice, **DANA))
    assert not database.run(lambda work: administration.ban(work, cast.alice, actor="x", reason="again"))
    with database.read() as work:
        assert work.execute(sa.select(bans.c.reason)).scalars().all() == ["because of a test"]

    assert database.run(lambda work: administration.unban(work, cast.alice, **DANA))
    assert not database.run(lambda work: administration.unban(work, cast.alice, **DANA))

    line = ("telegram:dana", cast.alice, 0, "", "because of a test")
    assert recorded(database, "ban") == recorded(database, "unban") == [line]


def test_maintenance_is_recorded_once_each_way(database, cast):
    for is_on in (True, False):
        assert database.run(lambda work, is_on=is_on: administration.maintenance(work, is_on, **DANA))
        assert not database.run(lambda work, is_on=is_on: administration.maintenance(work, is_on, **DANA))

    line = ("telegram:dana", None, 0, "", "because of a test")
    assert recorded(database, "maintenance on") == recorded(database, "maintenance off") == [line]


def test_a_space_that_is_not_there_has_no_bans_and_no_switch(database, cast):
    for act in (
        lambda work: administration.ban(work, cast.alice, space_id=404, **DANA),
        lambda work: administration.maintenance(work, True, space_id=404, **DANA),
    ):
        with pytest.raises(NotFound) as refused:
            database.run(act)
        assert (refused.value.kind, refused.value.id) == ("space", "404")


ACTS = {
    "credit": lambda work, cast, reason: administration.credit(
        work, cast.alice, parse(1), "form 7", actor="telegram:dana", reason=reason
    ),
    "take": lambda work, cast, reason: administration.credit(
        work, cast.alice, parse(-1), "form 7", actor="telegram:dana", reason=reason
    ),
    "ban": lambda work, cast, reason: administration.ban(work, cast.alice, actor="telegram:dana", reason=reason),
    "unban": lambda work, cast, reason: administration.unban(work, cast.bob, actor="telegram:dana", reason=reason),
    "maintenance": lambda work, cast, reason: administration.maintenance(
        work, True, actor="telegram:dana", reason=reason
    ),
    "make_operator": lambda work, cast, reason: administration.make_operator(
        work, cast.alice, True, actor="telegram:dana", reason=reason
    ),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("reason", ["", " \n"])
def test_nothing_is_done_without_a_reason(database, cast, act, reason):
    database.run(lambda work: administration.ban(work, cast.bob, **DANA))
    before = (how_many(database, actions), how_many(database, notes), balance(database, cast.alice).spendable)

    with pytest.raises(ValueError, match="a reason is needed"):
        database.run(lambda work: ACTS[act](work, cast, reason))

    assert (how_many(database, actions), how_many(database, notes), balance(database, cast.alice).spendable) == before
    assert how_many(database, bans) == 1
    assert not is_operator(database, cast.alice)
    with database.read() as work:
        assert not any(work.execute(sa.select(spaces.c.is_under_maintenance)).scalars())


def test_zero_credits_are_refused(database, cast):
    with pytest.raises(ValueError, match="zero"):
        database.run(lambda work: administration.credit(work, cast.alice, parse(0), "form 7", **DANA))

"""The duty to show how a generation ended: owed once, claimed by one at a time, ended once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from engine import deliveries, generations, ledger
from engine.generations import Ask
from engine.tables import State
from engine.tables import deliveries as rows
from tests.conftest import later


def owe(database, account_id, key="m1", platform="telegram", address="chat 7"):
    """A generation that has failed, and is to be told."""
    ask = Ask(account_id, platform, key, "flux-dev", "a fox", address=address, locale="es")
    generation = database.run(lambda work: generations.request(work, ask))
    return database.run(lambda work: generations.end(work, generation.id, State.FAILED)).id


def claim(database, platform="telegram", **more):
    return database.run(lambda work: deliveries.claim(work, platform, **more))


def claim_of(database, account_id, platform="telegram"):
    return database.run(lambda work: deliveries.claim_of(work, platform, account_id))


def state(database):
    with database.read() as work:
        return tuple(work.execute(sa.select(rows.c.state, rows.c.reason, rows.c.done_at.is_not(None))).one())


def test_what_ended_is_owed_to_the_platform_that_asked(database, cast):
    generation_id = owe(database, cast.alice)
    assert claim(database, "discord") == []

    (delivery,) = claim(database)

    assert (delivery.generation_id, delivery.account_id, delivery.platform) == (generation_id, cast.alice, "telegram")
    assert (delivery.address, delivery.locale, delivery.attempts) == ("chat 7", "es", 1)


def test_where_nobody_waits_nothing_is_owed(database, cast):
    owe(database, cast.alice, address="")

    assert claim(database) == []


def test_who_dies_with_a_delivery_leaves_it_to_the_next(database, cast):
    owe(database, cast.alice)
    claim(database, seconds=30)
    later(database, seconds=20)
    assert claim(database) == []

    later(database, seconds=11)

    (delivery,) = claim(database)
    assert delivery.attempts == 2


def test_of_six_who_claim_at_once_each_gets_others(database, cast):
    for key in ("m1", "m2", "m3"):
        owe(database, cast.alice, key)
    start = threading.Barrier(6)

    def take(_):
        start.wait()
        return [delivery.id for delivery in claim(database, limit=1)]

    with ThreadPoolExecutor(6) as crowd:
        taken = [one for some in crowd.map(take, range(6)) for one in some]

    assert len(taken) == len(set(taken)) <= 3
    assert len(taken) + len(claim(database)) == 3


def test_what_was_shown_is_not_shown_again(database, cast):
    owe(database, cast.alice)
    (delivery,) = claim(database)

    database.run(lambda work: deliveries.done(work, delivery))
    database.run(lambda work: deliveries.give_up(work, delivery, "who came too late"))

    later(database, days=1)
    assert (claim(database), state(database)) == ([], ("done", None, True))


def test_a_platform_that_wants_silence_gets_it(database, cast):
    owe(database, cast.alice)
    (delivery,) = claim(database)

    database.run(lambda work: deliveries.later(work, delivery, 90))

    later(database, seconds=75)
    assert claim(database) == []
    later(database, seconds=16)
    assert len(claim(database)) == 1


def test_what_cannot_be_shown_says_why(database, cast):
    owe(database, cast.alice)
    (delivery,) = claim(database)

    database.run(lambda work: deliveries.give_up(work, delivery, "the bot was blocked"))

    later(database, days=1)
    assert (claim(database), state(database)) == ([], ("undeliverable", "the bot was blocked", True))


def test_one_account_claims_its_own_also_what_came_by_linking(database, cast):
    owe(database, cast.alice)
    linked = owe(database, cast.carol_on_discord, "m2")
    assert claim_of(database, cast.carol) == []
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))

    (delivery,) = claim_of(database, cast.carol)

    assert (delivery.generation_id, delivery.account_id) == (linked, cast.carol)

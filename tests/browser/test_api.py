"""What a picture costs over the JSON API, told as stories; and that the same request never costs twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import administration, generations, history, ledger, preferences, purchases
from engine.credits import Credits
from engine.ports import Trouble
from engine.tables import Bought
from engine.tables import accounts as account_rows
from engine.tables import generations as rows
from tests.browser.api_app import (
    FOX,
    SITE,
    ask,
    count,
    finish,
    key_of,
    make_app,
    named,
    problem,
    serving,
    take_all_but,
    visit,
)
from tests.conftest import later, make_cast
from tests.engine.driving import assert_books_are_right, fail


def test_a_picture_from_the_request_to_the_statement(client, database, cast, alice):
    begun = ask(client, alice, {**FOX, "model": "flux-dev", "seed": 7, "size": "16:9"})
    told = begun.json()
    assert begun.status_code == 202
    assert begun.headers["location"] == told["status_url"] == f"{SITE}/api/generations/{told['id']}"
    assert (told["state"], told["cost"], told["remaining"]) == ("queued", 1, 54)
    assert (told["images"], told["error"], told["seed"]) == ([], None, 7)
    finish(database, told["id"])
    there = client.get(told["status_url"], headers=alice).json()
    assert (there["state"], there["cost"], there["remaining"]) == ("stored", 1, 54)
    [image] = there["images"]
    assert (image["width"], image["height"], image["content_type"]) == (64, 48, "image/jpeg")
    assert image["url"].startswith(f"{SITE}/media/generations/{told['id']}/0.jpg?")
    lines = client.get("/api/history", headers=alice).json()["lines"]
    assert [(line["kind"], line["change"], line["spent"]) for line in lines[:2]] == [("settle", 0, 1), ("hold", -1, 0)]
    assert_books_are_right(database)


def test_a_picture_that_fails_costs_nothing_and_says_why(client, database, cast, alice):
    told = ask(client, alice).json()
    with database.read() as work:
        generation = generations.get(work, told["id"])
    fail(database, generation, Trouble.REFUSED)
    there = client.get(told["status_url"], headers={**alice, "Accept-Language": "es-MX, en;q=0.5"})
    assert there.headers["content-language"] == "es"
    assert (there.json()["state"], there.json()["cost"], there.json()["remaining"]) == ("failed", 0, 55)
    assert there.json()["error"]["kind"] == "refused"
    assert there.json()["error"]["message"].startswith("El modelo")
    sums = client.get("/api/credits", headers=alice).json()["lifetime"]
    assert sums == {"granted": 55, "spent": 0, "returned": 0.5}


def test_a_cancelled_picture_says_so(client, database, cast, alice):
    told = ask(client, alice).json()
    database.run(lambda work: generations.cancel(work, cast.alice, told["id"]))
    there = client.get(told["status_url"], headers=alice).json()
    assert (there["state"], there["cost"], there["error"]["kind"]) == ("cancelled", 0, "cancelled")


def test_without_a_model_the_default_draws_else_the_cheapest_that_can(client, database, cast, alice):
    assert ask(client, alice).json()["model"] == "nano-banana"
    assert ask(client, alice, {**FOX, "seed": 7}).json()["model"] == "flux-dev"
    database.run(lambda work: preferences.choose_model(work, cast.alice, "gemini-flash", Credits(99)))
    told = ask(client, alice).json()
    assert (told["model"], told["cost"]) == ("gemini-flash", 1)


def test_nano_banana_has_a_door_of_its_own(client, alice):
    told = client.post("/api/generate-nano-banana", json={**FOX, "size": "16:9"}, headers=alice)
    assert (told.status_code, told.json()["model"], told.json()["cost"]) == (202, "nano-banana", 0.5)
    response = client.post("/api/generate-nano-banana", json={**FOX, "model": "flux-dev"}, headers=alice)
    assert problem(response) == (422, "bad-input")


def test_guests_draw_until_their_limit_and_are_told_when_to_come_back(client, database):
    gus = visit(database)
    for _ in range(3):
        finish(database, ask(client, gus).json()["id"])
    refused = ask(client, gus)
    assert problem(refused) == (429, "guest-limit")
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
    assert refused.headers["ratelimit-limit"] == "3"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == refused.headers["retry-after"]
    assert (refused.json()["limit"], refused.json()["used"]) == (3, 3)
    assert refused.json()["returns_at"].endswith("Z")
    later(database, seconds=int(refused.headers["retry-after"]))
    assert ask(client, gus).status_code == 202
    assert problem(ask(client, gus, {**FOX, "model": "nano-banana-pro"})) == (403, "guest-model-too-dear")


def test_a_used_up_day_is_429_and_anything_else_too_short_is_402(client, database, cast):
    bob = key_of(database, cast.bob)
    refused = ask(client, bob)
    assert problem(refused) == (429, "daily-limit")
    assert 11.5 * 3600 < int(refused.headers["retry-after"]) <= 12 * 3600
    assert refused.headers["ratelimit-limit"] == "5"
    assert (refused.json()["needed"], refused.json()["available"], refused.json()["missing"]) == (0.5, 0, 0.5)
    take_all_but(database, cast.alice, 1_25)
    refused = ask(client, key_of(database, cast.alice), {**FOX, "model": "nano-banana-pro"})
    assert problem(refused) == (402, "insufficient-credits")
    assert (refused.json()["available"], refused.json()["missing"]) == (1.25, 0.75)
    assert "retry-after" not in refused.headers


def test_bought_credits_are_spent_after_a_yes_unless_the_settings_say_never(client, database, cast):
    bob = key_of(database, cast.bob)
    database.run(lambda work: purchases.paid(work, "p1", cast.bob, Credits(25_00)))
    refused = ask(client, bob)
    assert problem(refused) == (402, "bought-credits-needed")
    assert (refused.json()["free"], refused.json()["bought_needed"]) == (0, 0.5)
    assert "use_bought_credits" in refused.json()["detail"]
    yes = {**FOX, "use_bought_credits": True}
    assert ask(client, bob, yes).json()["remaining"] == 24.5
    database.run(lambda work: preferences.choose_bought(work, cast.bob, Bought.FREE_ONLY))
    assert problem(ask(client, bob, yes)) == (402, "bought-credits-off")
    assert_books_are_right(database)


def test_the_own_cap_is_429_until_midnight(client, database, cast, alice):
    database.run(lambda work: preferences.choose_cap(work, cast.alice, Credits(1_50)))
    assert ask(client, alice, {**FOX, "model": "flux-dev"}).status_code == 202
    refused = ask(client, alice, {**FOX, "model": "flux-dev"})
    assert problem(refused) == (429, "own-cap-reached")
    assert (refused.json()["cap"], refused.json()["spent"]) == (1.5, 1)
    assert refused.headers["ratelimit-remaining"] == "0"
    assert 11.5 * 3600 < int(refused.headers["retry-after"]) <= 12 * 3600


def test_too_soon_and_too_many_at_once_are_429(new_database, tmp_path):
    database = new_database(running_per_account=2, request_seconds=10)
    with serving(make_app(database, tmp_path)) as client:
        alice = key_of(database, make_cast(database).alice)
        ask(client, alice)
        refused = ask(client, alice)
        assert problem(refused) == (429, "too-soon")
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        later(database, seconds=11)
        ask(client, alice)
        later(database, seconds=11)
        refused = ask(client, alice)
        assert problem(refused) == (429, "too-many-running")
        assert int(refused.headers["retry-after"]) >= 1


def test_the_same_key_and_body_is_the_same_generation(client, database, cast, alice):
    first = ask(client, alice, **named("order 1"))
    again = ask(client, alice, **named("order 1"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    finish(database, first.json()["id"])
    database.run(lambda work: administration.maintenance(work, True, actor="terminal", reason="a test"))
    again = ask(client, alice, **named("order 1"))
    assert (again.status_code, len(again.json()["images"]), again.json()["remaining"]) == (200, 1, 54.5)
    assert ask(client, alice, {**FOX, "model": "nano-banana"}, **named("order 1")).status_code == 200


@pytest.mark.parametrize(
    "other",
    [{"prompt": "an owl"}, {"model": "flux-dev"}, {"size": "1:1"}, {"seed": 1}],
    ids=lambda other: next(iter(other)),
)
def test_the_same_key_with_another_body_is_refused(client, database, alice, other):
    ask(client, alice, **named("order 1"))
    assert problem(ask(client, alice, {**FOX, **other}, **named("order 1"))) == (422, "idempotency-key-reused")
    assert count(database, rows) == 1


def test_keys_of_requests_are_each_accounts_own_and_without_one_each_request_is_new(client, database, cast, alice):
    carol = key_of(database, cast.carol)
    made = [ask(client, alice, **named("1")), ask(client, carol, **named("1")), ask(client, alice), ask(client, alice)]
    assert len({response.json()["id"] for response in made}) == 4
    for bad in ("x" * 201, " ", "tab\there", "\xfc"):
        assert problem(ask(client, alice, **named(bad.encode("latin-1")))) == (422, "bad-input")


def test_a_request_stays_the_same_after_its_account_was_joined_into_another(client, database, cast):
    carol = key_of(database, cast.carol_on_discord)
    first = ask(client, carol, **named("order 1"))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "l1"))
    again = ask(client, carol, **named("order 1"))
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert problem(ask(client, carol, {"prompt": "an owl"}, **named("order 1"))) == (422, "idempotency-key-reused")
    finish(database, first.json()["id"])
    sums = client.get("/api/credits", headers=carol).json()["lifetime"]
    assert (sums["granted"], sums["spent"]) == (110, 0.5)
    assert_books_are_right(database)


def test_sixteen_at_once_with_one_key_draw_and_hold_once(client, database, cast, alice):
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: ask(client, alice, **named("order 1")), range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == count(database, rows) == 1
    with database.read() as work:
        assert history.balance(work, cast.alice).held == 50
    assert_books_are_right(database)


def test_sixteen_first_words_of_one_visitor_make_one_guest(client, database):
    gus = visit(database)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: ask(client, gus), range(16)))
    begun = [answer for answer in answers if answer.status_code == 202]
    assert (len(begun), count(database, account_rows)) == (3, 1)
    assert {problem(answer) for answer in answers if answer not in begun} == {(429, "too-many-running")}

"""What the JSON API tells: statement, credits, models, packs."""

import pytest

from engine.tables import accounts as account_rows
from tests.browser.api_app import FOX, ask, count, finish, key_of, make_app, problem, serving, visit


@pytest.fixture
def kind():
    """One kind of database will do: money is told on both in test_api.py."""
    return "sqlite"


def test_the_statement_pages_through_everything_once(client, database, cast, alice):
    finish(database, ask(client, alice).json()["id"])
    whole = client.get("/api/history", params={"limit": 100}, headers=alice).json()
    assert whole["after"] is None
    lines, after = [], None
    while True:
        page = client.get(
            "/api/history", params={"limit": 1, **({"after": after} if after else {})}, headers=alice
        ).json()
        lines += page["lines"]
        after = page["after"]
        if after is None:
            break
    assert lines == whole["lines"]
    for bad in ("x", "1-", "1-2_", "1-2;", "9" * 3000):
        assert problem(client.get("/api/history", params={"after": bad}, headers=alice)) == (422, "bad-input")


def test_credits_show_buckets_day_storage_and_the_last_lines(client, database, cast, alice):
    ask(client, alice, {**FOX, "model": "flux-dev"})
    told = client.get("/api/credits", headers=alice).json()
    assert (told["standing"], told["spendable"], told["held"], told["is_low"]) == ("member", 54, 1, False)
    assert [(bucket["source"], bucket["spendable"], bucket["held"]) for bucket in told["buckets"]] == [
        ("daily", 4, 1),
        ("welcome", 50, 0),
    ]
    assert (told["day"]["limit"], told["day"]["left"]) == (5, 4)
    assert told["day"]["tops_up_at"].endswith("T00:00:00Z")
    assert told["storage"] == {"used": 0, "held": 5_000_000, "limit": 200_000_000}
    assert (told["guest"], told["sign_up"]) == (None, None)
    assert [line["kind"] for line in told["last_transactions"]] == ["hold", "daily", "welcome"]


def test_models_say_what_is_in_reach_and_why_not(client, database, cast):
    stranger = {model["id"]: model for model in client.get("/api/models").json()["models"]}
    assert {model["is_within_reach"] for model in stranger.values()} == {None}
    assert (stranger["nano-banana"]["price"], stranger["nano-banana"]["takes_seed"]) == (0.5, False)
    assert stranger["flux-dev"]["takes_seed"] is True
    guest = {model["id"]: model for model in client.get("/api/models", headers=visit(database)).json()["models"]}
    assert guest["flux-dev"]["is_within_reach"] is True
    assert (guest["nano-banana-pro"]["is_within_reach"], guest["nano-banana-pro"]["reason"]) == (False, "for members")
    bob = client.get("/api/models", headers={**key_of(database, cast.bob), "Accept-Language": "es"}).json()["models"]
    assert not any(model["is_within_reach"] for model in bob)
    assert bob[0]["reason"] == "falta: 0,5 créditos"


def test_packs_are_measured_against_starter(client):
    starter, creator, *_ = client.get("/api/credit-packs").json()["packs"]
    assert (starter["price"], starter["credits"], starter["bonus"], starter["saving_percent"]) == (4.99, 25, 0, 0)
    assert (creator["price"], creator["credits"], creator["is_best_value"]) == (14.99, 110, True)
    assert (creator["bonus"], creator["bonus_percent"], creator["saving_percent"]) == (34.89, 46, 31)


def test_credits_are_written_as_a_person_writes_them(client, alice):
    text = ask(client, alice).text
    assert '"cost":0.5,' in text
    assert '"remaining":54.5,' in text
    assert '"price":1,' in client.get("/api/models").text


def test_answers_are_kept_by_nobody_and_name_their_language(client, alice):
    for response in (client.get("/api/credits", headers=alice), client.get("/api/credits")):
        assert response.headers["cache-control"] == "private, no-store"
        assert response.headers["content-language"] == "en"
    refused = client.get("/api/credits", headers={"Accept-Language": "xx, es-AR;q=0.8"})
    assert (refused.headers["content-language"], refused.json()["title"]) == ("es", "Hace falta una clave")


def test_our_own_trouble_is_told_with_a_number_that_the_log_knows(database, cast, tmp_path, caplog):
    class Broken:
        def link(self, key, filename=None):
            raise RuntimeError("the secret password is fox")

    with serving(make_app(database, tmp_path, media=Broken())) as client:
        alice = key_of(database, cast.alice)
        told = ask(client, alice).json()
        finish(database, told["id"])
        response = client.get(f"/api/generations/{told['id']}", headers=alice)
    assert problem(response) == (500, "trouble")
    assert response.json()["id"] in caplog.text
    assert response.json()["id"] in response.json()["detail"]
    assert "password" not in response.text


def test_nothing_of_a_request_that_is_refused_stays(client, database, cast):
    before = count(database, account_rows)
    assert problem(ask(client, visit(database), {**FOX, "model": "nano-banana-pro"})) == (403, "guest-model-too-dear")
    assert count(database, account_rows) == before

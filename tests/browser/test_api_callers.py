"""Who may ask the JSON API, by key or by cookie, and what a stranger gets."""

import pytest

from engine import keys
from engine.tables import identities
from tests.browser.api_app import SITE, ask, count, make_app, problem, serving, visit


@pytest.fixture
def kind():
    """One kind of database will do: money is told on both in test_api.py."""
    return "sqlite"


def test_without_credentials_an_account_is_nobodys_and_the_catalog_everybodys(client):
    for path in ("/api/credits", "/api/history", "/api/generations/1"):
        response = client.get(path)
        assert problem(response) == (401, "no-credentials")
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert "/apikey" in response.json()["detail"]
    assert problem(ask(client, {})) == (401, "no-credentials")
    assert client.get("/api/models").status_code == client.get("/api/credit-packs").status_code == 200


@pytest.mark.parametrize("shown", ["Bearer easel_wrong", "Bearer ", "Basic YTpi", "", "Bearer \xff"])
def test_a_wrong_key_is_told_so_even_beside_a_good_cookie_or_where_none_is_needed(client, database, shown):
    who = {**visit(database), "Authorization": shown.encode("latin-1")}
    for path in ("/api/credits", "/api/models"):
        response = client.get(path, headers=who)
        assert problem(response) == (401, "wrong-key")
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_revoked_key_ends_at_once(client, database, cast, alice):
    assert client.get("/api/credits", headers=alice).status_code == 200
    with database.read() as work:
        [key] = keys.all_keys(work, cast.alice)
    database.run(lambda work: keys.revoke(work, cast.alice, key.id))
    assert problem(client.get("/api/credits", headers=alice)) == (401, "wrong-key")
    assert problem(ask(client, alice)) == (401, "wrong-key")


def test_the_use_of_a_key_is_noted(client, database, cast, alice):
    client.get("/api/models", headers=alice)
    with database.read() as work:
        assert keys.all_keys(work, cast.alice)[0].last_used_at is not None


def test_a_visitor_who_only_looks_leaves_no_row_and_becomes_a_guest_by_asking(client, database):
    gus = visit(database)
    seen = client.get("/api/credits", headers=gus).json()
    assert seen["standing"] == "guest"
    assert seen["guest"] == {"limit": 3, "used": 0, "left": 3, "returns_at": None}
    assert seen["sign_up"] == {"welcome_credits": 50, "daily_credits": 5, "url": f"{SITE}/"}
    assert client.get("/api/history", headers=gus).json() == {"lines": [], "after": None}
    assert problem(client.get("/api/generations/1", headers=gus)) == (404, "not-found")
    assert count(database, identities) == 0
    told = ask(client, gus).json()
    assert (told["cost"], told["remaining"], told["free_pictures_left"]) == (0, 0, 2)
    assert client.get("/api/credits", headers=gus).json()["guest"]["used"] == 1


def test_a_cookie_speaks_only_from_our_own_page(client, database):
    cookie = {"Cookie": visit(database)["Cookie"]}
    elsewhere = ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"})
    for headers in elsewhere:
        assert problem(ask(client, {**cookie, **headers})) == (403, "cross-site")
    assert ask(client, {**cookie, "Origin": SITE}).status_code == 202
    assert client.get("/api/credits", headers={**cookie, "Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_without_any_free_pictures_a_guest_is_not_told_to_come_back(new_database, tmp_path):
    database = new_database(guest_generations=0)
    with serving(make_app(database, tmp_path)) as client:
        refused = ask(client, visit(database))
        assert problem(refused) == (429, "guest-limit")
        assert (refused.json()["returns_at"], "retry-after" in refused.headers) == (None, False)

"""Every no of the JSON API with its status, its facts and its headers."""

import pytest

from engine import administration
from engine.tables import generations as rows
from tests.browser.api_app import FOX, ask, count, key_of, make_app, problem, serving, take_all_but
from tests.conftest import make_cast


@pytest.fixture
def kind():
    """One kind of database will do: money is told on both in test_api.py."""
    return "sqlite"


def test_anothers_generation_is_not_there(client, database, cast, alice):
    told = ask(client, key_of(database, cast.carol)).json()
    for number in (told["id"], 999_999, 2**63 - 1):
        assert problem(client.get(f"/api/generations/{number}", headers=alice)) == (404, "not-found")
    for number in (0, -1, 2**63, "x"):
        assert problem(client.get(f"/api/generations/{number}", headers=alice)) == (422, "bad-input")


def test_the_banned_are_403_and_may_still_look(client, database, cast, alice):
    database.run(lambda work: administration.ban(work, cast.alice, actor="terminal", reason="spam"))
    refused = ask(client, alice)
    assert problem(refused) == (403, "banned")
    assert (refused.json()["reason"], refused.json()["is_everywhere"]) == ("spam", True)
    assert client.get("/api/credits", headers=alice).status_code == 200


def test_maintenance_is_503_and_says_when_to_ask_again(client, database, alice):
    database.run(lambda work: administration.maintenance(work, True, actor="terminal", reason="a test"))
    refused = ask(client, alice)
    assert problem(refused) == (503, "under-maintenance")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["title"] == "We are upgrading our systems"


def test_full_storage_is_507_and_all_that_is_missing_is_told_at_once(new_database, tmp_path):
    database = new_database(member_storage_mb=4, request_seconds=0)
    with serving(make_app(database, tmp_path)) as client:
        cast = make_cast(database)
        refused = ask(client, key_of(database, cast.alice))
        assert problem(refused) == (507, "storage-full")
        assert (refused.json()["needed"], refused.json()["limit"]) == (5_000_000, 4_000_000)
        both = ask(client, key_of(database, cast.bob)).json()
        assert (both["status"], both["type"]) == (507, "/problems/storage-full")
        assert [part["type"] for part in both["shortages"]] == ["/problems/storage-full", "/problems/daily-limit"]
        take_all_but(database, cast.alice, 1_00)
        refused = ask(client, key_of(database, cast.alice), {**FOX, "model": "nano-banana-pro"})
        assert problem(refused) == (402, "insufficient-credits")
        assert [part["status"] for part in refused.json()["shortages"]] == [507, 402]
        assert "retry-after" not in refused.headers


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({**FOX, "model": "no-such"}, "unknown-model"),
        ({**FOX, "model": "flux-dev", "size": "7:3"}, "not-offered"),
        ({**FOX, "model": "nano-banana", "seed": 1}, "not-offered"),
        ({"prompt": "x" * 2001}, "prompt-too-long"),
        ({"prompt": "x" * 20_001}, "bad-input"),
        ({"prompt": " "}, "bad-input"),
        ({"prompt": "nul \0"}, "bad-input"),
        ({**FOX, "model": "\0"}, "bad-input"),
        ({**FOX, "seed": 2**31}, "bad-input"),
        ({**FOX, "seed": "7"}, "bad-input"),
        ({**FOX, "pictures": 10}, "bad-input"),
        ({}, "bad-input"),
        ([], "bad-input"),
    ],
)
def test_what_cannot_be_drawn_is_422(client, database, alice, body, name):
    assert problem(ask(client, alice, body)) == (422, name)
    assert count(database, rows) == 0


@pytest.mark.parametrize("body", [b"", b"{", b'{"prompt": "\\ud800"}', b"prompt=a", b"[" * 30_000])
def test_a_body_that_is_no_json_is_a_problem_too(client, alice, body):
    response = client.post("/api/generate-image", content=body, headers={**alice, "Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_problems_never_repeat_what_was_sent(client, alice):
    secret = "easel_looks-like-a-secret"
    assert secret not in ask(client, alice, {"prompt": 7, "seed": secret, secret[:5]: 1}).text


def test_paths_and_methods_that_are_not_there_are_problems_without_a_name(client):
    for method, path, status in (("GET", "/api/nothing", 404), ("PUT", "/api/credits", 405)):
        response = client.request(method, path)
        assert (response.status_code, response.json()["type"]) == (status, "about:blank")
        assert response.headers["content-type"] == "application/problem+json"
    assert client.put("/api/credits").headers["allow"] == "GET"
    assert client.get("/nothing").json() == {"detail": "Not Found"}

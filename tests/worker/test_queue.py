"""Hints and wake-ups through a real Redis: what is lost, what is refused, and that the worker goes on."""

import asyncio
import itertools
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc
import zlib
from contextlib import aclosing
from pathlib import Path

import pytest
from redis import Redis
from rq.exceptions import NoSuchJobError
from rq.registry import StartedJobRegistry

from engine.ports import Step
from tests.valkey import until, valkey
from worker import queue
from worker.queue import CHANNEL, RedisQueue, wakes, workers_alive
from worker.strict import Hint, OneNumber, open_queue

ROOT = Path(__file__).parents[2]
OURS, THEIRS = "easel-submit", "easel-finish"
NUMBERS = itertools.count(1)
FAILS, WAITS = 666, 900  # what the worker below does with these ids

SCRIPT = """
import sys, time
from pathlib import Path
from engine.ports import Step
from worker.queue import work
url, folder, step = sys.argv[1], Path(sys.argv[2]), Step(sys.argv[3])
def note(*words):
    with (folder / "notes").open("a") as file:
        print(*words, file=file)
def advance(generation_id):
    note("began", generation_id)
    if generation_id == 666:
        raise RuntimeError("a secret prompt")
    while generation_id >= 900 and not (folder / "go").exists():
        time.sleep(0.01)
    note("ended", generation_id)
work(url, step, advance)
"""

PLANTED = """
from pathlib import Path
def callback(*given):
    (Path(__file__).parent / "called").touch()
"""


class Worker:
    """A worker process that notes which generations it was called for."""

    def __init__(self, url, folder, step):
        self.folder, self.step = folder, step
        (folder / "planted.py").write_text(PLANTED)
        with (folder / "errors").open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, url, str(folder), step],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"},
                stderr=errors,
            )
        with Redis.from_url(url) as redis:
            until(lambda: b"idle" in [redis.hget(key, "state") for key in redis.keys(f"rq:worker:{step}-*")])

    @property
    def notes(self):
        file = self.folder / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def began(self, generation_id):
        until(lambda: f"began {generation_id}" in self.notes)

    def ended(self, generation_id):
        until(lambda: f"ended {generation_id}" in self.notes)

    def finish(self):
        (self.folder / "go").touch()

    def status(self):
        """Once it has ended."""
        return self.process.wait(timeout=20)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tmp_path):
    """Starts workers of the step that the steady one leaves alone, all with the same notes."""
    workers = []

    def begin(url):
        workers.append(Worker(url, tmp_path, Step.FINISH))
        return workers[-1]

    yield begin
    for one in workers:
        one.kill()


@pytest.fixture(scope="module")
def steady(redis_server, tmp_path_factory):
    """One worker that outlives whatever these tests put before it."""
    worker = Worker(redis_server.url, tmp_path_factory.mktemp("steady"), Step.SUBMIT)
    yield worker
    worker.kill()


@pytest.fixture
def redis(redis_url):
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def fresh(steady):
    """The steady worker with nothing noted yet."""
    for name in ("notes", "called"):
        (steady.folder / name).unlink(missing_ok=True)
    return steady


def plant(redis, data, job_id="advance-7-1", fields=None):
    """A job written by someone who can write to Redis."""
    words = {"data": zlib.compress(data), "origin": OURS, "status": "queued", **(fields or {})}
    redis.hset(f"rq:job:{job_id}", mapping=words)
    redis.rpush(f"rq:queue:{OURS}", job_id)


def next_hint_works(url, worker):
    """Generation 55 is looked at, and RQ has forgotten it again, so that the next test finds a quiet worker."""
    number = next(NUMBERS)
    RedisQueue(url).hint(worker.step, 55, number)
    worker.ended(55)
    with Redis.from_url(url) as redis:
        until(lambda: not redis.exists(f"rq:job:advance-55-{number}"))


def test_a_hint_reaches_a_worker_of_its_step_and_leaves_nothing_behind(redis_url, redis, fresh):
    RedisQueue(redis_url).hint(Step.FINISH, 8, 1)
    RedisQueue(redis_url).hint(Step.SUBMIT, 7, 1)
    fresh.ended(7)

    until(lambda: not redis.exists("rq:job:advance-7-1"))
    assert fresh.notes == ["began 7", "ended 7"]
    assert redis.lrange("rq:queue:easel-finish", 0, -1) == [b"advance-8-1"]


def test_what_no_worker_has_taken_is_counted_by_step_and_without_redis_nothing_is_known(redis_url):
    hints = RedisQueue(redis_url)
    for generation_id in (7, 8):
        hints.hint(Step.FINISH, generation_id, 1)

    assert [hints.backlog(step) for step in (Step.FINISH, Step.SUBMIT)] == [2, 0]
    assert RedisQueue("redis://127.0.0.1:1").backlog(Step.FINISH) == 0


def test_the_same_hint_twice_is_one_and_another_number_is_another(redis_url, redis):
    hints = RedisQueue(redis_url)
    hints.hint(Step.FINISH, 7, 1)
    hints.hint(Step.FINISH, 7, 1)
    hints.hint(Step.FINISH, 7, 2)

    assert redis.lrange("rq:queue:easel-finish", 0, -1) == [b"advance-7-1", b"advance-7-2"]
    assert 0 < redis.ttl("rq:job:advance-7-1") <= 24 * 3600


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


CALLED = "touch {folder}/called"
REFUSED = {
    "os.system": lambda command: json.dumps(["os.system", None, [command], {}]).encode(),
    "os.system, pickled": lambda command: pickle.dumps(("os.system", None, (command,), {})),
    "a pickle bomb": lambda command: pickle.dumps(Bomb(command)),
    "our function with a string": lambda _: b'["worker.queue.run", null, ["7"], {}]',
    "our function with two numbers": lambda _: b'["worker.queue.run", null, [7, 8], {}]',
    "another function of ours": lambda _: b'["worker.queue.connect", null, [7], {}]',
    "an unknown function": lambda _: b'["worker.queue.nothing", null, [7], {}]',
    "a string": lambda _: b'"7"',
    "two numbers": lambda _: b"7 8",
    "below zero": lambda _: b"-7",
    "zero": lambda _: b"0",
    "a fraction": lambda _: b"7.5",
    "a line more": lambda _: b"7\n",
    "more than a database counts": lambda _: b"9" * 20,
    "digits of elsewhere": lambda _: "\N{ARABIC-INDIC DIGIT SEVEN}".encode(),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("what", REFUSED)
def test_whatever_is_not_one_number_is_not_run_and_the_worker_goes_on(what, redis_url, redis, fresh):
    plant(redis, REFUSED[what](CALLED.format(folder=fresh.folder)))

    next_hint_works(redis_url, fresh)
    assert fresh.notes == ["began 55", "ended 55"]
    assert not (fresh.folder / "called").exists()
    assert not redis.exists(f"rq:failed:{OURS}")


def test_a_bomb_is_not_unpacked(redis):
    plant(redis, b"0" * 50_000_000)

    tracemalloc.start()
    with pytest.raises(NoSuchJobError):
        Hint.fetch("advance-7-1", redis)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("job_id", "fields"),
    [
        ("advance-7", {}),
        ("../../7", {}),
        ("7" * 100_000, {}),
        ("advance-7-1", {"origin": "of-others"}),
        ("advance-7-1", {"origin": b"\xff"}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_job_of_another_name_or_queue_is_passed_over(job_id, fields, redis_url, redis, fresh):
    plant(redis, b"7", job_id, fields)

    next_hint_works(redis_url, fresh)
    assert fresh.notes == ["began 55", "ended 55"]


HOSTILE = {
    "success_callback_name": "planted.callback",
    "failure_callback_name": "planted.callback",
    "stopped_callback_name": "planted.callback",
    "success_callback_timeout": "x",
    "retries_left": "3",
    "repeats_left": "3",
    "group_id": "g",
    "timeout": "x",
    "result_ttl": "-1",
    "meta": pickle.dumps(Bomb("false")),
    "result": pickle.dumps(Bomb("false")),
    "dependency_ids": '["advance-1-1"]',
    b"\xff": b"\xff",
    "created_at": "never",
    "exc_info": b"\xff",
}


@pytest.mark.parametrize("generation_id", [7, FAILS])
def test_a_hash_full_of_orders_still_only_names_a_generation(generation_id, redis_url, redis, fresh):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        webhooks = [{"url": url, "job_status": status} for status in ("finished", "failed")]
        job_id = f"advance-{generation_id}-1"
        plant(redis, b"%d" % generation_id, job_id, {**HOSTILE, "webhooks": json.dumps(webhooks)})

        next_hint_works(redis_url, fresh)
        assert [note for note in fresh.notes if note.startswith("began")] == [f"began {generation_id}", "began 55"]
        assert not (fresh.folder / "called").exists()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_nothing_waits_for_another_job(redis_url, redis, fresh):
    redis.sadd("rq:job:advance-7-1:dependents", "advance-8-1")
    redis.hset("rq:job:advance-8-1", mapping={"data": zlib.compress(b"8"), "origin": OURS, "status": "deferred"})
    plant(redis, b"7")
    until(lambda: not redis.exists("rq:job:advance-7-1"))

    next_hint_works(redis_url, fresh)
    assert "began 8" not in fresh.notes


def test_a_job_left_in_the_lurch_calls_nothing_back(redis, tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    plant(redis, b"7", fields=HOSTILE)
    redis.zadd(f"rq:wip:{OURS}", {"advance-7-1:execution": 1})

    StartedJobRegistry(queue=open_queue(redis, Step.SUBMIT), job_class=Hint).cleanup()
    assert not (tmp_path / "called").exists()
    assert redis.zrange(f"rq:failed:{OURS}", 0, -1) == [b"advance-7-1"]


def test_a_hint_reads_nothing_but_its_number(redis):
    plant(redis, b"7", fields=HOSTILE)

    hint = Hint.fetch("advance-7-1", redis)
    assert (hint.func, hint.args, hint.kwargs) == (queue.run, (7,), {})
    assert (hint.success_callback, hint.failure_callback, hint.stopped_callback) == (None, None, None)
    assert (hint.webhooks, hint.retries_left, hint.repeats_left, hint.meta) == ([], None, None, {})
    assert (hint.timeout, hint.result_ttl, hint.failure_ttl) == (30, 0, 86400)
    with pytest.raises(NoSuchJobError):
        Hint.fetch("os-system", redis)


@pytest.mark.parametrize(
    "call",
    [
        ("os.system", None, (7,), {}),
        ("worker.queue.run", None, ("7",), {}),
        ("worker.queue.run", None, (7, 8), {}),
        ("worker.queue.run", None, (0,), {}),
        ("worker.queue.run", None, (7,), {"more": 1}),
        ("worker.queue.run", "an object", (7,), {}),
        "a prompt",
        {"a": "prompt"},
    ],
)
def test_nothing_else_can_be_written_either(call):
    with pytest.raises(ValueError, match="only a generation's id"):
        OneNumber.dumps(call)


def test_what_advance_raises_is_logged_and_stays_out_of_redis(redis_url, redis, fresh):
    RedisQueue(redis_url).hint(Step.SUBMIT, FAILS, 1)
    next_hint_works(redis_url, fresh)

    assert fresh.notes.count(f"began {FAILS}") == 1
    assert not redis.exists(f"rq:job:advance-{FAILS}-1", f"rq:failed:{OURS}")
    assert "a secret prompt" in (fresh.folder / "errors").read_text()


def test_a_redis_that_loses_everything_costs_only_what_waited(redis_url, redis, fresh):
    RedisQueue(redis_url).hint(Step.SUBMIT, WAITS, 1)
    fresh.began(WAITS)
    RedisQueue(redis_url).hint(Step.SUBMIT, 8, 1)
    redis.flushall()
    fresh.finish()
    fresh.ended(WAITS)
    (fresh.folder / "go").unlink()

    next_hint_works(redis_url, fresh)
    assert "began 8" not in fresh.notes
    assert workers_alive(redis, Step.SUBMIT) == 1
    assert Hint.fetch(f"advance-{WAITS}-1", redis).latest_result().exc_string == "InvalidJobOperation"


def test_after_a_killed_worker_another_goes_on(redis_url, redis, start):
    first = start(redis_url)
    RedisQueue(redis_url).hint(Step.FINISH, WAITS, 1)
    first.began(WAITS)
    RedisQueue(redis_url).hint(Step.FINISH, 8, 1)
    first.kill()
    redis.rpush(f"rq:queue:{THEIRS}:intermediate", b"\xff")  # what might upset the next one's cleaning
    redis.set(f"rq:clean_registries:{THEIRS}", 1)

    start(redis_url).ended(8)
    assert not redis.exists(f"rq:queue:{THEIRS}:intermediate", f"rq:clean_registries:{THEIRS}")


def test_sigterm_lets_the_job_in_hand_finish_and_takes_no_other(redis_url, redis, start):
    worker = start(redis_url)
    RedisQueue(redis_url).hint(Step.FINISH, WAITS, 1)
    worker.began(WAITS)
    RedisQueue(redis_url).hint(Step.FINISH, 8, 1)
    worker.process.terminate()
    worker.process.terminate()
    worker.finish()

    assert worker.status() == 0
    assert worker.notes == [f"began {WAITS}", f"ended {WAITS}"]
    assert workers_alive(redis, Step.FINISH) == 0


def test_sigterm_does_not_break_into_the_job_in_hand_when_redis_is_away_too(tmp_path, start):
    with valkey(tmp_path / "redis") as server:
        worker = start(server.url)
        RedisQueue(server.url).hint(Step.FINISH, WAITS, 1)
        worker.began(WAITS)
        server.kill()
        worker.process.terminate()
        worker.finish()

        assert worker.status() == 0
        assert worker.notes == [f"began {WAITS}", f"ended {WAITS}"]


def test_sigterm_ends_an_idle_worker(redis_url, start):
    worker = start(redis_url)
    worker.process.send_signal(signal.SIGTERM)

    assert worker.status() == 0
    assert (worker.folder / "errors").read_text() == ""


def test_only_a_recent_sign_of_life_counts(redis_url, redis, start):
    start(redis_url)
    (key,) = redis.keys("rq:worker:finish-*")
    assert workers_alive(redis, Step.FINISH) == 1

    until(lambda: redis.expire(key, 29) and workers_alive(redis, Step.FINISH) == 0)  # it had 90 at its last sign


def test_a_waiting_worker_outlives_a_restart_of_redis(tmp_path, start):
    with valkey(tmp_path / "redis") as server:
        worker = start(server.url)
        server.kill()
        server.start()
        next_hint_works(server.url, worker)


def test_a_worker_that_loses_redis_over_a_job_asks_to_be_started_again(tmp_path, start):
    with valkey(tmp_path / "redis") as server:
        worker = start(server.url)
        RedisQueue(server.url).hint(Step.FINISH, WAITS, 1)
        worker.began(WAITS)
        server.kill()
        worker.finish()

        assert worker.status() == 1
        assert worker.notes == [f"began {WAITS}", f"ended {WAITS}"]
        assert "WorkerLost" in (worker.folder / "errors").read_text()


def test_a_worker_without_redis_says_so(tmp_path):
    with pytest.raises(queue.WorkerLost, match="the finish worker cannot go on"):
        queue.work(f"unix://{tmp_path}/nowhere.sock", Step.FINISH, print)


def test_without_redis_hints_return_and_say_it_once(tmp_path, caplog):
    with valkey(tmp_path / "redis") as server:
        hints = RedisQueue(server.url)
        hints.hint(Step.SUBMIT, 7, 1)
        server.kill()
        for number in range(1000):
            hints.hint(Step.SUBMIT, 7, number)
            hints.wake(1)
        assert [record.message for record in caplog.records if record.name == "worker.queue"] == [
            "Redis is away (ConnectionError); the watcher will find what is waiting"
        ]

        server.start()
        with Redis.from_url(server.url) as redis:
            until(lambda: hints.hint(Step.SUBMIT, 9, 1) or redis.exists("rq:job:advance-9-1"))
        assert caplog.records[-1].message == "Redis is back"


def test_a_redis_that_never_answers_is_left_alone_after_the_first_try():
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections = []
        threading.Thread(target=lambda: _accept(server, connections), daemon=True).start()
        hints = RedisQueue(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        hints.hint(Step.SUBMIT, 7, 1)
        tried = len(connections)
        hints.hint(Step.SUBMIT, 7, 2)
        hints.wake(1)

        assert 1 <= tried == len(connections) <= 2


def _accept(server, connections):
    while True:
        try:
            connections.append(server.accept()[0])
        except OSError:
            return


def test_wake_ups_arrive_and_a_lost_connection_is_told(tmp_path):
    async def listen():
        async with aclosing(wakes(server.url)) as heard:
            assert await anext(heard) is None
            with Redis.from_url(server.url) as redis:
                redis.publish(CHANNEL, "nonsense")
                redis.publish(CHANNEL, "9" * 5000)
            RedisQueue(server.url).wake(7)
            assert await anext(heard) == 7

            server.kill()
            following = asyncio.ensure_future(anext(heard))
            await asyncio.sleep(0.3)
            server.start()
            assert await following is None
            RedisQueue(server.url).wake(8)
            assert await anext(heard) == 8

    with valkey(tmp_path / "redis") as server:
        asyncio.run(asyncio.wait_for(listen(), 20))


def test_a_listener_that_gets_no_answer_begins_anew(redis_url, monkeypatch):
    monkeypatch.setattr(queue, "QUIET_SECONDS", 0.05)

    async def listen():
        async with aclosing(wakes(redis_url)) as heard:
            assert await anext(heard) is None
            following = asyncio.ensure_future(anext(heard))
            await asyncio.sleep(0.3)
            assert not following.done()  # quiet, but Redis answers
            with Redis.from_url(redis_url) as redis:
                redis.client_pause(1000)
                assert await following is None

    asyncio.run(asyncio.wait_for(listen(), 20))

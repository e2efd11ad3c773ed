"""One machine's processes as a person meets them: start, crash, stop, and nothing left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from redis import Redis

from easel.children import Child
from easel.local import DataInUse, embedded_redis, supervise
from tests.valkey import is_running, until, valkey

ROOT = Path(__file__).parents[1]


class House:
    """A supervisor in a process of its own; see tests/house.py for its children."""

    def __init__(self, folder, *words):
        self.folder = folder
        with (folder / "said").open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.house", str(folder), *words], cwd=ROOT, stdout=said, stderr=said
            )

    @property
    def notes(self):
        """Pairs of a name and what it noted."""
        file = self.folder / "notes"
        return [tuple(line.split()) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def said(self):
        return (self.folder / "said").read_text()

    def pids(self, name=None):
        return [int(what) for who, what in self.notes if what.isdigit() and name in (who, None)]

    def ready(self):
        until(lambda: ("house", "ready") in self.notes)
        return self

    def status(self):
        return self.process.wait(timeout=30)

    def left(self):
        """What still runs of all that ever ran."""
        return [pid for pid in self.pids() if is_running(pid)]


@pytest.fixture
def house(tmp_path):
    houses = []

    def build(*words):
        houses.append(House(tmp_path, *words))
        return houses[-1]

    yield build
    for one in houses:
        one.process.kill()
        one.process.wait()
        until(lambda one=one: not one.left())


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_in_their_order_with_status_0(stop, house):
    here = house("redis:redis:5", "worker:polite:4", "watcher:polite:3", "bot:polite:1", "web:plain:2").ready()
    until(lambda: len(here.pids()) == 4)
    here.process.send_signal(stop)

    assert here.status() == 0
    assert [who for who, what in here.notes if what == "stopped"] == ["bot", "watcher", "worker"]
    assert here.left() == []
    assert "has not stopped" not in here.said


def test_what_they_say_is_passed_on_with_their_names(house):
    here = house("redis:redis:2", "web:plain:1").ready()
    until(lambda: "hello" in here.said)
    here.process.terminate()

    assert here.status() == 0
    assert "      web | hello from web\n" in here.said
    assert "      web | half\n" in here.said


def test_redis_answers_before_the_others_start(house):
    here = house("redis:redis:2", "web:plain:1").ready()
    with Redis.from_url((here.folder / "url").read_text()) as redis:
        assert redis.ping()
        assert redis.config_get("port")["port"] == "0"
        assert (Path(redis.config_get("unixsocket")["unixsocket"]).stat().st_mode & 0o777) == 0o700


def test_a_killed_child_is_started_again(house):
    here = house("web:plain:1", "bot:polite:1").ready()
    until(lambda: len(here.pids()) == 2)
    (first,) = here.pids("web")
    os.kill(first, signal.SIGKILL)

    until(lambda: len(here.pids("web")) == 2)
    assert len(here.pids("bot")) == 1
    assert "easel | web has ended (status -9). Starting it again in 1 s" in here.said


def test_a_child_that_never_stays_up_is_tried_with_longer_pauses(house):
    here = house("web:plain:1", "bot:failing:1", "odd:missing:1")
    until(lambda: len(here.pids("bot")) == 2)

    assert "bot has ended (status 3). Starting it again in 1 s" in here.said
    until(lambda: "bot has ended (status 3). Starting it again in 2 s" in here.said)
    assert here.said.count("bot | no such token") == 2
    assert ("house", "ready") not in here.notes
    here.process.terminate()
    assert here.status() == 0


def test_a_child_that_closed_its_output_is_still_looked_after(house):
    here = house("web:mute:1").ready()
    until(lambda: here.pids())
    os.kill(here.pids()[0], signal.SIGKILL)
    until(lambda: len(here.pids()) == 2)


@pytest.mark.long
def test_a_child_that_does_not_stop_is_killed_after_ten_seconds(house):
    here = house("web:deaf:1", "worker:polite:2").ready()
    until(lambda: len(here.pids()) == 2)
    here.process.terminate()

    assert here.status() == 0
    assert here.left() == []
    assert "web has not stopped; killing it" in here.said
    assert ("worker", "stopped") in here.notes


def test_a_second_ctrl_c_kills_at_once(house):
    here = house("web:deaf:1", "worker:deaf:2").ready()
    until(lambda: len(here.pids()) == 2)
    here.process.send_signal(signal.SIGINT)
    until(lambda: "stopping" in here.said)
    time.sleep(0.6)  # nearer ones count as one
    here.process.send_signal(signal.SIGINT)

    assert here.status() == 1
    assert here.left() == []


@pytest.mark.parametrize("also", ["nobody", "guard"])
def test_kill_9_leaves_nothing_alive(also, house):
    here = house("redis:redis:2", "web:parent:1", "worker:deaf:1").ready()
    until(lambda: len(here.pids()) == 3)
    with Redis.from_url((here.folder / "url").read_text()) as redis:
        server = redis.info("server")["process_id"]
    grandchild, web = here.pids("web")
    if also == "guard":  # without it, what the kernel does is left: children die, grandchildren may not
        os.kill(os.getpgid(web), signal.SIGKILL)
    os.kill(here.process.pid, signal.SIGKILL)

    until(lambda: not any(is_running(pid) for pid in (server, web, *here.pids("worker"))))
    if also == "nobody":
        until(lambda: not is_running(grandchild))
    elif is_running(grandchild):
        os.kill(grandchild, signal.SIGKILL)


def test_grandchildren_go_at_the_end_too(house):
    here = house("web:parent:1").ready()
    until(lambda: len(here.pids()) == 2)
    here.process.terminate()

    assert here.status() == 0
    until(lambda: not here.left())


def test_a_second_house_on_the_same_data_is_refused_with_the_first_ones_pid(house, tmp_path):
    (tmp_path / "lock").write_text("12345678 of an earlier one\n")
    here = house("web:plain:1").ready()

    with pytest.raises(DataInUse, match=rf"{here.folder} is in use by process {here.process.pid}$"):
        supervise([], here.folder, lambda: None)
    assert is_running(here.process.pid)


def test_the_data_is_free_again_after_kill_9(house):
    here = house("web:plain:1").ready()
    here.process.kill()
    here.status()
    until(lambda: not here.left())
    (here.folder / "notes").unlink()

    house("web:plain:1").ready()


def test_what_was_queued_outlives_kill_9_of_redis(tmp_path):
    with valkey(tmp_path / "100% mine?" / "redis") as server:
        with Redis.from_url(server.url) as redis:
            redis.rpush("queue", "7")
        server.kill()
        server.start()
        with Redis.from_url(server.url) as redis:
            assert redis.lrange("queue", 0, -1) == [b"7"]


@pytest.fixture
def short(monkeypatch):
    """A temporary folder with a short name."""
    with tempfile.TemporaryDirectory(prefix="e") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path, short):
    with valkey(tmp_path / ("d" * 100) / "redis") as server, Redis.from_url(server.url) as redis:
        socket = Path(redis.config_get("unixsocket")["unixsocket"])
        assert socket.parent.parent == short
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert redis.config_get("dir")["dir"].endswith("/redis")

    socket.parent.chmod(0o755)
    with pytest.raises(OSError, match="is not a folder of this user alone"):
        embedded_redis(tmp_path / ("d" * 100) / "redis")


def test_a_child_is_ready_when_nothing_else_is_said():
    assert Child("web", ["true"], 1).is_ready()

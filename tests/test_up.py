"""`easel up`, as a newcomer meets it: a picture in a minute, whatever is killed meanwhile, and nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from engine import accounts, generations
from engine.audit import audit
from engine.tables import State
from tests.browser.guest import Guest
from tests.up import ROOT, house

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of a house through /proc"),
]


def latest(running, guest):
    """The guest's newest generation."""
    with closing(running.database()) as database, database.read() as work:
        account_id = accounts.find(work, "browser", guest.user_id(database))
        return generations.latest(work, account_id)[0] if account_id else None


def draw(running, guest, prompt):
    """Ask for a picture and wait until it has ended."""
    answer = guest.press("imagine", prompt=prompt, model="flux-dev", price=0)
    assert "data-generation" in answer["html"], answer
    running.wait_until(lambda: not latest(running, guest).is_open)
    return latest(running, guest)


def test_a_picture_comes_and_again_after_each_part_was_killed(tmp_path):
    with house(tmp_path, EASEL_SKETCH_SECONDS="0.5", EASEL_REQUEST_SECONDS="0", EASEL_GUEST_GENERATIONS="9") as running:
        with Guest(running.url) as guest:
            assert draw(running, guest, "a fox in the snow").state is State.STORED
            for part in ("web", "submit", "finish", "watcher", "redis"):
                before = running.children()[part]
                os.kill(before, signal.SIGKILL)
                running.wait_until(lambda p=part, b=before: running.children().get(p, b) != b)
                running.wait_until(lambda: running.health() == "ok")
                assert draw(running, guest, f"without {part}").state is State.STORED
        with closing(running.database()) as database:
            *_, report = audit(database)
            assert report.is_clean, report.findings

        assert running.stop(signal.SIGINT) == 0
    assert "Traceback" not in running.said()


def test_a_request_that_the_web_process_dies_of_is_the_same_one_when_it_comes_again(tmp_path):
    with house(tmp_path, EASEL_SKETCH_SECONDS="0", EASEL_REQUEST_SECONDS="0") as running, Guest(running.url) as guest:
        said = {"command": "imagine", "options": {"prompt": "once", "model": "flux-dev", "price": 0}, "key": "k" * 32}
        guest.post(said)
        os.kill(running.children()["web"], signal.SIGKILL)
        running.wait_until(lambda: running.health() == "ok")
        guest.post(said)

        running.wait_until(lambda: not latest(running, guest).is_open)
        with closing(running.database()) as database, database.read() as work:
            mine = generations.latest(work, latest(running, guest).account_id)
        assert [one.state for one in mine] == [State.STORED]


def test_one_id_runs_through_the_log_from_the_request_to_the_delivery(tmp_path):
    with house(tmp_path, EASEL_SKETCH_SECONDS="0") as running, Guest(running.url) as guest:
        draw(running, guest, "a fox")
        with guest.listen() as events:
            next(events)
            running.wait_until(lambda: "delivered on browser" in running.said())

        lines = [line.split() for line in running.said().splitlines()]
        ids = {line[0]: line[4] for line in lines if len(line) > 5 and line[3] == "info" and line[4] != "POST"}
        assert len({ids["web"], ids["submit"], ids["finish"]}) == 1
        assert re.search(rf"web \| \S+ info {ids['finish']} POST /say 200", running.said())


def test_a_port_that_is_taken_is_one_clear_line_with_a_way_out(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "EASEL_DATA": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "easel", "up"],
            cwd=tmp_path,
            env={**environment, "EASEL_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert re.fullmatch(rf"Not done: 127\.0\.0\.1:{port} cannot be used .*EASEL_PORT={port + 1} make up\n", done.stderr)

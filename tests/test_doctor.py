"""`easel doctor`: says what is missing or unsafe, and what to do."""

import os
import stat
from datetime import timedelta

import pytest

from tests.test_cli import Terminal, put_cast_and_picture
from tests.up import house
from tests.worker.s3 import s3


@pytest.fixture
def terminal(tmp_path):
    return Terminal(tmp_path)


def asked(terminal, **variables):
    """Its status and what it says, in one line a finding."""
    done = terminal.run("doctor", **variables)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_a_fresh_folder_needs_its_database_and_is_told_how(terminal):
    status, said = asked(terminal)
    assert status == 1
    assert "bad  the database has not this program's schema\n       Run: easel migrate" in said


def test_a_migrated_one_is_well(terminal, sqlite_file):
    put_cast_and_picture(terminal, sqlite_file, timedelta())
    terminal.file.parent.chmod(0o700)
    status, said = asked(terminal, EASEL_OPERATORS="terminal:dana")
    assert (status, "bad" in said, "mind" in said) == (0, False, False)


@pytest.mark.parametrize(
    "variables, finding",
    [
        ({"EASEL_HOST": "0.0.0.0"}, "reachable from outside"),
        ({"EASEL_PUBLIC_URL": "https://easel.example"}, "reachable from outside"),
        ({"EASEL_REDIS_URL": "redis://redis.example/0"}, "Redis has no password"),
        ({"EASEL_REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis: no sign of life"),
        (
            {"EASEL_DATABASE_URL": "postgresql://easel:hunter2@127.0.0.1:1/easel"},
            "no answer from postgresql://easel:***@",
        ),
        ({"EASEL_DATA": "/proc/easel"}, "cannot be written"),
        (
            {
                "EASEL_ENV": "production",
                "EASEL_HOST": "0.0.0.0",
                "EASEL_SECRET": "a secret of one's own, long enough for production",
                "EASEL_FAL_KEY": "a-key",
                "EASEL_REDIS_URL": "unix:///nowhere/redis.sock",
                "EASEL_DATABASE_URL": "sqlite:////nowhere/easel.db",
            },
            "without a public address",
        ),
    ],
)
def test_what_is_wrong_is_named(terminal, sqlite_file, variables, finding):
    if "REDIS" in str(variables):
        put_cast_and_picture(terminal, sqlite_file, timedelta())
    status, said = asked(terminal, **variables)
    assert status == 1
    assert finding in said
    assert "hunter2" not in said


BUCKET = {"EASEL_MEDIA_ACCESS_KEY": "a-name", "EASEL_MEDIA_SECRET_KEY": "hunter2"}


def test_a_bucket_is_written_read_and_left_as_it_was(terminal, tmp_path):
    with s3(tmp_path) as service:
        url = service.new_bucket()
        here = {"EASEL_MEDIA_URL": url, "EASEL_MEDIA_ENDPOINT": service.endpoint, **BUCKET}
        _, said = asked(terminal, **here)
        assert f"ok   pictures go to {url}" in said
        assert service.keys(url) == []

        status, said = asked(terminal, **{**here, "EASEL_MEDIA_URL": "s3://nobodys-bucket"})
        assert status == 1
        assert "bad  pictures cannot be kept: s3://nobodys-bucket" in said
        assert "NoSuchBucket\n       Correct EASEL_MEDIA_URL" in said
        assert "hunter2" not in said


def test_beside_a_running_house_it_sees_every_part_and_the_secret_is_private(tmp_path):
    with house(tmp_path) as running:
        terminal = Terminal(tmp_path)
        status, said = asked(terminal, EASEL_DATA=str(running.data))
        assert status == 0, said
        for part in ("Redis", "submit workers: 1", "finish workers: 1", "watcher"):
            assert f"ok   {part}" in said
        assert stat.S_IMODE(os.stat(running.data / "secret").st_mode) == 0o600

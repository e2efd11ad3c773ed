"""The program as a person at a terminal meets it: real commands, what they print, how they end."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from engine import generations
from engine.database import Database
from engine.generations import Ask
from engine.settings import DEVELOPMENT_SECRET, Settings
from engine.tables import State
from tests.conftest import make_cast

ROOT = Path(__file__).parents[1]


class Terminal:
    """Runs commands in a folder of their own, with nothing but the given variables around them."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "data" / "easel.db"
        self.variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "EASEL_DATA": str(self.file.parent),
            "COLUMNS": "250",  # tables as wide as they like
            "LOGNAME": "dana",
        }

    def run(self, *command, **variables):
        """The finished command: returncode, stdout, stderr."""
        return subprocess.run(
            [sys.executable, "-m", "easel", *command],
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def says(self, *command, **variables):
        """What a command that succeeds prints."""
        done = self.run(*command, **variables)
        assert (done.returncode, done.stderr.strip()) == (0, "")
        return done.stdout

    def refuses(self, *command, **variables):
        """The one clear line (or one a wrong setting) of a command that fails."""
        done = self.run(*command, **variables)
        assert done.returncode == 1, done
        assert "Traceback" not in done.stderr
        return done.stderr.rstrip("\n").splitlines()

    def database(self, **more):
        """The database, as another program opens it at the same time."""
        return closing(Database(Settings(_env_file=None, data=self.file.parent), **more))

    def row(self, statement):
        """One row of the database, read behind the program's back."""
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(statement).fetchone()

    def tamper(self, *statements):
        """Change the database behind the program's back."""
        with closing(sqlite3.connect(self.file)) as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount
            connection.commit()


@pytest.fixture
def terminal(tmp_path):
    """A terminal in an empty folder."""
    return Terminal(tmp_path)


@pytest.fixture
def ready(terminal, sqlite_file):
    """A terminal whose database has the cast, and one picture of Alice's."""
    terminal.cast = put_cast_and_picture(terminal, sqlite_file, timedelta())
    return terminal


@pytest.fixture
def old(terminal, sqlite_file):
    """The same, an hour ago."""
    terminal.cast = put_cast_and_picture(terminal, sqlite_file, -timedelta(hours=1))
    return terminal


def put_cast_and_picture(terminal, sqlite_file, offset):
    terminal.file.parent.mkdir()
    terminal.file.write_bytes(sqlite_file.read_bytes())
    with terminal.database(offset=offset) as database:
        cast = make_cast(database)
        ask = Ask(cast.alice, "telegram", "m1", "nano-banana-pro", "a fox")
        generation = database.run(lambda work: generations.request(work, ask))
        database.run(lambda work: generations.end(work, generation.id, State.STORED, generation.price, 1000))
    return cast


# making it ready


def test_what_the_readme_says_to_try_works_word_for_word(terminal):
    assert re.fullmatch(r"schema \S+\n", terminal.says("migrate"))
    assert terminal.says("account", "new", "terminal:me") == "account 1\n"
    assert terminal.says("account", "credit", "1", "25", "--reason", "a first try").startswith("done: +25, balance 80 ")
    assert "80 credits to spend" in terminal.says("account", "show", "1")
    assert "Clean." in terminal.says("audit")
    everything = terminal.says("--help")
    for command in (
        "up",
        "web",
        "worker",
        "watcher",
        "chat",
        "doctor",
        "migrate",
        "ban",
        "unban",
        "maintenance",
        "audit",
    ):
        assert re.search(rf"│ {command} ", everything), command


def test_migrate_names_the_schema_and_is_harmless_again(ready):
    before = ready.row("SELECT * FROM alembic_version")

    assert ready.says("migrate") == f"schema {before[0]}\n"
    assert ready.row("SELECT COUNT(*) FROM models") == (6,)


def test_a_failure_hides_the_databases_password(terminal):
    done = terminal.run("migrate", EASEL_DATABASE_URL="postgresql://easel:hunter2@127.0.0.1:1/easel")

    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr


def test_a_database_that_nobody_migrated_is_one_line_of_advice(terminal):
    assert terminal.refuses("account", "show", "1") == [
        "Not done: the database has not this program's schema. Run: easel migrate"
    ]
    assert not terminal.file.exists()


def test_a_database_of_a_newer_program_is_one_line(ready):
    ready.tamper("UPDATE alembic_version SET version_num = '2999_01_01_newer'")

    (line,) = ready.refuses("migrate")

    assert "2999_01_01_newer" in line


def test_a_folder_that_cannot_be_made_is_one_line(terminal):
    (terminal.folder / "taken").write_text("a file")

    (line,) = terminal.refuses("migrate", EASEL_DATA=str(terminal.folder / "taken" / "data"))

    assert "taken" in line


# accounts


def test_new_finds_or_makes_a_member(ready):
    first = ready.says("account", "new", "terminal:me")
    again = ready.says("account", "new", "terminal:me")

    assert first == again == "account 7\n"
    assert ready.row("SELECT standing, balance FROM accounts WHERE id = 7") == ("member", 5500)


def test_new_wants_a_platform_and_a_user(ready):
    done = ready.run("account", "new", "me")

    assert done.returncode == 2
    assert "platform:user, as in terminal:me" in done.stderr


def test_show_tells_the_balance_and_the_history(ready):
    said = ready.says("account", "show", str(ready.cast.alice))

    assert f"account {ready.cast.alice}  member" in said
    assert "53 credits to spend, 0 on hold" in said
    assert re.search(r"welcome +50 to spend", said)
    assert "today 3 of 5 left; tops up in" in said
    assert "storage 0.0 of 200 MB" in said
    assert re.search(r"settle +│ 0 +│ 2 +│ 53 +│ settle:1 ", said)
    assert re.search(r"hold +│ -2 +│ 0 +│ 53 +│ hold:1 ", said)


def test_show_goes_on_page_by_page(ready):
    first = ready.says("account", "show", str(ready.cast.alice), "--lines", "3")
    (more,) = re.findall(r"^More: easel (.+)$", first, re.MULTILINE)

    second = ready.says(*more.split(), "--lines", "3")

    assert [key for key in ("settle:1", "hold:1", "daily:", "welcome:1") if key in first] == [
        "settle:1",
        "hold:1",
        "daily:",
    ]
    assert [key for key in ("settle:1", "hold:1", "daily:", "welcome:1") if key in second] == ["welcome:1"]
    assert "More:" not in second


def test_a_guest_is_shown_with_slots(ready):
    assert "guest: 3 of 3 pictures left" in ready.says("account", "show", str(ready.cast.gus))


def test_an_account_that_is_not_there_is_one_line(ready):
    assert ready.refuses("account", "show", "404") == ["Not done: not found (kind account, id 404)"]


def test_a_number_that_no_account_can_have_is_refused_as_typed_wrong(ready):
    done = ready.run("account", "show", "404404404404404404404")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_credits_are_given_and_taken_with_a_reason(ready):
    bob = str(ready.cast.bob)

    given = ready.says("account", "credit", bob, "2.5", "--reason", "a first try")
    taken = ready.says("account", "credit", bob, "--reason", "too many", "--", "-0.5")

    assert re.fullmatch(r"done: \+2.5, balance 2.5 \(key \w{32}\)\n", given)
    assert re.fullmatch(r"done: -0.5, balance 2 \(key \w{32}\)\n", taken)
    last = "SELECT actor, text FROM actions JOIN notes ON notes.id = note_id ORDER BY actions.id DESC"
    assert ready.row(last) == ("terminal:dana", "too many")


def test_the_same_key_credits_once(ready):
    command = ("account", "credit", str(ready.cast.bob), "10", "--reason", "a gift", "--key", "monday")

    assert ready.says(*command) == "done: +10, balance 10 (key monday)\n"
    assert ready.says(*command) == "was done before: +10, balance 10 (key monday)\n"
    (line,) = ready.refuses("account", "credit", str(ready.cast.bob), "11", "--reason", "a gift", "--key", "monday")
    assert line.startswith("Not done: ")
    assert ready.row(f"SELECT balance FROM accounts WHERE id = {ready.cast.bob}") == (1000,)


def test_a_key_is_printed_as_it_was_given(ready):
    alice = str(ready.cast.alice)

    done = ready.says("account", "credit", alice, "1", "--reason", "a gift", "--key", "[/] [bold]monday[red]")

    assert done == "done: +1, balance 54 (key [/] [bold]monday[red])\n"
    assert "admin:[/] [bold]monday[red]" in ready.says("account", "show", alice)


@pytest.mark.parametrize(
    ("amount", "reason", "line"),
    [
        ("-54", "all of it", "Not done: not below zero (wanted 54, available 53)"),
        ("five", "a word", "Not done: 'five' is not a number of credits"),
    ],
)
def test_credits_that_cannot_be_moved_are_one_line(ready, amount, reason, line):
    command = ("account", "credit", str(ready.cast.alice), "--reason", reason, "--", amount)

    assert ready.refuses(*command) == [line]
    assert ready.row(f"SELECT balance FROM accounts WHERE id = {ready.cast.alice}") == (5300,)


# bans and maintenance


def test_a_ban_is_set_and_lifted(ready):
    alice = str(ready.cast.alice)

    said = [ready.says(verb, alice, "--reason", "spam") for verb in ("ban", "ban", "unban")]

    assert said == ["banned\n", "was banned already\n", "ban lifted\n"]
    assert ready.row("SELECT COUNT(*) FROM bans") == (0,)


def test_maintenance_goes_on_and_off(ready):
    switch = "SELECT is_under_maintenance FROM spaces WHERE id = 0"

    assert ready.says("maintenance", "on", "--reason", "new disks") == "maintenance on\n"
    assert ready.row(switch) == (1,)
    assert ready.says("maintenance", "off", "--reason", "new disks") == "maintenance off\n"
    assert ready.row(switch) == (0,)


def test_a_space_that_is_not_there_is_one_line(ready):
    assert ready.refuses("maintenance", "on", "--space", "7", "--reason", "new disks") == [
        "Not done: not found (kind space, id 7)"
    ]


# the audit


def test_a_clean_audit_says_what_was_looked_at(ready):
    said = ready.says("audit")

    for name in ("triggers", "buckets", "versions", "open holds", "generations", "storage", "digests", "notes"):
        assert re.search(rf"│ {name} +│ \d+ +│ 0 ", said), name
    assert "Each bucket of a grant is the sum of its transfers" in said
    assert said.rstrip().endswith("Clean.")


def test_the_audit_names_a_grant_that_somebody_changed(ready):
    alice = ready.cast.alice
    more = "issued = issued + 100, available = available + 100"
    ready.tamper(f"UPDATE grants SET {more} WHERE account_id = {alice} AND number = 1")

    done = ready.run("audit")

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"buckets ({alice}, 1)" in done.stdout
    assert f"account balance ({alice}, 5300)" in done.stdout
    assert "Clean." not in done.stdout
    assert "Clean." in ready.says("audit", "--from", str(alice + 1))


def test_a_head_that_was_kept_proves_that_history_is_unchanged(old):
    head = old.says("audit", "--head").rstrip("\n")
    assert re.fullmatch(r"easel-head-1 \S+ 5 \d+ [0-9a-f]{64}", head)
    with old.database() as database:
        database.run(
            lambda work: generations.request(work, Ask(old.cast.carol, "telegram", "later", "flux-dev", "a fox"))
        )

    said = old.says("audit", "--check-head", head)

    assert re.fullmatch(r"Unchanged: \d+ transactions of 5 accounts.\n", said)


def test_a_head_that_was_kept_betrays_a_history_that_was_cut(old):
    head = old.says("audit", "--head").rstrip("\n")
    last = f"account_id = {old.cast.alice} AND version = 4"
    old.tamper(
        "DROP TRIGGER transfers_refuse_delete",
        "DROP TRIGGER transactions_refuse_delete",
        f"DELETE FROM transfers WHERE {last}",
        f"DELETE FROM transactions WHERE {last}",
    )

    (line,) = old.refuses("audit", "--check-head", head)

    assert line.startswith("Changed: up to ")


def test_what_is_no_head_is_one_clear_line(ready):
    (line,) = ready.refuses("audit", "--check-head", "garbage")

    assert "not a line of easel audit --head" in line


# settings


def test_wrong_settings_are_one_line_each(terminal):
    lines = terminal.refuses("up", EASEL_DAILY_CREDITS="many", EASEL_IMAGE_MB="-5", EASEL_OPERATORS="dana")

    assert lines[0] == "These settings are wrong:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "EASEL_OPERATORS",
        "EASEL_DAILY_CREDITS",
        "EASEL_IMAGE_MB",
    ]
    assert "'many' is not a number of credits" in lines[2]


def test_production_names_the_setting_that_is_unsafe(terminal):
    lines = terminal.refuses("up", EASEL_ENV="production", EASEL_SECRET=DEVELOPMENT_SECRET)

    assert len(lines) == 2
    assert lines[1].strip().startswith("EASEL_SECRET must be your own")
    assert DEVELOPMENT_SECRET not in lines[1]


def test_a_secret_file_that_is_not_there_is_one_line(terminal):
    (line,) = terminal.refuses("up", EASEL_SECRET_FILE=str(terminal.folder / "nowhere"))

    assert "EASEL_SECRET_FILE" in line

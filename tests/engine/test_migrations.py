"""The schema's history: one schema however many programs make it, the one the code speaks of, all of it or nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine import accounts, catalog, generations, history, ledger, storage
from engine.audit import audit
from engine.clock import Instant
from engine.credits import parse
from engine.database import Database
from engine.generations import watching
from engine.migrations import configuration, migrate
from engine.migrations.append_only import TABLES
from engine.ports import Trouble
from engine.schema import NEWEST, is_current
from engine.settings import Settings
from engine.tables import State, metadata, models, packs, spaces

ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(kind, tmp_path, request) -> Iterator[str]:
    """The address of a database that nobody has migrated yet."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/new folder/easel.db"
        return
    base, name = request.getfixturevalue("postgresql"), f"empty_{uuid4().hex}"
    with psycopg.connect(base, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    yield base.replace("/postgres?", f"/{name}?")
    with psycopg.connect(base, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def opened(address):
    database = Database(Settings(_env_file=None, database_url=address))
    try:
        yield database
    finally:
        database.close()


def tables(database):
    with database.read() as work:
        return sorted(sa.inspect(work.connection).get_table_names())


def rows(database, table):
    with database.read() as work:
        return work.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def triggers(database):
    """(name, table) of every trigger that is there and awake."""
    if database.is_sqlite:
        there = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        there = (
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled = 'O'"
        )
    with database.read() as work:
        return {tuple(row) for row in work.execute(sa.text(there))}


EVERY_TABLE = sorted([*metadata.tables, "alembic_version"])


# several at once


def test_four_programs_that_migrate_at_once_make_one_schema(address):
    environment = {"PATH": os.environ["PATH"], "EASEL_DATABASE_URL": address, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "easel", "migrate"]
    programs = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [program.communicate(timeout=60) for program in programs]

    assert [(program.returncode, err) for program, (_, err) in zip(programs, said, strict=True)] == [(0, "")] * 4
    assert len({out for out, _ in said}) == 1
    with opened(address) as database:
        assert is_current(database)
        assert tables(database) == EVERY_TABLE
        assert (rows(database, models), rows(database, packs), rows(database, spaces)) == (6, 4, 1)


def test_migrating_again_changes_nothing(database):
    before = tables(database)

    first, again = migrate(database), migrate(database)

    assert first == again
    assert tables(database) == before
    assert rows(database, models) == 6


# the schema is the one the code speaks of


def test_an_empty_database_is_not_current_and_a_migrated_one_is(address):
    with opened(address) as database:
        assert not is_current(database)

        revision = migrate(database)

        assert is_current(database)
        assert revision == NEWEST == ScriptDirectory.from_config(configuration()).get_current_head()


def test_looking_whether_a_sqlite_file_is_current_makes_none(tmp_path):
    with opened(f"sqlite:///{tmp_path}/easel.db") as database:
        assert not is_current(database)
    assert list(tmp_path.iterdir()) == []


def test_the_migrated_schema_is_what_the_tables_say(database):
    # SQLAlchemy writes `false` as 0 for SQLite, so that only PostgreSQL can compare defaults.
    compared = {"compare_type": True, "compare_server_default": not database.is_sqlite}
    with database.read() as work:
        context = MigrationContext.configure(work.connection, opts=compared)
        assert compare_metadata(context, metadata) == []


def test_the_migrated_checks_are_what_the_tables_say(database):
    with database.read() as work:
        inspector = sa.inspect(work.connection)
        there = {
            (table, check["name"]) for table in metadata.tables for check in inspector.get_check_constraints(table)
        }

    assert there == set(said_checks())


def test_the_migrated_checks_say_the_same(new_database):
    with new_database("sqlite").read() as work:  # the one that keeps them as they were written
        inspector = sa.inspect(work.connection)
        there = {
            (table, check["name"]): " ".join(check["sqltext"].split())
            for table in metadata.tables
            for check in inspector.get_check_constraints(table)
        }

    assert there == said_checks()


def said_checks():
    return {
        (table.name, str(constraint.name)): str(constraint.sqltext)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }


def test_the_history_has_one_line():
    script = ScriptDirectory.from_config(configuration())

    assert len(script.get_heads()) == len(script.get_bases()) == 1
    for revision in script.walk_revisions():
        assert Path(revision.path).stem == revision.revision


# triggers


def test_every_trigger_that_keeps_history_is_there(database):
    events = ("update", "delete") if database.is_sqlite else ("update", "delete", "truncate")

    assert triggers(database) == {(f"{table}_refuse_{event}", table) for table in TABLES for event in events}


def test_migrating_again_keeps_every_trigger(database):
    before = triggers(database)

    migrate(database)

    assert triggers(database) == before


# all or nothing


def test_a_migration_that_fails_leaves_nothing_behind(address, monkeypatch):
    def fail(work):
        raise RuntimeError("the catalogue is torn")

    with opened(address) as database:
        with monkeypatch.context() as patch:
            patch.setattr(catalog, "seed", fail)
            with pytest.raises(RuntimeError, match="torn"):
                migrate(database)
        assert tables(database) == []
        assert triggers(database) == set()
        assert not is_current(database)

        migrate(database)

        assert tables(database) == EVERY_TABLE


# from before there was anyone to draw

BEFORE = "2026_11_20_ledger"
OLD = sa.text(
    "INSERT INTO generations (account_id, payer_id, space_id, platform, request_key, model_id, pictures, price, "
    "is_guest, bytes_held, bytes_stored, state, created_at, ended_at) "
    "VALUES (:account, :account, 0, 'telegram', :key, 'flux-dev', 3, :price, :guest, :held, :stored, :state, :at, :end)"
    " RETURNING id"
).bindparams(sa.bindparam("at", type_=Instant()), sa.bindparam("end", type_=Instant()))

OLD_MODEL = sa.text(
    "INSERT INTO models (id, position, name, price, endpoint, kind, tier, best_for, capabilities, sizes, "
    "timeout_seconds, cost_microdollars, is_enabled, seed) VALUES ('flux-dev', 1, 'Flux Dev', 100, 'fal-ai/flux/dev', "
    "'image', 'standard quality', 'everything', '[]', '[]', 120, 25000, true, '{\"price\": 100, \"is_enabled\": true}')"
)


def make_old(database):
    """The schema before pictures, with a member and a guest."""
    if database.is_sqlite:
        Path(str(database.url.database)).parent.mkdir(parents=True)
    with database.begin() as work:
        config = configuration()
        config.attributes["connection"] = work.connection
        command.upgrade(config, BEFORE)
        work.execute(OLD_MODEL)
        alice, gus = (accounts.find_or_create(work, "telegram", name) for name in ("alice", "gus"))
        accounts.sign_up(work, alice)
    return alice, gus


def draw_as_before(database, account_id, key, state, captured=None, price=300):
    """A generation in the books and in its row, as the program of that day wrote them; running when not `captured`."""
    is_over = captured is not None
    room = {"held": 0 if is_over else 5, "stored": 7 if state == "stored" else 0}
    who = {"account": account_id, "key": key, "price": price, "guest": not price}
    with database.begin() as work:
        now = work.now()
        row = {**who, **room, "state": state, "at": now, "end": now if is_over else None}
        made = work.execute(OLD, row).scalar_one()
        storage.book(work, account_id, -room["held"], room["stored"])
        if price:
            ledger.hold(work, account_id, made, price)
        if price and is_over:
            ledger.settle(work, account_id, made, captured)
    return made


def schema(database):
    """The name of every constraint, index and trigger."""
    with database.read() as work:
        inspector = sa.inspect(work.connection)
        kinds = ("check_constraints", "unique_constraints", "foreign_keys", "indexes")
        names = {
            (table, kind, one["name"])
            for table in metadata.tables
            for kind in kinds
            for one in getattr(inspector, f"get_{kind}")(table)
        }
        keys = {(table, inspector.get_pk_constraint(table)["name"]) for table in metadata.tables}
    return names | keys | triggers(database)


def test_old_generations_come_along_with_their_constraints_and_right_books(address, kind, new_database):
    with opened(address) as database:
        alice, gus = make_old(database)
        running = [draw_as_before(database, alice, state, state) for state in ("queued", "submitted")]
        whole = draw_as_before(database, alice, "whole", "stored", parse(3))
        partly = draw_as_before(database, alice, "partly", "stored", parse(2))
        failed = draw_as_before(database, alice, "failed", "failed", parse(0))
        cancelled = draw_as_before(database, alice, "cancelled", "cancelled", parse(0))
        free = draw_as_before(database, gus, "free", "stored", parse(0), price=0)

        migrate(database)

        assert is_current(database)
        assert schema(database) == schema(new_database(kind))
        with database.read() as work:
            assert compare_metadata(MigrationContext.configure(work.connection), metadata) == []
            now = {one: generations.get(work, one) for one in (*running, whole, partly, failed, cancelled, free)}
        assert [now[one].charged for one in (whole, partly, failed, free)] == [parse(3), parse(2), 0, 0]
        assert (now[failed].trouble, now[cancelled].trouble) == (Trouble.PROVIDER, None)
        *_, report = audit(database)
        assert report.is_clean, report.findings

        with database.read() as work:
            assert {generation.id for generation in watching.due(work, 10)} == set(running)
        ended = [database.run(lambda work, one=one: watching.give_up(work, one)).state for one in running]

        assert ended == [State.FAILED] * 2
        with database.read() as work:
            assert history.balance(work, alice).spendable == parse(50)
        *_, report = audit(database)
        assert report.is_clean, report.findings

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
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine import catalog
from engine.database import Database
from engine.migrations import configuration, is_current, migrate
from engine.migrations.append_only import TABLES
from engine.settings import Settings
from engine.tables import metadata, models, packs, spaces

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
        assert revision == ScriptDirectory.from_config(configuration()).get_current_head()


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

"""What the database itself refuses, whoever asks; and that nothing else does: without the constraint it passes."""

import re
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from engine import generations, ledger, preferences, purchases, tasks
from engine.audit import audit
from engine.credits import parse
from engine.generations import Ask, Kept
from engine.generations.ending import conclude
from engine.migrations.append_only import TABLES
from engine.tables import State, metadata
from tests.conftest import make_cast

WRITTEN_ONCE = ("INSERT INTO transactions (account_id, version, kind, key, asked, actor, at, balance, digest) "
                "SELECT account_id, {version}, kind, {key}, asked, actor, at, {balance}, digest FROM transactions "
                "WHERE account_id = :alice AND version = 1")  # fmt: skip
MOVED = "INSERT INTO transfers VALUES (:alice, {version}, {grant}, '{here}', '{there}', {amount})"
REQUESTED = ("INSERT INTO generations (account_id, payer_id, space_id, platform, request_key, model_id, pictures, "
             "price, is_guest, bytes_held, bytes_stored, state, created_at, ended_at, prompt, seed, address, locale, "
             "trace, changed_at, charged, trouble, submits, finishes, provider, request_id, look_at, deadline_at) "
             "SELECT account_id, payer_id, space_id, platform, {key}, model_id, {pictures}, "
             "{price}, {is_guest}, {held}, {stored}, {state}, created_at, {ended}, prompt, seed, address, locale, "
             "trace, changed_at, {charged}, {trouble}, {submits}, {finishes}, {provider}, {request_id}, {look_at}, "
             "deadline_at FROM generations WHERE request_key = 'm1'")  # fmt: skip
AS_BEFORE = {"key": "'new'", "pictures": 1, "price": 100, "is_guest": "is_guest", "held": 0, "stored": 0,
             "state": "'queued'", "ended": "NULL", "charged": 0, "trouble": "NULL", "submits": 0, "finishes": 0,
             "provider": "NULL", "request_id": "NULL", "look_at": "look_at"}  # fmt: skip
ENDED = AS_BEFORE | {"ended": "created_at"}
DRAWN = ("INSERT INTO pictures SELECT id, {number}, {key}, 'k', 'image/jpeg', {width}, 1, {bytes} FROM generations "
         "WHERE request_key = 'm0'")  # fmt: skip
AS_DRAWN = {"number": 1, "key": "'new'", "width": 1, "bytes": 10}
TRIED = ("INSERT INTO submissions (generation_id, attempt, provider, outcome, request_id, cost_microdollars, asked_at, "
         "ended_at) SELECT id, {attempt}, 'sketch', {outcome}, {request_id}, {cost}, created_at, {ended} "
         "FROM generations WHERE request_key = 'm1'")  # fmt: skip
AS_TRIED = {"attempt": 2, "outcome": "'done'", "request_id": "'new'", "cost": 39_800, "ended": "created_at"}
OWED = ("INSERT INTO deliveries (generation_id, platform, state, not_before, created_at, done_at) "
        "SELECT id, platform, 'pending', created_at, created_at, NULL FROM generations "
        "WHERE request_key = 'm0'")  # fmt: skip


def grant_with(**columns):
    changes = ", ".join(f"{name} = {value}" for name, value in columns.items())
    return f"UPDATE grants SET {changes} WHERE account_id = :alice AND number = 1"


def account_with(who, **columns):
    return f"UPDATE accounts SET {', '.join(f'{name} = {value}' for name, value in columns.items())} WHERE id = :{who}"


FORBIDDEN = {
    "ck_accounts_balance": account_with("alice", balance=-1),
    "ck_accounts_allowance_issued": account_with("alice", allowance_issued=-1),
    "ck_accounts_welcome_issued": account_with("alice", welcome_issued=-1),
    "ck_accounts_bytes_used": account_with("alice", bytes_used=-1),
    "ck_accounts_bytes_held": account_with("alice", bytes_held=-1),
    "ck_accounts_standing": account_with("alice", standing="'owner'"),
    "ck_accounts_guests_own_nothing": account_with("gus", balance=1),
    "ck_accounts_closed_is_empty": account_with("alice", merged_into=":bob"),
    "ck_accounts_not_into_itself": account_with("gus", merged_into="id"),
    "ck_grants_available": grant_with(available=-1, spent="spent + available + 1"),
    "ck_grants_held": grant_with(held=-1, available="available + held + 1"),
    "ck_grants_spent": grant_with(spent=-1, available="available + spent + 1"),
    "ck_grants_lapsed": grant_with(lapsed=-1, available="available + lapsed + 1"),
    "ck_grants_revoked": grant_with(revoked=-1, available="available + revoked + 1"),
    "ck_grants_moved": grant_with(moved=-1, available="available + moved + 1"),
    "ck_grants_marked": grant_with(marked=-1),
    "ck_grants_marked_is_held": grant_with(marked="held + 1"),
    "ck_grants_nothing_lost": grant_with(available="available + 1"),
    "ck_grants_not_empty": grant_with(issued=0, available=0),
    "ck_grants_source": grant_with(source="'theft'"),
    "ck_grants_purchases_never_expire": grant_with(source="'purchase'", expires_at="born_at"),
    "ck_grants_periods_end": grant_with(source="'daily'"),
    "pk_transactions": WRITTEN_ONCE.format(version=1, key="'new'", balance=0),
    "uq_transactions_account_id_key": WRITTEN_ONCE.format(version=99, key="key", balance=0),
    "ck_transactions_version": WRITTEN_ONCE.format(version=0, key="'new'", balance=0),
    "ck_transactions_balance": WRITTEN_ONCE.format(version=99, key="'new'", balance=-1),
    "pk_transfers": MOVED.format(version=1, grant=1, here="issued", there="available", amount=1),
    "ck_transfers_amount": MOVED.format(version=1, grant=2, here="issued", there="available", amount=0),
    "ck_transfers_legal_move": MOVED.format(version=1, grant=2, here="spent", there="available", amount=1),
    "fk_transfers_account_id_version": MOVED.format(version=99, grant=1, here="issued", there="available", amount=1),
    "fk_transfers_account_id_grant_number": MOVED.format(version=1, grant=9, here="issued", there="available", amount=1),  # noqa: E501
    "ck_purchases_target_in_bounds": "UPDATE purchases SET target = credits + 1",
    "ck_purchases_target": "UPDATE purchases SET target = -1",
    "ck_purchases_forgiven": "UPDATE purchases SET forgiven = -1",
    "ck_purchases_credits": "UPDATE purchases SET credits = 0, target = 0",
    "ck_debts_not_overpaid": "UPDATE debts SET paid = owed + 1",
    "ck_debts_paid": "UPDATE debts SET paid = -1",
    "uq_generations_platform_request_key": REQUESTED.format(**AS_BEFORE | {"key": "request_key"}),
    "uq_generations_provider_request_id": REQUESTED.format(
        **AS_BEFORE | {"provider": "provider", "request_id": "request_id"}
    ),
    "ck_generations_state": REQUESTED.format(**ENDED | {"state": "'lost'"}),
    "ck_generations_trouble": REQUESTED.format(**AS_BEFORE | {"trouble": "'bad weather'"}),
    "ck_generations_charged": REQUESTED.format(**ENDED | {"state": "'stored'", "charged": -1}),
    "ck_generations_submits": REQUESTED.format(**AS_BEFORE | {"submits": -1}),
    "ck_generations_finishes": REQUESTED.format(**AS_BEFORE | {"finishes": -1}),
    "ck_generations_only_stored_is_charged": REQUESTED.format(**ENDED | {"state": "'cancelled'", "charged": 100}),
    "ck_generations_an_end_has_a_moment": REQUESTED.format(**AS_BEFORE | {"state": "'cancelled'"}),
    "ck_generations_request_id_first": REQUESTED.format(**AS_BEFORE | {"state": "'ready'"}),
    "ck_generations_failures_have_a_reason": REQUESTED.format(**ENDED | {"state": "'failed'"}),
    "ck_generations_open_is_watched": REQUESTED.format(**AS_BEFORE | {"look_at": "NULL"}),
    "ck_generations_pictures": REQUESTED.format(**AS_BEFORE | {"pictures": 0}),
    "ck_generations_price": REQUESTED.format(**AS_BEFORE | {"price": -1}),
    "ck_generations_guests_pay_nothing": REQUESTED.format(**AS_BEFORE | {"is_guest": "true"}),
    "ck_generations_bytes_held": REQUESTED.format(**AS_BEFORE | {"held": -1}),
    "ck_generations_bytes_stored": REQUESTED.format(**AS_BEFORE | {"stored": -1}),
    "ck_generations_ended_holds_nothing": REQUESTED.format(**ENDED | {"held": 1, "state": "'cancelled'"}),
    "pk_pictures": DRAWN.format(**AS_DRAWN | {"number": 0}),
    "uq_pictures_key": DRAWN.format(**AS_DRAWN | {"key": "'first'"}),
    "ck_pictures_area": DRAWN.format(**AS_DRAWN | {"width": 0}),
    "ck_pictures_bytes": DRAWN.format(**AS_DRAWN | {"bytes": 0}),
    "uq_deliveries_generation_id": OWED,
    "ck_deliveries_state": "UPDATE deliveries SET state = 'lost', done_at = created_at",
    "ck_deliveries_an_end_has_a_moment": "UPDATE deliveries SET state = 'done'",
    "uq_tasks_kind_key": (
        "INSERT INTO tasks (kind, key, due_at, created_at) SELECT kind, key, due_at, created_at FROM tasks"
    ),
    "pk_submissions": TRIED.format(**AS_TRIED | {"attempt": 1}),
    "uq_submissions_provider_request_id": TRIED.format(**AS_TRIED | {"request_id": "'r1'"}),
    "ck_submissions_outcome": TRIED.format(**AS_TRIED | {"outcome": "'dreamt'", "cost": "NULL"}),
    "ck_submissions_attempt": TRIED.format(**AS_TRIED | {"attempt": 0}),
    "ck_submissions_cost_microdollars": TRIED.format(**AS_TRIED | {"cost": -1}),
    "ck_submissions_request_id_first": TRIED.format(**AS_TRIED | {"request_id": "NULL"}),
    "ck_submissions_an_end_has_its_cost": TRIED.format(**AS_TRIED | {"cost": "NULL"}),
    "ck_submissions_an_end_has_a_moment": TRIED.format(**AS_TRIED | {"ended": "NULL"}),
    "ck_circuits_failures": "INSERT INTO circuits (provider, model_id, failures) VALUES ('fal', 'flux-dev', -1)",
    "ck_circuits_openings": (
        "INSERT INTO circuits (provider, model_id, failures, openings) VALUES ('fal', 'flux-dev', 1, -1)"
    ),
    "ck_preferences_bought": "UPDATE preferences SET bought = 'sometimes'",
    "ck_preferences_a_default_has_its_price": "UPDATE preferences SET default_model = 'flux-dev'",
    "ck_preferences_daily_cap": "UPDATE preferences SET daily_cap = -1",
}  # fmt: skip
GUARDED_TWICE = {"ck_grants_held": ["ck_grants_marked_is_held"]}
ELSEWHERE = re.compile(
    "models|packs|teasers|pk_(?!transactions|transfers|pictures|submissions)|fk_(?!transfers)|uq_spaces|uq_sessions|uq_personal"
)
"""Constraints that are no guard of money: the catalogue's, plain primary keys, and ids of rows that must exist."""


MADE = (1, 2)
"""The generations of `written`."""


@pytest.fixture
def written(database, cast):
    """Some history of every kind: a stored and a running generation, a purchase with a debt."""
    with database.begin() as work:
        drawn = generations.request(work, Ask(cast.alice, "telegram", "m0", "flux-dev", "a fox", address="chat 7"))
        first = Kept("first", "first-small", "image/jpeg", 1, 1, 10)
        conclude(work, drawn, State.STORED, drawn.price, first.bytes, kept=[first])
        generations.request(work, Ask(cast.alice, "telegram", "m1", "flux-dev", "a fox"))
        work.execute(sa.text("UPDATE generations SET provider = 'sketch', request_id = 'r1' WHERE request_key = 'm1'"))
        work.execute(sa.text(TRIED.format(**AS_TRIED | {"attempt": 1, "request_id": "'r1'"})))
        tasks.add(work, "delete_media", "7")
        preferences.choose_cap(work, cast.alice, parse(3))
    database.run(lambda work: purchases.paid(work, "p1", cast.alice, parse(10)))
    database.run(lambda work: purchases.refunded(work, "p1", parse(1)))
    database.run(lambda work: ledger.link(work, cast.carol_on_discord, cast.carol, "link:1"))
    return database


@pytest.mark.parametrize("constraint", FORBIDDEN)
def test_the_database_refuses(written, cast, constraint):
    with pytest.raises(IntegrityError) as refused, written.begin() as work:
        work.execute(sa.text(FORBIDDEN[constraint]), vars(cast))

    message = str(refused.value.orig)
    if written.is_sqlite and constraint.startswith(("pk_", "uq_", "fk_")):
        assert "UNIQUE constraint" in message or "FOREIGN KEY" in message
    else:
        assert constraint in message


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("constraint", FORBIDDEN)
def test_only_this_constraint_refuses_it(written, cast, constraint):
    table = next(name for name in metadata.tables if constraint[3:].startswith(f"{name}_") or constraint[3:] == name)
    with written.begin() as work:
        for guard in (constraint, *GUARDED_TWICE.get(constraint, ())):
            work.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {guard} CASCADE"))
        work.execute(sa.text(FORBIDDEN[constraint]), vars(cast))


def test_no_constraint_of_the_ledger_is_left_untried():
    constraints = {str(one.name) for table in metadata.tables.values() for one in table.constraints}
    assert {name for name in constraints if not ELSEWHERE.search(name)} == set(FORBIDDEN)


CHANGES = {
    "update": "UPDATE {table} SET account_id = account_id",
    "update of no row": "UPDATE {table} SET account_id = account_id WHERE 1 = 0",
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table} CASCADE",
    "replace": "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    "on conflict": "INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT ({key}) DO UPDATE SET version = 1",
}
ONLY_ON = {"truncate": "postgresql", "update of no row": "postgresql", "replace": "sqlite"}
KEYS = {"transactions": "account_id, version",
        "transfers": "account_id, version, grant_number, from_bucket, to_bucket"}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", CHANGES)
def test_history_cannot_be_changed(written, kind, table, change):
    if ONLY_ON.get(change, kind) != kind:
        return
    statement = CHANGES[change].format(table=table, key=KEYS[table])

    with pytest.raises(DBAPIError, match="append-only"), written.begin() as work:
        work.execute(sa.text(statement))


def unprotect(work, kind, table):
    if kind == "postgresql":
        work.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        return
    for event in ("update", "delete"):
        work.execute(sa.text(f"DROP TRIGGER {table}_refuse_{event}"))


TAMPERED = {
    "a transfer made larger": (
        "UPDATE transfers SET amount = amount + 1 WHERE account_id = :alice AND version = 1", "buckets"),
    "an actor exchanged": (
        "UPDATE transactions SET actor = 'someone' WHERE account_id = :alice AND version = 2", "digests"),
    "a moment changed": ("UPDATE transactions SET at = (SELECT MAX(at) FROM transactions) "
                         "WHERE account_id = :alice AND version = 1", "digests"),
    "the newest transaction deleted": (
        "DELETE FROM transfers WHERE account_id = :alice AND version = :last; "
        "DELETE FROM transactions WHERE account_id = :alice AND version = :last", "versions"),
    "the newest deleted and the version set back": (
        "DELETE FROM transfers WHERE account_id = :alice AND version = :last; "
        "DELETE FROM transactions WHERE account_id = :alice AND version = :last; "
        "UPDATE accounts SET version = version - 1 WHERE id = :alice", "digests"),
    "two transactions swapped": (
        "UPDATE transactions SET key = key || '?', kind = CASE version WHEN 1 THEN 'daily' ELSE 'welcome' END "
        "WHERE account_id = :alice AND version IN (1, 2)", "digests"),
    "an end moved": ("UPDATE grants SET expires_at = NULL, source = 'welcome' "
                     "WHERE account_id = :alice AND source = 'daily'", "digests"),
    "a bucket moved": ("UPDATE grants SET available = available + 1, issued = issued + 1 "
                       "WHERE account_id = :alice AND number = 1", "buckets"),
    "a balance raised": ("UPDATE accounts SET balance = balance + 1 WHERE id = :alice", "account balance"),
    "bytes made up": ("UPDATE accounts SET bytes_used = 1 WHERE id = :alice", "storage"),
    "a hold's generation removed": (
        "DELETE FROM submissions; DELETE FROM generations WHERE request_key = 'm1'", "holds"),
    "a generation ended by hand": (
        "UPDATE generations SET state = 'failed', trouble = 'unknown', ended_at = created_at, bytes_held = 0 "
        "WHERE request_key = 'm1'", "generations"),
    "a charge lowered": ("UPDATE generations SET charged = 50 WHERE request_key = 'm0'", "charges"),
    "a charge forgotten": ("UPDATE generations SET charged = 0", "charges"),
    "a picture made larger": ("UPDATE pictures SET bytes = bytes + 1", "pictures"),
    "a picture hung beside the others": (
        "INSERT INTO pictures SELECT generation_id, 1, 'new', 'k', 'image/jpeg', 1, 1, 1 FROM pictures", "pictures"),
    "a picture of what was never drawn": (
        "UPDATE pictures SET generation_id = (SELECT id FROM generations WHERE request_key = 'm1')", "pictures"),
    "a picture from nowhere": ("UPDATE generations SET submits = 1 WHERE request_key = 'm0'", "sources"),
    "a try too many": (
        "UPDATE generations SET submits = 1 WHERE request_key = 'm1'; " + TRIED.format(**AS_TRIED), "sources"),
    "a target lowered": ("UPDATE purchases SET target = 0", "reversals"),
    "a debt paid by hand": ("UPDATE debts SET owed = 5, paid = 5", "debts"),
    "a purchase made larger": ("UPDATE purchases SET credits = credits + 1", "purchases"),
    "a refund forgotten": (
        "UPDATE debts SET owed = 0, paid = 0; UPDATE purchases SET target = 0, forgiven = 0, reversals = 0", "refunds"),
    "a debt forgiven by hand": ("UPDATE purchases SET forgiven = forgiven + 1, target = target + 1", "refunds"),
    "a dispute opened by hand": ("UPDATE purchases SET is_disputed = true", "refunds"),
    "credits marked in a hold": ("UPDATE grants SET marked = held WHERE held > 0", "marks"),
    "a grant deleted": ("DELETE FROM transfers WHERE account_id = :alice AND grant_number = 1; "
                        "DELETE FROM grants WHERE account_id = :alice AND number = 1", "digests"),
    "another day's allowance wished for": (
        "UPDATE accounts SET allowance_issued = 1 WHERE id = :alice", "once a person"),
    "welcome credits wished for again": ("UPDATE accounts SET welcome_issued = 0 WHERE id = :alice", "once a person"),
    "a link undone": ("UPDATE accounts SET merged_into = NULL WHERE id = :carol_on_discord", "open accounts"),
    "a reason exchanged": ("UPDATE notes SET text = 'because'", "notes"),
}  # fmt: skip


@pytest.mark.parametrize("deed", TAMPERED)
def test_the_audit_names_what_was_tampered_with(written, cast, kind, deed):
    statements, check = TAMPERED[deed]
    with written.begin() as work:
        last = ledger.look(work, cast.alice).account.version
        for table in TABLES:
            unprotect(work, kind, table)
        for statement in statements.split("; "):
            names = {name: value for name, value in {**vars(cast), "last": last}.items() if f":{name}" in statement}
            work.execute(sa.text(statement), names)

    *_, report = audit(written)

    found = [finding for finding in report.findings if finding.check == check]
    assert found, report.findings
    assert {finding.row[0] for finding in found} & {cast.alice, cast.bob, cast.carol_on_discord, *MADE, "p1"}
    assert report.tallies["triggers"].broken


def test_history_without_its_account_is_found(new_database):
    database = new_database("sqlite", request_seconds=0)
    cast = make_cast(database)
    with closing(sqlite3.connect(database.url.database)) as behind_our_back:  # with foreign keys off, as is its default
        behind_our_back.execute("DELETE FROM accounts WHERE id = ?", [cast.dana])
        behind_our_back.commit()

    *_, report = audit(database)

    assert {finding.row[1] for finding in report.findings if finding.check == "parents"} == {cast.dana}


def test_a_trigger_that_is_there_but_sleeps_is_missed(new_database):
    database = new_database("postgresql")
    with database.begin() as work:
        work.execute(sa.text("ALTER TABLE transfers ENABLE REPLICA TRIGGER transfers_refuse_update"))

    *_, report = audit(database)

    assert [finding.row for finding in report.findings] == [("transfers", "update")]


def test_the_first_broken_link_of_a_chain_is_named(written, cast, kind):
    with written.begin() as work:
        unprotect(work, kind, "transactions")
        work.execute(sa.text("UPDATE transactions SET actor = 'someone' WHERE version IN (2, 3)"))

    *_, report = audit(written)

    named = {finding.row for finding in report.findings if finding.check == "digests"}
    assert {row for row in named if row[0] == cast.alice} == {(cast.alice, 2)}


def test_a_clean_history_is_clean(written):
    *_, report = audit(written)

    assert report.is_clean, report.findings
    assert report.tallies["digests"].looked_at > 5

"""A past for many accounts at once: a purchase and some generations each, in valid chains, copied into PostgreSQL."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bench.common import Processes, progress
from bench.server import execute
from engine.credits import Bucket, Credits, Source
from engine.ledger.chain import GENESIS, Transfer
from engine.ledger.wallet import Account, Wallet, issue, post

BOUGHT = Credits(1_000_000_00)
PRICE = Credits(50)
MODEL = "nano-banana"
CHUNK = 10_000
"""Accounts that are copied in one go."""

COLUMNS = {
    "accounts": "id, standing, version, head, balance, grants_issued, created_at",
    "purchases": "id, account_id, credits, created_at",
    "grants": "account_id, number, source, issued, available, spent, born_at, purchase_id",
    "transactions": "account_id, version, kind, key, asked, actor, at, balance, digest",
    "transfers": "account_id, version, grant_number, from_bucket, to_bucket, amount",
    "generations": "id, account_id, payer_id, space_id, platform, request_key, model_id, pictures, price, is_guest,"
    " state, created_at, ended_at",
}

Lines = Iterator[tuple[str, tuple[object, ...]]]
"""A table's name and a row of it."""


def load(url: str, accounts: int, generations_each: int, processes: Processes) -> None:
    """Accounts 1 to `accounts` of an empty database, each with 1 + 2 x `generations_each` transactions."""
    now = datetime.now(UTC) - timedelta(days=1)
    starts = range(1, accounts + 1, CHUNK)
    chunks = [(url, start, min(start + CHUNK, accounts + 1), generations_each, now) for start in starts]
    for done in range(0, len(chunks), 2):
        progress(f"loading {accounts:,} accounts: {done * CHUNK:,}")
        processes.run(load_chunk, chunks[done : done + 2])
    generations = accounts * generations_each
    for table, last in (("accounts", accounts), ("generations", generations)):
        execute(url, f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})")
    execute(url, "VACUUM ANALYZE")


def load_chunk(url: str, start: int, stop: int, generations_each: int, now: datetime) -> None:
    """The accounts from `start` to just before `stop`."""
    lines: dict[str, list[str]] = {table: [] for table in COLUMNS}
    for account_id in range(start, stop):
        for table, values in _past(account_id, generations_each, now):
            lines[table].append("\t".join([_text(value) for value in values]))
    with psycopg.connect(url) as connection:
        # Foreign keys are checked one by one otherwise; these rows are known to be whole.
        connection.execute("SET session_replication_role = replica")
        for table, columns in COLUMNS.items():
            with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                copy.write("\n".join(lines[table]) + "\n")


def _past(account_id: int, generations_each: int, now: datetime) -> Lines:
    purchase_id = f"cs_bench_{account_id:010}"
    wallet = _new_wallet(account_id, now)
    _buy(wallet, purchase_id)
    for number in range(generations_each):
        generation_id = (account_id - 1) * generations_each + number + 1
        _generate(wallet, generation_id)
        of_it = (generation_id, account_id, account_id, 0, "telegram", f"{generation_id:012}", MODEL, 1, PRICE, False)
        yield "generations", (*of_it, "stored", now, now)
    account, grant = wallet.account, wallet.grants[1]
    yield "accounts", (account_id, "member", account.version, account.head, account.balance, 1, now)
    yield "purchases", (purchase_id, account_id, BOUGHT, now)
    sums = [grant.changes[bucket.value] for bucket in (Bucket.ISSUED, Bucket.AVAILABLE, Bucket.SPENT)]
    yield "grants", (account_id, 1, grant.source.value, *sums, now, purchase_id)
    for entry, digest, _ in wallet.unwritten:
        said = (entry.kind, entry.key, entry.asked, entry.actor, entry.at, entry.balance)
        yield "transactions", (account_id, entry.version, *said, digest)
        for move in entry.transfers:
            way = (move.source.value, move.target.value, move.amount)
            yield "transfers", (account_id, entry.version, move.grant, *way)


def _new_wallet(account_id: int, now: datetime) -> Wallet:
    values: dict[str, Any] = {field.name: 0 for field in fields(Account)}
    said = {"id": account_id, "standing": "member", "merged_into": None, "head": GENESIS, "allowance_day": None}
    account = Account(**values | said)
    return Wallet(account, now, {}, None, False, False)


def _buy(wallet: Wallet, purchase_id: str) -> None:
    issue(wallet, Source.PURCHASE, purchase_id=purchase_id)
    asked = ("grant", Source.PURCHASE.value, BOUGHT, None, purchase_id)
    fill = Transfer(1, Bucket.ISSUED, Bucket.AVAILABLE, BOUGHT)
    post(wallet, "grant", f"purchase:{purchase_id}", asked, [fill], actor="system")


def _generate(wallet: Wallet, generation_id: int) -> None:
    for kind, source, target in (
        ("hold", Bucket.AVAILABLE, Bucket.HELD),
        ("settle", Bucket.HELD, Bucket.SPENT),
    ):
        move = Transfer(1, source, target, PRICE)
        post(wallet, kind, f"{kind}:{generation_id}", (kind, generation_id, PRICE), [move], actor="system")


def _text(value: object) -> str:
    """A value as COPY reads it; no text here has tabs, line ends or backslashes of its own."""
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    return str(value)

"""Stores what a wallet has gathered: one statement on PostgreSQL for any number of rows, a few in turn on SQLite."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.credits import Bucket
from engine.database import Hot, Work
from engine.ledger.wallet import Grant, Wallet
from engine.tables import accounts, grants, transactions, transfers

Rows = list[dict[str, Any]]

_AMOUNTS = [bucket.value for bucket in Bucket] + ["marked"]
_OF_ACCOUNT = (
    "standing",
    "merged_into",
    "version",
    "head",
    "balance",
    "grants_issued",
    "allowance_day",
    "allowance_issued",
    "welcome_issued",
    "bytes_used",
    "bytes_held",
)
_OF_GRANT = (
    "number",
    "source",
    "born_at",
    "expires_at",
    "purchase_id",
    "origin_account_id",
    "origin_number",
    *_AMOUNTS,
)
_OF_TRANSACTION = (
    "version",
    "kind",
    "key",
    "asked",
    "actor",
    "at",
    "balance",
    "peer",
    "note_id",
    "note_hash",
    "digest",
)
_OF_TRANSFER = ("version", "grant_number", "from_bucket", "to_bucket", "amount")


def write(work: Work, wallet: Wallet) -> None:
    """Store the wallet's new transactions, its grants' changes and its account row. The wallet stays usable."""
    touched = [grant for grant in wallet.grants.values() if grant.changes]
    fresh = [_grant_row(grant) for grant in touched if grant.is_new]
    changed = [{"number": grant.number} | {name: grant.changes[name] for name in _AMOUNTS}
               for grant in touched if not grant.is_new]  # fmt: skip
    heads, moves = _transaction_rows(wallet), _transfer_rows(wallet)
    columns = {name: getattr(wallet.account, name) for name in _OF_ACCOUNT}
    if work.connection.dialect.name == "postgresql":
        _in_one_statement(work, wallet.id, columns, fresh, changed, heads, moves)
    else:
        _in_sequence(work, wallet.id, columns, fresh, changed, heads, moves)
    for statement, parameters in wallet.also:
        work.execute(statement, parameters)
    wallet.unwritten.clear()
    wallet.also.clear()
    for grant in touched:
        grant.changes.clear()
        grant.is_new = False


def _grant_row(grant: Grant) -> dict[str, Any]:
    account_id, number = grant.origin or (None, None)
    return {
        "number": grant.number,
        "source": grant.source.value,
        "born_at": grant.born_at,
        "expires_at": grant.expires_at,
        "purchase_id": grant.purchase_id,
        "origin_account_id": account_id,
        "origin_number": number,
    } | {name: grant.changes[name] for name in _AMOUNTS}


def _transaction_rows(wallet: Wallet) -> Rows:
    return [
        {
            "version": entry.version,
            "kind": entry.kind,
            "key": entry.key,
            "asked": entry.asked,
            "actor": entry.actor,
            "at": entry.at,
            "balance": entry.balance,
            "peer": entry.peer,
            "note_id": note_id,
            "note_hash": entry.note_hash,
            "digest": digest,
        }
        for entry, digest, note_id in wallet.unwritten
    ]


def _transfer_rows(wallet: Wallet) -> Rows:
    return [
        {
            "version": entry.version,
            "grant_number": move.grant,
            "from_bucket": move.source.value,
            "to_bucket": move.target.value,
            "amount": move.amount,
        }
        for entry, _, _ in wallet.unwritten
        for move in entry.transfers
    ]


def _in_one_statement(
    work: Work, account_id: int, columns: dict[str, Any], fresh: Rows, changed: Rows, heads: Rows, moves: Rows
) -> None:
    parameters = {"of_account": account_id} | {f"new_{name}": value for name, value in columns.items()}
    for name, rows in (("fresh", fresh), ("changed", changed), ("heads", heads), ("moves", moves)):
        parameters[name] = _encode(rows)
    work.hot(_EVERYTHING, parameters)


def _as_text(value: object) -> str:
    """How PostgreSQL reads moments and bytes in JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    raise TypeError(value)


def _in_sequence(
    work: Work, account_id: int, columns: dict[str, Any], fresh: Rows, changed: Rows, heads: Rows, moves: Rows
) -> None:
    for table, rows in ((grants, fresh), (transactions, heads), (transfers, moves)):
        if rows:
            work.execute(sa.insert(table), [{"account_id": account_id} | row for row in rows])
    for row in changed:
        changes = {f"changed_{name}": value for name, value in row.items()}
        work.execute(_CHANGE_GRANT, changes | {"of_account": account_id})
    work.execute(
        _CHANGE_ACCOUNT, {"of_account": account_id} | {f"new_{name}": value for name, value in columns.items()}
    )


_encode = json.JSONEncoder(separators=(",", ":"), default=_as_text).encode
_CHANGE_ACCOUNT = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("of_account", type_=sa.BigInteger))
    .values({name: sa.bindparam(f"new_{name}", type_=accounts.c[name].type) for name in _OF_ACCOUNT})
)
# Differences, not totals: should two writers ever meet here, the CHECKs see the sum of what both did.
_CHANGE_GRANT = (
    sa.update(grants)
    .where(grants.c.account_id == sa.bindparam("of_account"), grants.c.number == sa.bindparam("changed_number"))
    .values({name: grants.c[name] + sa.bindparam(f"changed_{name}") for name in _AMOUNTS})
)


def _insert(rows: str, table: sa.Table, names: tuple[str, ...]) -> str:
    """The rows of one kind come as one JSON parameter, typed by the table: any number of them is the same statement."""
    columns = ", ".join(names)
    source = f"jsonb_populate_recordset(NULL::{table.name}, CAST(:{rows} AS jsonb))"
    return f"{rows} AS (INSERT INTO {table.name} (account_id, {columns}) SELECT :of_account, {columns} FROM {source})"


def _everything() -> Hot:
    changes = ", ".join(f"{name} = g.{name} + c.{name}" for name in _AMOUNTS)
    columns = ", ".join(f"{name} = :new_{name}" for name in _OF_ACCOUNT)
    statement = sa.text(
        f"WITH {_insert('fresh', grants, _OF_GRANT)}, "
        f"changed AS (UPDATE grants g SET {changes} "
        "FROM jsonb_populate_recordset(NULL::grants, CAST(:changed AS jsonb)) c "
        "WHERE g.account_id = :of_account AND g.number = c.number), "
        f"{_insert('heads', transactions, _OF_TRANSACTION)}, {_insert('moves', transfers, _OF_TRANSFER)} "
        f"UPDATE accounts SET {columns} WHERE id = :of_account"
    ).bindparams(
        sa.bindparam("of_account", type_=sa.BigInteger),
        *(sa.bindparam(f"new_{name}", type_=accounts.c[name].type) for name in _OF_ACCOUNT),
    )
    return Hot(statement, returns=False)


_EVERYTHING = _everything()

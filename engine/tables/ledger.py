"""Accounts and their credits: what is there (grants), and the immutable history that led to it."""

import sqlalchemy as sa

from engine.clock import Instant
from engine.credits import Bucket, Source
from engine.tables.metadata import ROOM_FOR_HOT_UPDATES, BigId, amount, metadata, not_negative, one_of

STANDINGS = ("guest", "member", "pool")

LEGAL_MOVES = (
    (Bucket.ISSUED, Bucket.AVAILABLE),
    (Bucket.AVAILABLE, Bucket.HELD),
    (Bucket.HELD, Bucket.SPENT),
    (Bucket.HELD, Bucket.AVAILABLE),
    (Bucket.HELD, Bucket.REVOKED),
    (Bucket.AVAILABLE, Bucket.LAPSED),
    (Bucket.AVAILABLE, Bucket.REVOKED),
    (Bucket.REVOKED, Bucket.AVAILABLE),
    (Bucket.AVAILABLE, Bucket.MOVED),
)
"""The only ways credits go. Spent, lapsed and moved credits stay where they are."""

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("standing", sa.Text, nullable=False),
    sa.Column("is_operator", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("merged_into", BigId, sa.ForeignKey("accounts.id"), index=True),
    # The end of the account's chain: the audit finds a cut tail by it, and new links are made on it.
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("head", sa.LargeBinary, nullable=False),
    amount("balance"),
    sa.Column("grants_issued", sa.BigInteger, nullable=False, server_default="0"),
    # What a person gets once: the allowance of that day, and welcome credits ever (hundredths).
    sa.Column("allowance_day", sa.Date),
    amount("allowance_issued"),
    amount("welcome_issued"),
    amount("bytes_used"),
    amount("bytes_held"),
    sa.Column("created_at", Instant, nullable=False),
    one_of("standing", STANDINGS),
    sa.CheckConstraint("standing <> 'guest' OR balance = 0", name="guests_own_nothing"),
    sa.CheckConstraint("merged_into IS NULL OR balance = 0", name="closed_is_empty"),
    sa.CheckConstraint("merged_into IS NULL OR merged_into <> id", name="not_into_itself"),
    *not_negative("balance", "allowance_issued", "welcome_issued", "bytes_used", "bytes_held"),
    postgresql_with=ROOM_FOR_HOT_UPDATES,
)

grants = sa.Table(
    "grants",
    metadata,
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text, nullable=False),
    *(amount(bucket) for bucket in Bucket),
    # The part of `held` that a refund or a lost dispute already wants back.
    amount("marked"),
    sa.Column("live", sa.Boolean, sa.Computed("available + held > 0", persisted=True), nullable=False),
    sa.Column("born_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("purchase_id", sa.Text, sa.ForeignKey("purchases.id"), index=True),
    sa.Column("origin_account_id", BigId),
    sa.Column("origin_number", sa.BigInteger),
    one_of("source", Source),
    sa.CheckConstraint("issued > 0", name="not_empty"),
    sa.CheckConstraint("issued = available + held + spent + lapsed + revoked + moved", name="nothing_lost"),
    sa.CheckConstraint("marked <= held", name="marked_is_held"),
    *not_negative(*(bucket for bucket in Bucket if bucket is not Bucket.ISSUED), "marked"),
    sa.CheckConstraint("source <> 'purchase' OR expires_at IS NULL", name="purchases_never_expire"),
    sa.CheckConstraint("source NOT IN ('daily', 'subscription') OR expires_at IS NOT NULL", name="periods_end"),
    sa.ForeignKeyConstraint(["origin_account_id", "origin_number"], ["grants.account_id", "grants.number"]),
    sa.Index(
        "ix_grants_origin",
        "origin_account_id",
        "origin_number",
        postgresql_where=sa.text("origin_number IS NOT NULL"),
        sqlite_where=sa.text("origin_number IS NOT NULL"),
    ),
    # A generated column, not the amounts themselves: an index on an amount would make every update touch it.
    sa.Index("ix_grants_live", "account_id", postgresql_where=sa.text("live"), sqlite_where=sa.text("live")),
    postgresql_with=ROOM_FOR_HOT_UPDATES,
)

transactions = sa.Table(
    "transactions",
    metadata,
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    # What was asked for, in canonical form: the same key with something else is an error.
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    amount("balance"),
    sa.Column("peer", sa.LargeBinary),
    sa.Column("note_id", BigId),
    sa.Column("note_hash", sa.LargeBinary),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("account_id", "key"),
    sa.CheckConstraint("version > 0", name="version"),
    *not_negative("balance"),
)

transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("account_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("grant_number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("from_bucket", sa.Text, primary_key=True),
    sa.Column("to_bucket", sa.Text, primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(["account_id", "version"], ["transactions.account_id", "transactions.version"]),
    sa.ForeignKeyConstraint(["account_id", "grant_number"], ["grants.account_id", "grants.number"]),
    sa.CheckConstraint("amount > 0", name="amount"),
    one_of("from_bucket || '-' || to_bucket", (f"{here}-{there}" for here, there in LEGAL_MOVES), name="legal_move"),
)

purchases = sa.Table(
    "purchases",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("credits", sa.BigInteger, nullable=False),
    # How much of it must go back, and whether it is disputed, as the payment itself says; `reversals` counts changes.
    amount("target"),
    # The part of the target that had lapsed before: nobody owes it.
    amount("forgiven"),
    sa.Column("reversals", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("is_disputed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", Instant, nullable=False),
    sa.CheckConstraint("credits > 0", name="credits"),
    sa.CheckConstraint("target <= credits", name="target_in_bounds"),
    *not_negative("target", "forgiven"),
)

debts = sa.Table(
    "debts",
    metadata,
    sa.Column("purchase_id", sa.Text, sa.ForeignKey("purchases.id"), primary_key=True),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), nullable=False, index=True),
    amount("owed"),
    amount("paid"),
    sa.Column("payments", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("paid <= owed", name="not_overpaid"),
    *not_negative("paid"),
)

notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

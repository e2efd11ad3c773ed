"""The ledger: accounts, grants and their immutable history, people, generations, catalogue."""

import sqlalchemy as sa
from alembic import op

from engine.clock import Instant
from engine.migrations.append_only import TABLES, protect
from engine.tables.metadata import BigId

revision = "2026_11_20_ledger"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("is_operator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("merged_into", BigId, nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("balance", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("grants_issued", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("allowance_day", sa.Date(), nullable=True),
        sa.Column("allowance_issued", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("welcome_issued", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes_used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes_held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("standing <> 'guest' OR balance = 0", name=op.f("ck_accounts_guests_own_nothing")),
        sa.CheckConstraint("standing IN ('guest', 'member', 'pool')", name=op.f("ck_accounts_standing")),
        sa.CheckConstraint("allowance_issued >= 0", name=op.f("ck_accounts_allowance_issued")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_accounts_balance")),
        sa.CheckConstraint("bytes_held >= 0", name=op.f("ck_accounts_bytes_held")),
        sa.CheckConstraint("bytes_used >= 0", name=op.f("ck_accounts_bytes_used")),
        sa.CheckConstraint("merged_into IS NULL OR balance = 0", name=op.f("ck_accounts_closed_is_empty")),
        sa.CheckConstraint("merged_into IS NULL OR merged_into <> id", name=op.f("ck_accounts_not_into_itself")),
        sa.CheckConstraint("welcome_issued >= 0", name=op.f("ck_accounts_welcome_issued")),
        sa.ForeignKeyConstraint(["merged_into"], ["accounts.id"], name=op.f("fk_accounts_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(op.f("ix_accounts_merged_into"), "accounts", ["merged_into"], unique=False)

    op.create_table(
        "models",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("best_for", sa.Text(), nullable=False),
        sa.Column("capabilities", sa.JSON(), nullable=False),
        sa.Column("sizes", sa.JSON(), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("cost_microdollars", sa.BigInteger(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('image', 'video')", name=op.f("ck_models_kind")),
        sa.CheckConstraint("cost_microdollars >= 0", name=op.f("ck_models_cost_microdollars")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_models_price")),
        sa.CheckConstraint("timeout_seconds > 0", name=op.f("ck_models_timeout_seconds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_table(
        "notes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_table(
        "packs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price_cents", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("is_best_value", sa.Boolean(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.CheckConstraint("credits > 0", name=op.f("ck_packs_credits")),
        sa.CheckConstraint("price_cents > 0", name=op.f("ck_packs_price_cents")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packs")),
    )
    op.create_table(
        "teasers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_locked", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teasers")),
    )
    op.create_table(
        "identities",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_identities_account_id")),
        sa.PrimaryKeyConstraint("platform", "user_id", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_account_id"), "identities", ["account_id"], unique=False)

    op.create_table(
        "purchases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("forgiven", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reversals", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("is_disputed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("credits > 0", name=op.f("ck_purchases_credits")),
        sa.CheckConstraint("forgiven >= 0", name=op.f("ck_purchases_forgiven")),
        sa.CheckConstraint("target <= credits", name=op.f("ck_purchases_target_in_bounds")),
        sa.CheckConstraint("target >= 0", name=op.f("ck_purchases_target")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_purchases_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchases")),
    )
    op.create_index(op.f("ix_purchases_account_id"), "purchases", ["account_id"], unique=False)

    op.create_table(
        "spaces",
        sa.Column("id", BigId, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("is_under_maintenance", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pool_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["pool_id"], ["accounts.id"], name=op.f("fk_spaces_pool_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spaces")),
        sa.UniqueConstraint("platform", "platform_id", name=op.f("uq_spaces_platform_platform_id")),
    )
    op.create_table(
        "transactions",
        sa.Column("account_id", BigId, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("balance", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("peer", sa.LargeBinary(), nullable=True),
        sa.Column("note_id", BigId, nullable=True),
        sa.Column("note_hash", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_transactions_balance")),
        sa.CheckConstraint("version > 0", name=op.f("ck_transactions_version")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_transactions_account_id")),
        sa.PrimaryKeyConstraint("account_id", "version", name=op.f("pk_transactions")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_transactions_account_id_key")),
    )
    op.create_table(
        "actions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("space_id", BigId, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("note_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_actions_account_id")),
        sa.ForeignKeyConstraint(["space_id"], ["spaces.id"], name=op.f("fk_actions_space_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_index(op.f("ix_actions_account_id"), "actions", ["account_id"], unique=False)

    op.create_table(
        "bans",
        sa.Column("account_id", BigId, autoincrement=False, nullable=False),
        sa.Column("space_id", BigId, autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_bans_account_id")),
        sa.ForeignKeyConstraint(["space_id"], ["spaces.id"], name=op.f("fk_bans_space_id")),
        sa.PrimaryKeyConstraint("account_id", "space_id", name=op.f("pk_bans")),
    )
    op.create_table(
        "debts",
        sa.Column("purchase_id", sa.Text(), nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("owed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paid", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("payments", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("paid <= owed", name=op.f("ck_debts_not_overpaid")),
        sa.CheckConstraint("paid >= 0", name=op.f("ck_debts_paid")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_debts_account_id")),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name=op.f("fk_debts_purchase_id")),
        sa.PrimaryKeyConstraint("purchase_id", name=op.f("pk_debts")),
    )
    op.create_index(op.f("ix_debts_account_id"), "debts", ["account_id"], unique=False)

    op.create_table(
        "generations",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("payer_id", BigId, nullable=False),
        sa.Column("space_id", BigId, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("is_guest", sa.Boolean(), nullable=False),
        sa.Column("bytes_held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes_stored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'submitting', 'submitted', 'ready', 'stored', 'failed', 'cancelled')",
            name=op.f("ck_generations_state"),
        ),
        sa.CheckConstraint("NOT is_guest OR price = 0", name=op.f("ck_generations_guests_pay_nothing")),
        sa.CheckConstraint("bytes_held = 0 OR ended_at IS NULL", name=op.f("ck_generations_ended_holds_nothing")),
        sa.CheckConstraint("bytes_held >= 0", name=op.f("ck_generations_bytes_held")),
        sa.CheckConstraint("bytes_stored >= 0", name=op.f("ck_generations_bytes_stored")),
        sa.CheckConstraint("pictures > 0", name=op.f("ck_generations_pictures")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_generations_price")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_generations_account_id")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_generations_model_id")),
        sa.ForeignKeyConstraint(["payer_id"], ["accounts.id"], name=op.f("fk_generations_payer_id")),
        sa.ForeignKeyConstraint(["space_id"], ["spaces.id"], name=op.f("fk_generations_space_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generations")),
        sa.UniqueConstraint("platform", "request_key", name=op.f("uq_generations_platform_request_key")),
    )
    op.create_index("ix_generations_account_id_created_at", "generations", ["account_id", "created_at"], unique=False)
    op.create_index(
        "ix_generations_open",
        "generations",
        ["state"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'submitting', 'submitted', 'ready')"),
        sqlite_where=sa.text("state IN ('queued', 'submitting', 'submitted', 'ready')"),
    )
    op.create_index("ix_generations_payer_id", "generations", ["payer_id"], unique=False)

    op.create_table(
        "grants",
        sa.Column("account_id", BigId, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("issued", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("available", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lapsed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("revoked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("marked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("live", sa.Boolean(), sa.Computed("available + held > 0", persisted=True), nullable=False),
        sa.Column("born_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("purchase_id", sa.Text(), nullable=True),
        sa.Column("origin_account_id", BigId, nullable=True),
        sa.Column("origin_number", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("source <> 'purchase' OR expires_at IS NULL", name=op.f("ck_grants_purchases_never_expire")),
        sa.CheckConstraint(
            "source IN ('daily', 'subscription', 'welcome', 'gift', 'referral', 'adjustment', 'purchase')",
            name=op.f("ck_grants_source"),
        ),
        sa.CheckConstraint(
            "source NOT IN ('daily', 'subscription') OR expires_at IS NOT NULL", name=op.f("ck_grants_periods_end")
        ),
        sa.CheckConstraint("available >= 0", name=op.f("ck_grants_available")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_grants_held")),
        sa.CheckConstraint(
            "issued = available + held + spent + lapsed + revoked + moved", name=op.f("ck_grants_nothing_lost")
        ),
        sa.CheckConstraint("issued > 0", name=op.f("ck_grants_not_empty")),
        sa.CheckConstraint("lapsed >= 0", name=op.f("ck_grants_lapsed")),
        sa.CheckConstraint("marked <= held", name=op.f("ck_grants_marked_is_held")),
        sa.CheckConstraint("marked >= 0", name=op.f("ck_grants_marked")),
        sa.CheckConstraint("moved >= 0", name=op.f("ck_grants_moved")),
        sa.CheckConstraint("revoked >= 0", name=op.f("ck_grants_revoked")),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_grants_spent")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_grants_account_id")),
        sa.ForeignKeyConstraint(
            ["origin_account_id", "origin_number"],
            ["grants.account_id", "grants.number"],
            name=op.f("fk_grants_origin_account_id_origin_number"),
        ),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name=op.f("fk_grants_purchase_id")),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_grants")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "ix_grants_live",
        "grants",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("live"),
        sqlite_where=sa.text("live"),
    )
    op.create_index(
        "ix_grants_origin",
        "grants",
        ["origin_account_id", "origin_number"],
        unique=False,
        postgresql_where=sa.text("origin_number IS NOT NULL"),
        sqlite_where=sa.text("origin_number IS NOT NULL"),
    )
    op.create_index(op.f("ix_grants_purchase_id"), "grants", ["purchase_id"], unique=False)

    op.create_table(
        "transfers",
        sa.Column("account_id", BigId, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("grant_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_bucket", sa.Text(), nullable=False),
        sa.Column("to_bucket", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "from_bucket || '-' || to_bucket IN ('issued-available', 'available-held', 'held-spent', 'held-available', 'held-revoked', 'available-lapsed', 'available-revoked', 'revoked-available', 'available-moved')",
            name=op.f("ck_transfers_legal_move"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transfers_amount")),
        sa.ForeignKeyConstraint(
            ["account_id", "grant_number"],
            ["grants.account_id", "grants.number"],
            name=op.f("fk_transfers_account_id_grant_number"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "version"],
            ["transactions.account_id", "transactions.version"],
            name=op.f("fk_transfers_account_id_version"),
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "version", "grant_number", "from_bucket", "to_bucket", name=op.f("pk_transfers")
        ),
    )
    for table in TABLES:
        protect(table)
    # The space that stands for all.
    op.execute("INSERT INTO spaces (id, platform, platform_id) VALUES (0, '', '')")

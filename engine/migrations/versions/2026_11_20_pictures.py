"""The way of a picture: what a generation is about and how far it is, pictures, deliveries, tasks, people's choices."""

import sqlalchemy as sa
from alembic import op

from engine.clock import Instant
from engine.tables.metadata import BigId

revision = "2026_11_20_pictures"
down_revision = "2026_11_20_ledger"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("state IN ('queued', 'submitting', 'submitted', 'ready')")
IS_PENDING = sa.text("state = 'pending'")

COLUMNS: tuple[sa.Column[object], ...] = (
    sa.Column("prompt", sa.Text()),
    sa.Column("size", sa.Text()),
    sa.Column("seed", sa.BigInteger()),
    sa.Column("charged", sa.BigInteger(), server_default="0", nullable=False),
    sa.Column("trouble", sa.Text()),
    sa.Column("address", sa.Text()),
    sa.Column("locale", sa.Text()),
    sa.Column("trace", sa.Text()),
    sa.Column("submits", sa.Integer(), server_default="0", nullable=False),
    sa.Column("finishes", sa.Integer(), server_default="0", nullable=False),
    sa.Column("provider", sa.Text()),
    sa.Column("request_id", sa.Text()),
    sa.Column("place", sa.Integer()),
    sa.Column("outputs", sa.JSON()),
    sa.Column("hint", sa.BigInteger(), server_default="0", nullable=False),
    sa.Column("lease_token", sa.Text()),
    sa.Column("lease_until", Instant()),
    sa.Column("look_at", Instant()),
    sa.Column("deadline_at", Instant()),
    sa.Column("submitted_at", Instant()),
    sa.Column("began_at", Instant()),
    sa.Column("changed_at", Instant()),
)
# What its settle captured: not the whole price when fewer pictures came.
CHARGED = """
    UPDATE generations SET charged = COALESCE((
        SELECT SUM(x.amount) FROM transactions s
        JOIN transfers x ON x.account_id = s.account_id AND x.version = s.version AND x.to_bucket = 'spent'
        WHERE s.account_id = generations.payer_id AND s.key = 'settle:' || generations.id), 0)
    WHERE state = 'stored'
"""
FILLED = ("prompt", "seed", "address", "locale", "trace", "changed_at")

# A batch on SQLite rebuilds the table and forgets the checks that are not named again.
CHECKS_BEFORE = {
    "state": "state IN ('queued', 'submitting', 'submitted', 'ready', 'stored', 'failed', 'cancelled')",
    "guests_pay_nothing": "NOT is_guest OR price = 0",
    "ended_holds_nothing": "bytes_held = 0 OR ended_at IS NULL",
    "bytes_held": "bytes_held >= 0",
    "bytes_stored": "bytes_stored >= 0",
    "pictures": "pictures > 0",
    "price": "price >= 0",
}
CHECKS_NOW = {
    "trouble": "trouble IN ('refused', 'provider', 'unknown', 'too_late', 'broken_picture', 'storage', 'banned')",
    "charged": "charged >= 0",
    "submits": "submits >= 0",
    "finishes": "finishes >= 0",
    "only_stored_is_charged": "charged = 0 OR (state = 'stored' AND charged <= price)",
    "an_end_has_a_moment": "(ended_at IS NULL) = (state IN ('queued', 'submitting', 'submitted', 'ready'))",
    "request_id_first": "state NOT IN ('submitted', 'ready') OR request_id IS NOT NULL",
    "failures_have_a_reason": "state <> 'failed' OR trouble IS NOT NULL",
    "open_is_watched": "ended_at IS NOT NULL OR (look_at IS NOT NULL AND deadline_at IS NOT NULL)",
}


def upgrade() -> None:
    _generations()
    _work()
    _people()


def _generations() -> None:
    for column in COLUMNS:
        op.add_column("generations", column)
    op.execute("UPDATE generations SET prompt = '', seed = 0, address = '', locale = 'en', trace = ''")
    op.execute("UPDATE generations SET changed_at = COALESCE(ended_at, created_at)")
    op.execute(CHARGED)
    op.execute("UPDATE generations SET trouble = 'provider' WHERE state = 'failed'")
    # What was running before there was anyone to run it: the watcher ends it.
    op.execute("UPDATE generations SET look_at = created_at, deadline_at = created_at WHERE ended_at IS NULL")
    op.execute("UPDATE generations SET state = 'queued' WHERE ended_at IS NULL")
    op.drop_index("ix_generations_open", table_name="generations")
    before = tuple(
        sa.CheckConstraint(rule, name=op.f(f"ck_generations_{name}")) for name, rule in CHECKS_BEFORE.items()
    )
    with op.batch_alter_table("generations", table_args=before) as batch:
        for name in FILLED:
            batch.alter_column(name, nullable=False)
        for name, rule in CHECKS_NOW.items():
            batch.create_check_constraint(op.f(f"ck_generations_{name}"), rule)
        batch.create_unique_constraint(op.f("uq_generations_provider_request_id"), ["provider", "request_id"])
    op.create_index("ix_generations_open", "generations", ["look_at"], postgresql_where=IS_OPEN, sqlite_where=IS_OPEN)


def _work() -> None:
    op.create_table(
        "pictures",
        sa.Column("generation_id", BigId, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("thumbnail_key", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_pictures_area")),
        sa.CheckConstraint("bytes > 0", name=op.f("ck_pictures_bytes")),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name=op.f("fk_pictures_generation_id")),
        sa.PrimaryKeyConstraint("generation_id", "number", name=op.f("pk_pictures")),
        sa.UniqueConstraint("key", name=op.f("uq_pictures_key")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", BigId, nullable=False),
        sa.Column("generation_id", BigId, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.CheckConstraint("(state = 'pending') = (done_at IS NULL)", name=op.f("ck_deliveries_an_end_has_a_moment")),
        sa.CheckConstraint("state IN ('pending', 'done', 'undeliverable')", name=op.f("ck_deliveries_state")),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name=op.f("fk_deliveries_generation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("generation_id", name=op.f("uq_deliveries_generation_id")),
    )
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["platform", "not_before"],
        postgresql_where=IS_PENDING,
        sqlite_where=IS_PENDING,
    )
    op.create_table(
        "tasks",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_tasks_kind_key")),
    )
    op.create_index(op.f("ix_tasks_due_at"), "tasks", ["due_at"])


def _people() -> None:
    op.create_table(
        "preferences",
        sa.Column("account_id", BigId, autoincrement=False, nullable=False),
        sa.Column("default_model", sa.Text(), nullable=True),
        sa.Column("default_price", sa.BigInteger(), nullable=True),
        sa.Column("bought", sa.Text(), server_default="ask", nullable=False),
        sa.Column("daily_cap", sa.BigInteger(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.CheckConstraint("bought IN ('free_only', 'ask', 'auto')", name=op.f("ck_preferences_bought")),
        sa.CheckConstraint(
            "(default_model IS NULL) = (default_price IS NULL)", name=op.f("ck_preferences_a_default_has_its_price")
        ),
        sa.CheckConstraint("daily_cap >= 0", name=op.f("ck_preferences_daily_cap")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_preferences_account_id")),
        sa.ForeignKeyConstraint(["default_model"], ["models.id"], name=op.f("fk_preferences_default_model")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_preferences")),
    )
    op.create_table(
        "consents",
        sa.Column("account_id", BigId, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_consents_account_id")),
        sa.PrimaryKeyConstraint("account_id", "document", "version", name=op.f("pk_consents")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
        sa.UniqueConstraint("user_id", name=op.f("uq_sessions_user_id")),
    )
    op.create_index(op.f("ix_sessions_seen_at"), "sessions", ["seen_at"])
    op.create_table(
        "personal_keys",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_personal_keys_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_keys")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_personal_keys_secret_hash")),
    )
    op.create_index(op.f("ix_personal_keys_account_id"), "personal_keys", ["account_id"])
    op.create_table(
        "feedback",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_feedback_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_account_id"), "feedback", ["account_id"])

"""Real providers: what each submission cost, circuits, alerts, the shapes of models, and one more reason to fail."""

import sqlalchemy as sa
from alembic import op

from engine.clock import Instant
from engine.tables.metadata import BigId

revision = "2026_11_20_providers"
down_revision = "2026_11_20_pictures"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("ended_at IS NULL")
TROUBLES = "trouble IN ('refused', 'provider', 'unknown', 'too_late', 'broken_picture', 'storage', 'banned')"
TROUBLES_NOW = TROUBLES.replace("'refused', ", "'refused', 'unfit', ")
MODELS = (
    "input TEXT DEFAULT 'image_size' NOT NULL",
    "output TEXT DEFAULT 'images' NOT NULL",
    "providers JSON",
    "start_seconds INTEGER DEFAULT 60 NOT NULL CONSTRAINT ck_models_start_seconds CHECK (start_seconds > 1)",
    "cost_unit TEXT DEFAULT 'image' NOT NULL CONSTRAINT ck_models_cost_unit CHECK (cost_unit IN ('image', 'megapixel'))",
)
# Only the last try of each is known, and what it cost is not, except that a painted demo is free.
EARLIER = """
    INSERT INTO submissions (generation_id, attempt, provider, outcome, request_id, cost_microdollars, asked_at, ended_at)
    SELECT id, submits, provider,
        CASE WHEN state IN ('ready', 'stored') THEN 'done' WHEN ended_at IS NULL THEN 'taken' ELSE 'failed' END,
        request_id, CASE WHEN state = 'submitted' THEN NULL ELSE 0 END, COALESCE(submitted_at, created_at),
        CASE WHEN state = 'submitted' THEN NULL ELSE changed_at END
    FROM generations WHERE provider IS NOT NULL AND request_id IS NOT NULL AND submits > 0
"""


def upgrade() -> None:
    for column in MODELS:
        op.execute(f"ALTER TABLE models ADD COLUMN {column}")
    _one_more_trouble()
    _submissions()
    _circuits_and_alerts()
    op.execute(EARLIER)
    op.execute("DELETE FROM tasks WHERE kind = 'cancel_at_provider'")  # what they were about has ended


def _one_more_trouble() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ck_generations_trouble", "generations")
        op.create_check_constraint(op.f("ck_generations_trouble"), "generations", TROUBLES_NOW)
        return
    # SQLite cannot ALTER a check. Its manual's way for one that only gets wider: no row has to be looked at again.
    version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    changed = sa.text("UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE type = 'table' AND name = :name")
    op.execute(changed.bindparams(old=TROUBLES, new=TROUBLES_NOW, name="generations"))
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("generation_id", BigId, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("memo", sa.Text(), server_default="", nullable=False),
        sa.Column("cost_microdollars", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('asked', 'rejected', 'taken', 'done', 'failed', 'lost')", name=op.f("ck_submissions_outcome")
        ),
        sa.CheckConstraint("cost_microdollars >= 0", name=op.f("ck_submissions_cost_microdollars")),
        sa.CheckConstraint("attempt > 0", name=op.f("ck_submissions_attempt")),
        sa.CheckConstraint(
            "outcome NOT IN ('taken', 'done', 'failed', 'lost') OR request_id IS NOT NULL",
            name=op.f("ck_submissions_request_id_first"),
        ),
        sa.CheckConstraint(
            "(outcome IN ('rejected', 'done', 'failed')) = (cost_microdollars IS NOT NULL)",
            name=op.f("ck_submissions_an_end_has_its_cost"),
        ),
        sa.CheckConstraint(
            "(outcome IN ('asked', 'taken')) = (ended_at IS NULL)", name=op.f("ck_submissions_an_end_has_a_moment")
        ),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name=op.f("fk_submissions_generation_id")),
        sa.PrimaryKeyConstraint("generation_id", "attempt", name=op.f("pk_submissions")),
        sa.UniqueConstraint("provider", "request_id", name=op.f("uq_submissions_provider_request_id")),
    )


def _circuits_and_alerts() -> None:
    op.create_table(
        "circuits",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_until", Instant(), nullable=True),
        sa.Column("probe", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_circuits_failures")),
        sa.CheckConstraint("openings >= 0", name=op.f("ck_circuits_openings")),
        sa.PrimaryKeyConstraint("provider", "model_id", name=op.f("pk_circuits")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "uq_alerts_open", "alerts", ["kind", "key"], unique=True, postgresql_where=IS_OPEN, sqlite_where=IS_OPEN
    )

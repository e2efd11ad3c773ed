"""What we asked of providers and what it cost; whom we leave alone for a while; what operators must know."""

from enum import StrEnum

import sqlalchemy as sa

from engine.clock import Instant
from engine.tables.metadata import BigId, metadata, not_negative, one_of


class Outcome(StrEnum):
    """What became of a submission."""

    ASKED = "asked"  # nobody knows yet whether the provider has taken it
    REJECTED = "rejected"  # it has not
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"  # taken, and the provider no longer says what became of it


submissions = sa.Table(
    "submissions",
    metadata,
    sa.Column("generation_id", BigId, sa.ForeignKey("generations.id"), primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text),
    # What the provider wants to be told again, in its own words.
    sa.Column("memo", sa.Text, nullable=False, server_default=""),
    # Millionths of a dollar that the provider bills us; NULL while nobody knows.
    sa.Column("cost_microdollars", sa.BigInteger),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.UniqueConstraint("provider", "request_id"),
    one_of("outcome", Outcome),
    *not_negative("cost_microdollars"),
    sa.CheckConstraint("attempt > 0", name="attempt"),
    sa.CheckConstraint(
        "outcome NOT IN ('taken', 'done', 'failed', 'lost') OR request_id IS NOT NULL", name="request_id_first"
    ),
    sa.CheckConstraint(
        "(outcome IN ('rejected', 'done', 'failed')) = (cost_microdollars IS NOT NULL)", name="an_end_has_its_cost"
    ),
    sa.CheckConstraint("(outcome IN ('asked', 'taken')) = (ended_at IS NULL)", name="an_end_has_a_moment"),
)

circuits = sa.Table(
    "circuits",
    metadata,
    sa.Column("provider", sa.Text, primary_key=True),
    # A model, or * for all that it draws.
    sa.Column("model_id", sa.Text, primary_key=True),
    # Failures since the last success; how often it was opened since then.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("openings", sa.Integer, nullable=False, server_default="0"),
    # Nobody asks before; then one does, and the others wait for how that ends.
    sa.Column("open_until", Instant),
    # The generation that does.
    sa.Column("probe", sa.BigInteger),
    *not_negative("failures", "openings"),
)

_IS_OPEN = sa.text("ended_at IS NULL")

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("times", sa.Integer, nullable=False, server_default="1"),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Index("uq_alerts_open", "kind", "key", unique=True, postgresql_where=_IS_OPEN, sqlite_where=_IS_OPEN),
)

"""Generations: who asked, who pays, what for, and how far it is."""

from enum import StrEnum

import sqlalchemy as sa

from engine.clock import Instant
from engine.tables.metadata import BigId, amount, metadata, not_negative, one_of


class State(StrEnum):
    """A generation's life; the last three are ends."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    READY = "ready"
    STORED = "stored"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.READY)
_IS_OPEN = sa.text("state IN ('queued', 'submitting', 'submitted', 'ready')")

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    # Whose picture it is; follows its owner when accounts are linked.
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), nullable=False),
    # Whose chain the hold is on; never changes.
    sa.Column("payer_id", BigId, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("space_id", BigId, sa.ForeignKey("spaces.id"), nullable=False),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("request_key", sa.Text, nullable=False),
    sa.Column("model_id", sa.Text, sa.ForeignKey("models.id"), nullable=False),
    sa.Column("pictures", sa.Integer, nullable=False),
    # Hundredths for all pictures together; zero for a guest, whose slot it uses instead.
    amount("price"),
    sa.Column("is_guest", sa.Boolean, nullable=False),
    amount("bytes_held"),
    amount("bytes_stored"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.UniqueConstraint("platform", "request_key"),
    sa.Index("ix_generations_account_id_created_at", "account_id", "created_at"),
    sa.Index("ix_generations_payer_id", "payer_id"),
    sa.Index("ix_generations_open", "state", postgresql_where=_IS_OPEN, sqlite_where=_IS_OPEN),
    one_of("state", State),
    sa.CheckConstraint("pictures > 0", name="pictures"),
    sa.CheckConstraint("NOT is_guest OR price = 0", name="guests_pay_nothing"),
    *not_negative("price", "bytes_held", "bytes_stored"),
    sa.CheckConstraint("bytes_held = 0 OR ended_at IS NULL", name="ended_holds_nothing"),
)

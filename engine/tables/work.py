"""Generations and their pictures; the duties that follow from them: deliveries and tasks."""

from enum import StrEnum

import sqlalchemy as sa

from engine.clock import Instant
from engine.ports import Trouble
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
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("size", sa.Text),
    sa.Column("seed", sa.BigInteger, nullable=False),
    # Hundredths for all pictures together; zero for a guest, whose slot it uses instead.
    amount("price"),
    amount("charged"),
    sa.Column("is_guest", sa.Boolean, nullable=False),
    amount("bytes_held"),
    amount("bytes_stored"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("trouble", sa.Text),
    # Where the result goes, in words of the platform; the id that ties the log's lines together.
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("trace", sa.Text, nullable=False),
    # How often it was handed to a provider, and how often somebody began to finish it.
    sa.Column("submits", sa.Integer, nullable=False, server_default="0"),
    sa.Column("finishes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("provider", sa.Text),
    sa.Column("request_id", sa.Text),
    # The last that was heard of it: its place in the provider's queue, and what there is to fetch.
    sa.Column("place", sa.Integer),
    sa.Column("outputs", sa.JSON(none_as_null=True)),
    sa.Column("hint", sa.BigInteger, nullable=False, server_default="0"),
    # Who works on it; when the watcher is to look at it next; when everybody gives up.
    sa.Column("lease_token", sa.Text),
    sa.Column("lease_until", Instant),
    sa.Column("look_at", Instant),
    sa.Column("deadline_at", Instant),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("submitted_at", Instant),
    sa.Column("began_at", Instant),
    sa.Column("ended_at", Instant),
    sa.Column("changed_at", Instant, nullable=False),
    sa.UniqueConstraint("platform", "request_key"),
    sa.UniqueConstraint("provider", "request_id"),
    sa.Index("ix_generations_account_id_created_at", "account_id", "created_at"),
    sa.Index("ix_generations_payer_id", "payer_id"),
    sa.Index("ix_generations_open", "look_at", postgresql_where=_IS_OPEN, sqlite_where=_IS_OPEN),
    one_of("state", State),
    one_of("trouble", Trouble),
    sa.CheckConstraint("pictures > 0", name="pictures"),
    sa.CheckConstraint("NOT is_guest OR price = 0", name="guests_pay_nothing"),
    *not_negative("price", "charged", "bytes_held", "bytes_stored", "submits", "finishes"),
    sa.CheckConstraint("bytes_held = 0 OR ended_at IS NULL", name="ended_holds_nothing"),
    sa.CheckConstraint("charged = 0 OR (state = 'stored' AND charged <= price)", name="only_stored_is_charged"),
    sa.CheckConstraint(
        "(ended_at IS NULL) = (state IN ('queued', 'submitting', 'submitted', 'ready'))", name="an_end_has_a_moment"
    ),
    sa.CheckConstraint("state NOT IN ('submitted', 'ready') OR request_id IS NOT NULL", name="request_id_first"),
    sa.CheckConstraint("state <> 'failed' OR trouble IS NOT NULL", name="failures_have_a_reason"),
    sa.CheckConstraint(
        "ended_at IS NOT NULL OR (look_at IS NOT NULL AND deadline_at IS NOT NULL)", name="open_is_watched"
    ),
)

pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("generation_id", BigId, sa.ForeignKey("generations.id"), primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # Keys of the media store.
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("thumbnail_key", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    # Of the picture and its thumbnail.
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.CheckConstraint("width > 0 AND height > 0", name="area"),
    sa.CheckConstraint("bytes > 0", name="bytes"),
)

_IS_PENDING = sa.text("state = 'pending'")

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("generation_id", BigId, sa.ForeignKey("generations.id"), nullable=False, unique=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="pending"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # Nobody takes it before: a lease while somebody works on it, a platform's wait after a 429.
    sa.Column("not_before", Instant, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("done_at", Instant),
    sa.Index("ix_deliveries_pending", "platform", "not_before", postgresql_where=_IS_PENDING, sqlite_where=_IS_PENDING),
    one_of("state", ("pending", "done", "undeliverable")),
    sa.CheckConstraint("(state = 'pending') = (done_at IS NULL)", name="an_end_has_a_moment"),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", Instant, nullable=False, index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("kind", "key"),
)

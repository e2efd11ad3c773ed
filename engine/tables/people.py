"""Who is who, where, and what operators did: identities, spaces, bans, the record of actions."""

import sqlalchemy as sa

from engine.clock import Instant
from engine.tables.metadata import BigId, metadata

EVERYWHERE = 0
"""The space that stands for all: its maintenance switch and its bans hold everywhere."""

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("created_at", Instant, nullable=False),
)

spaces = sa.Table(
    "spaces",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("platform_id", sa.Text, nullable=False),
    sa.Column("is_under_maintenance", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("pool_id", BigId, sa.ForeignKey("accounts.id")),
    sa.UniqueConstraint("platform", "platform_id"),
)

bans = sa.Table(
    "bans",
    metadata,
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    sa.Column("space_id", BigId, sa.ForeignKey("spaces.id"), primary_key=True, autoincrement=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), index=True),
    sa.Column("space_id", BigId, sa.ForeignKey("spaces.id")),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("note_id", BigId, nullable=False),
)

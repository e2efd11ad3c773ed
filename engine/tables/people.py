"""Who is who, where, how they like it, and what operators did: identities, spaces, bans, preferences, actions."""

from enum import StrEnum

import sqlalchemy as sa

from engine.clock import Instant
from engine.tables.metadata import BigId, metadata, one_of

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


class Bought(StrEnum):
    """How an account's bought credits may be spent: never, after a yes each time, or like any others."""

    FREE_ONLY = "free_only"
    ASK = "ask"
    AUTO = "auto"


preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    sa.Column("default_model", sa.Text, sa.ForeignKey("models.id")),
    # What the button said that made it the default (hundredths): another price is asked about first.
    sa.Column("default_price", sa.BigInteger),
    sa.Column("bought", sa.Text, nullable=False, server_default=Bought.ASK.value),
    # What may be spent in a UTC day, by its own wish (hundredths); no cap when empty.
    sa.Column("daily_cap", sa.BigInteger),
    sa.Column("language", sa.Text),
    one_of("bought", Bought),
    sa.CheckConstraint("(default_model IS NULL) = (default_price IS NULL)", name="a_default_has_its_price"),
    sa.CheckConstraint("daily_cap >= 0", name="daily_cap"),
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    sa.Column("document", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
)

# A visitor's cookie holds a random token; its hash is here. `user_id` is who that is on the platform "browser".
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_hash", sa.LargeBinary, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False, index=True),
)

personal_keys = sa.Table(
    "personal_keys",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, unique=True),
    # The end of the secret, so that its owner knows which one it is.
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("last_used_at", Instant),
    sa.Column("revoked_at", Instant),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), nullable=False, index=True),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

"""Models, packs and teasers: seeded from catalog.toml, editable by operators later.

`seed` keeps each row as the file last had it (JSON), which tells an operator's change from an old default.
"""

import sqlalchemy as sa

from engine.tables.metadata import metadata, one_of

COST_UNITS = ("image", "megapixel")

models = sa.Table(
    "models",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("price", sa.BigInteger, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("tier", sa.Text, nullable=False),
    sa.Column("best_for", sa.Text, nullable=False),
    sa.Column("capabilities", sa.JSON, nullable=False),
    sa.Column("sizes", sa.JSON, nullable=False),
    sa.Column("timeout_seconds", sa.Integer, nullable=False),
    sa.Column("cost_microdollars", sa.BigInteger, nullable=False),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("seed", sa.Text, nullable=False),
    # The shapes of what the endpoint takes and gives; whom to ask, in this order (nobody named: as the settings say).
    sa.Column("input", sa.Text, nullable=False, server_default="image_size"),
    sa.Column("output", sa.Text, nullable=False, server_default="images"),
    sa.Column("providers", sa.JSON(none_as_null=True)),
    sa.Column("start_seconds", sa.Integer, nullable=False, server_default="60"),
    sa.Column("cost_unit", sa.Text, nullable=False, server_default="image"),
    one_of("kind", ("image", "video")),
    one_of("cost_unit", COST_UNITS),
    sa.CheckConstraint("start_seconds > 1", name="start_seconds"),
    sa.CheckConstraint("price >= 0", name="price"),
    sa.CheckConstraint("timeout_seconds > 0", name="timeout_seconds"),
    sa.CheckConstraint("cost_microdollars >= 0", name="cost_microdollars"),
)

packs = sa.Table(
    "packs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("price_cents", sa.BigInteger, nullable=False),
    sa.Column("credits", sa.BigInteger, nullable=False),
    sa.Column("is_best_value", sa.Boolean, nullable=False),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("seed", sa.Text, nullable=False),
    sa.CheckConstraint("price_cents > 0", name="price_cents"),
    sa.CheckConstraint("credits > 0", name="credits"),
)

teasers = sa.Table(
    "teasers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("is_locked", sa.Boolean, nullable=False),
    sa.Column("seed", sa.Text, nullable=False),
)

"""Alembic's entry: migrates the connection that was handed over, inside its transaction."""

from alembic import context

from engine.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot ALTER a constraint
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

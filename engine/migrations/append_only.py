"""Triggers that refuse every change of what is written once.

SQLite drops a table's triggers when a batch migration rebuilds it: call `protect` again after one (a test looks).
"""

from alembic import op

TABLES = ("transactions", "transfers")


def protect(table: str) -> None:
    """Refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE on the table, whoever asks."""
    if op.get_bind().dialect.name == "postgresql":
        _protect_postgresql(table)
    else:
        _protect_sqlite(table)


def _protect_postgresql(table: str) -> None:
    op.execute(
        """
        CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    # For each statement, not each row: it refuses also what would touch no row, and ON CONFLICT DO UPDATE.
    for event in ("UPDATE", "DELETE", "TRUNCATE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{event.lower()} BEFORE {event} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _protect_sqlite(table: str) -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS {table}_refuse_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )

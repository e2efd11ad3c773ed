"""Every table, grouped by what a reader looks for; the database itself forbids what must not be."""

from engine.tables.catalog import COST_UNITS, models, packs, teasers
from engine.tables.ledger import accounts, debts, grants, notes, purchases, transactions, transfers
from engine.tables.metadata import metadata
from engine.tables.people import (
    EVERYWHERE,
    Bought,
    actions,
    bans,
    consents,
    feedback,
    identities,
    personal_keys,
    preferences,
    sessions,
    spaces,
)
from engine.tables.providers import Outcome, alerts, circuits, submissions
from engine.tables.work import OPEN_STATES, State, deliveries, generations, pictures, tasks

__all__ = [
    "COST_UNITS",
    "EVERYWHERE",
    "OPEN_STATES",
    "Bought",
    "Outcome",
    "State",
    "accounts",
    "actions",
    "alerts",
    "bans",
    "circuits",
    "consents",
    "debts",
    "deliveries",
    "feedback",
    "generations",
    "grants",
    "identities",
    "metadata",
    "models",
    "notes",
    "packs",
    "personal_keys",
    "pictures",
    "preferences",
    "purchases",
    "sessions",
    "spaces",
    "submissions",
    "tasks",
    "teasers",
    "transactions",
    "transfers",
]

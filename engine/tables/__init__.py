"""Every table, grouped by what a reader looks for; the database itself forbids what must not be."""

from engine.tables.catalog import models, packs, teasers
from engine.tables.ledger import accounts, debts, grants, notes, purchases, transactions, transfers
from engine.tables.metadata import metadata
from engine.tables.people import EVERYWHERE, actions, bans, identities, spaces
from engine.tables.work import OPEN_STATES, State, generations

__all__ = [
    "EVERYWHERE",
    "OPEN_STATES",
    "State",
    "accounts",
    "actions",
    "bans",
    "debts",
    "generations",
    "grants",
    "identities",
    "metadata",
    "models",
    "notes",
    "packs",
    "purchases",
    "spaces",
    "teasers",
    "transactions",
    "transfers",
]

"""A job's life in the books: requested with a hold or a guest's slot, ended with exactly one settle.

row.py      what a generation is, and how users read theirs
asking.py   request and cancel: what its owner does
hints.py    telling a worker to look at it
steps.py    what workers do, each step guarded by its state and its lease
submissions.py  what was asked of providers, a row a try, with its cost
arriving.py what a provider says of a try: its result or failure, used once
watching.py what the watcher does: who is due, what was seen, who is given up
ending.py   the end: settle, bytes, pictures and delivery in one commit
"""

from engine.generations.asking import Ask, cancel, request
from engine.generations.ending import end
from engine.generations.row import ENDS, Generation, Kept, StoredPicture, ahead, get, latest, mine, stored_pictures

__all__ = [
    "ENDS",
    "Ask",
    "Generation",
    "Kept",
    "StoredPicture",
    "ahead",
    "cancel",
    "end",
    "get",
    "latest",
    "mine",
    "request",
    "stored_pictures",
]

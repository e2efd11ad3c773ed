"""One account's chain: each transaction's digest is over the one before it and over its own content.

Digest format 1: SHA-256 of a JSON list of integers, ASCII text and null, without spaces, in the order written below;
moments are microseconds since 1970 UTC, bytes are lower-case hex, transfers and grants are sorted.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.credits import Bucket, Source

FORMAT = 1
GENESIS = bytes(32)
compact = json.JSONEncoder(separators=(",", ":")).encode
"""JSON without spaces, as digests and business keys compare it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` hundredths of one grant, from one bucket to another."""

    grant: int
    source: Bucket
    target: Bucket
    amount: int


@dataclass(frozen=True, slots=True)
class Issue:
    """What is fixed about a grant when its credits come from outside; `origin` is (account id, grant number)."""

    number: int
    source: Source
    born_at: datetime
    expires_at: datetime | None
    purchase_id: str | None
    origin: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction as it stands in the chain, without its digest."""

    version: int
    kind: str
    key: str
    asked: str
    actor: str
    at: datetime
    balance: int
    peer: bytes | None
    note_hash: bytes | None
    transfers: tuple[Transfer, ...]
    issues: tuple[Issue, ...]


def digest(account_id: int, previous: bytes, entry: Entry) -> bytes:
    """The 32 bytes that stand for this transaction and all before it."""
    content = [
        FORMAT,
        account_id,
        entry.version,
        previous.hex(),
        entry.kind,
        entry.key,
        entry.asked,
        entry.actor,
        micros(entry.at),
        entry.balance,
        entry.peer and entry.peer.hex(),
        entry.note_hash and entry.note_hash.hex(),
        sorted((move.grant, str(move.source), str(move.target), move.amount) for move in entry.transfers),
        sorted(_facts(issue) for issue in entry.issues),
    ]
    return hashlib.sha256(compact(content).encode()).digest()


def note_hash(salt: bytes, text: str) -> bytes:
    """What the chain keeps of a free text, which itself can be erased."""
    return hashlib.sha256(salt + text.encode()).digest()


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    since = moment - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def _facts(issue: Issue) -> tuple[object, ...]:
    account, number = issue.origin or (None, None)
    expiry = issue.expires_at and micros(issue.expires_at)
    return (issue.number, str(issue.source), micros(issue.born_at), expiry, issue.purchase_id, account, number)

"""The digest's format is a promise: a line kept elsewhere must mean the same for ever."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.credits import Bucket, Source
from engine.ledger.chain import GENESIS, Entry, Issue, Transfer, digest

AT = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
ISSUE = Issue(1, Source.PURCHASE, AT, None, "p1", (7, 2))
ENTRY = Entry(
    version=1,
    kind="grant",
    key="purchase:p1",
    asked='["grant","purchase",2500,null,"p1"]',
    actor="system",
    at=AT,
    balance=2500,
    peer=None,
    note_hash=None,
    transfers=(Transfer(1, Bucket.ISSUED, Bucket.AVAILABLE, 2500),),
    issues=(ISSUE,),
)
CHANGES = {
    "version": 2,
    "kind": "gift",
    "key": "purchase:p2",
    "asked": "[]",
    "actor": "operator",
    "at": AT.replace(microsecond=123457),
    "balance": 2501,
    "peer": b"peer",
    "note_hash": b"note",
    "transfers": (Transfer(1, Bucket.ISSUED, Bucket.AVAILABLE, 2501),),
    "issues": (replace(ISSUE, expires_at=AT),),
}


def test_format_1_is_what_it_was():
    assert digest(42, GENESIS, ENTRY).hex() == "d47dba037fe982d3da5127808d0c07bb899cff6c68e58419903e9b5b06535eaf"


def test_the_digest_is_over_the_account_and_the_one_before():
    assert len({digest(42, GENESIS, ENTRY), digest(43, GENESIS, ENTRY), digest(42, b"other", ENTRY)}) == 3


@pytest.mark.parametrize("name", CHANGES)
def test_the_digest_is_over_every_part_of_the_content(name):
    assert digest(42, GENESIS, replace(ENTRY, **{name: CHANGES[name]})) != digest(42, GENESIS, ENTRY)


@pytest.mark.parametrize(
    "change", [{"number": 2}, {"source": Source.GIFT}, {"purchase_id": None}, {"origin": (7, 3)}, {"origin": None}]
)
def test_the_digest_is_over_every_fact_of_a_grant(change):
    other = replace(ENTRY, issues=(replace(ISSUE, **change),))

    assert digest(42, GENESIS, other) != digest(42, GENESIS, ENTRY)


def test_the_order_of_transfers_does_not_matter():
    moves = (Transfer(1, Bucket.AVAILABLE, Bucket.HELD, 1), Transfer(2, Bucket.AVAILABLE, Bucket.HELD, 2))

    assert digest(42, GENESIS, replace(ENTRY, transfers=moves)) == digest(
        42, GENESIS, replace(ENTRY, transfers=moves[::-1])
    )

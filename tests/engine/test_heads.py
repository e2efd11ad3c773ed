"""One line to keep elsewhere: it finds even a history that was cut and mended by whoever owns the database."""

import sqlalchemy as sa

from engine import ledger
from engine.audit import Head, audit, head, slices
from engine.credits import parse
from tests.conftest import later
from tests.engine.test_forbidden import unprotect


def line(database, until=None):
    with database.read() as work:
        return head(work, until)


def test_the_line_of_old_stays_true_while_history_grows(database, cast):
    later(database, minutes=2)
    kept = Head.parse(str(line(database)))
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(1)))
    later(database, minutes=2)

    assert kept.accounts == 5
    assert line(database, kept.until) == kept
    assert line(database) != kept


def test_a_cut_tail_that_was_mended_everywhere_is_still_found(database, cast, kind):
    database.run(lambda work: ledger.hold(work, cast.alice, 1, parse(1)))
    later(database, minutes=2)
    kept = line(database)
    with database.begin() as work:
        for table in ("transactions", "transfers"):
            unprotect(work, kind, table)
        last = {"alice": cast.alice, "last": ledger.look(work, cast.alice).account.version}
        work.execute(
            sa.text("UPDATE grants SET available = available + held, held = 0 WHERE account_id = :alice"), last
        )
        work.execute(sa.text("DELETE FROM transfers WHERE account_id = :alice AND version = :last"), last)
        work.execute(sa.text("DELETE FROM transactions WHERE account_id = :alice AND version = :last"), last)
        work.execute(
            sa.text(
                "UPDATE accounts SET version = version - 1, balance = balance + 100, head = (SELECT digest FROM "
                "transactions WHERE account_id = :alice ORDER BY version DESC LIMIT 1) WHERE id = :alice"
            ),
            last,
        )

    *_, report = audit(database)

    assert not [finding for finding in report.findings if finding.check != "triggers"]
    assert line(database, kept.until) != kept


def test_an_audit_in_slices_sees_what_a_whole_one_sees(database, cast):
    with database.begin() as work:
        work.execute(sa.text("UPDATE accounts SET bytes_used = 1"))

    *_, whole = audit(database)
    *_, sliced = audit(database, size=2)
    *_, rest = audit(database, first=cast.carol)

    assert [finding.row for finding in sliced.findings] == [finding.row for finding in whole.findings]
    assert len(whole.findings) == 6
    assert [finding.row[0] for finding in rest.findings] == [cast.carol, cast.carol_on_discord, cast.gus, cast.dana]
    assert slices(0, 5, 2) == [(0, 1), (2, 3), (4, 5)]

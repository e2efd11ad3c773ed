"""How credits move: one behaviour a test, told about the cast."""

from engine import history, ledger
from engine.credits import parse


def test_a_hold_takes_the_daily_credits_first(database, cast):
    with database.begin() as work:
        ledger.hold(work, cast.alice, 1, parse(7))
    with database.read() as work:
        balance = history.balance(work, cast.alice)
    assert (balance.spendable, balance.held) == (parse(48), parse(7))
    print(balance)
    with database.begin() as work:
        ledger.settle(work, cast.alice, 1, parse(1))
    with database.read() as work:
        print(history.statement(work, cast.alice))

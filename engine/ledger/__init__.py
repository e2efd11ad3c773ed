"""The only writer of credit rows. Read in this order:

wallet.py    an account in memory: its live grants, and the transactions it gathers
opening.py   lock first, then read
chain.py     what a transaction is, and the digest that ties it to the one before
verbs.py     grant, hold, settle (capture and release), revoke, lapse: one account
moving.py    give and link: two accounts
reversal.py  converge: refunds and disputes of a purchase, wherever its credits went
dues.py      what time and debts have brought: lapsed grants, the day's allowance, debts paid
write.py     the one write statement
"""

from engine.ledger.dues import catch_up
from engine.ledger.moving import give, link, lock_with_survivor
from engine.ledger.opening import load, lock, look, open, open_account
from engine.ledger.reversal import converge
from engine.ledger.verbs import grant, hold, hold_in, insufficient, lapse, revoke, settle
from engine.ledger.wallet import Account, Receipt, Wallet
from engine.ledger.write import write

__all__ = [
    "Account",
    "Receipt",
    "Wallet",
    "catch_up",
    "converge",
    "give",
    "grant",
    "hold",
    "hold_in",
    "insufficient",
    "lapse",
    "link",
    "load",
    "lock",
    "lock_with_survivor",
    "look",
    "open",
    "open_account",
    "revoke",
    "settle",
    "write",
]

"""What a policy looks at: one attempt to generate, with its accounts locked and read."""

from dataclasses import dataclass
from datetime import datetime

from engine import ledger
from engine.catalog import Model
from engine.credits import Credits
from engine.preferences import Preferences


@dataclass(frozen=True)
class Attempt:
    """Who asks, who pays, where, what for. `price` is for all pictures (hundredths), `bytes_needed` to keep free.

    `shown_price` is what the asker saw; `may_spend_bought` whether the payer's bought credits may be touched.
    """

    asker: ledger.Account
    payer: ledger.Wallet
    space_id: int
    model: Model
    prompt: str
    size: str | None
    seed: int | None
    pictures: int
    price: Credits
    shown_price: Credits | None
    bytes_needed: int
    preferences: Preferences
    may_spend_bought: bool

    @property
    def now(self) -> datetime:
        """Database time, read after the lock."""
        return self.payer.now

    @property
    def uses_guest_slot(self) -> bool:
        """A guest who pays for himself owns no credits and uses a slot of his window instead."""
        return self.asker.is_guest and self.payer.id == self.asker.id

    @property
    def due(self) -> Credits:
        """What it costs the payer, in hundredths: a slot is no money."""
        return Credits(0) if self.uses_guest_slot else self.price

"""Every refusal, with its facts and no wording; and the faults that only a bug or an attacker meets."""

# Not frozen: Python itself sets `__traceback__` on an exception that passes a context manager.

from dataclasses import dataclass
from datetime import datetime

from engine.credits import Credits


@dataclass(eq=False)
class Refusal(Exception):
    """A typed "no" that a user will read. Fields are facts; each front words them in its own language."""

    def __str__(self) -> str:
        return repr(self)


@dataclass(eq=False)
class Shortage(Refusal):
    """Something there is too little of. Several at once are told together."""


@dataclass(eq=False)
class Shortages(Refusal):
    """More than one shortage at once, in the order of the policies."""

    shortages: tuple[Shortage, ...]


@dataclass(eq=False)
class InsufficientCredits(Shortage):
    """Too few spendable credits: amounts in hundredths; `frozen` are bought ones behind a debt or a dispute."""

    needed: Credits
    available: Credits
    frozen: Credits = Credits(0)
    is_in_debt: bool = False
    is_disputed: bool = False
    tops_up_at: datetime | None = None
    tops_up_to: Credits = Credits(0)
    daily_left: Credits = Credits(0)

    @property
    def missing(self) -> Credits:
        """What is lacking, in hundredths."""
        return Credits(self.needed - self.available)

    @property
    def is_daily_limit(self) -> bool:
        """Waiting is enough: there are no other credits than the day's, and tomorrow's would cover the price."""
        return self.tops_up_at is not None and self.available == self.daily_left and self.needed <= self.tops_up_to


@dataclass(eq=False)
class BoughtCreditsNeeded(Shortage):
    """The free credits do not suffice and the account's settings spare the bought ones: always (`is_never`), or until
    it says yes. Amounts in hundredths; `bought_needed` is what would be taken of them."""

    needed: Credits
    free: Credits
    bought_needed: Credits
    is_never: bool


@dataclass(eq=False)
class OwnCapReached(Shortage):
    """The account's own cap of a day: `spent` of `cap` hundredths today, until `resets_at`."""

    needed: Credits
    cap: Credits
    spent: Credits
    resets_at: datetime


@dataclass(eq=False)
class StorageFull(Shortage):
    """No room for the result, all in bytes; `held` is kept for pictures still being made."""

    needed: int
    used: int
    held: int
    limit: int


@dataclass(eq=False)
class GuestLimit(Shortage):
    """A guest's free pictures are used up; enough slots for this request are free at `returns_at`, or never."""

    needed: int
    limit: int
    used: int
    returns_at: datetime | None


@dataclass(eq=False)
class PromptEmpty(Refusal):
    """Nothing to draw was said."""


@dataclass(eq=False)
class PromptTooLong(Refusal):
    """More characters than models take."""

    length: int
    limit: int


@dataclass(eq=False)
class PromptForbidden(Refusal):
    """The prompt asks for something that nobody may make here."""


@dataclass(eq=False)
class ModelOff(Refusal):
    """The model exists and is switched off for now."""

    model: str


@dataclass(eq=False)
class ModelResting(Refusal):
    """Whoever draws with this model has failed again and again; it is tried again at `retry_at`."""

    model: str
    retry_at: datetime


@dataclass(eq=False)
class NotOffered(Refusal):
    """The model has no such size, or takes no such option; `offered` is what it has."""

    model: str
    option: str
    value: str
    offered: tuple[str, ...]


@dataclass(eq=False)
class PriceChanged(Refusal):
    """The price is no longer the one that was shown. Hundredths for the whole request."""

    model: str
    shown: Credits
    price: Credits


@dataclass(eq=False)
class TooLateToCancel(Refusal):
    """The provider has begun, or it has ended: the picture comes and is charged, or is there already."""

    generation_id: int
    state: str


@dataclass(eq=False)
class TermsNotAccepted(Refusal):
    """Signing up needs a yes to the terms as they are now."""

    version: str


@dataclass(eq=False)
class FeedbackEmpty(Refusal):
    """Feedback without a word."""


@dataclass(eq=False)
class FeedbackTooLong(Refusal):
    """More characters than are kept."""

    length: int
    limit: int


@dataclass(eq=False)
class TooManyKeys(Refusal):
    """So many personal keys may be alive at once: revoke one first."""

    limit: int


@dataclass(eq=False)
class GuestModelTooDear(Refusal):
    """Guests use models up to `limit`, in hundredths."""

    model: str
    price: Credits
    limit: Credits


@dataclass(eq=False)
class TooSoon(Refusal):
    """One request in so many seconds; the next one is welcome at `retry_at`."""

    seconds: int
    retry_at: datetime


@dataclass(eq=False)
class QueueFull(Refusal):
    """As many generations are running as may: of this account, or `is_total` of everybody."""

    running: int
    limit: int
    is_total: bool


@dataclass(eq=False)
class UnderMaintenance(Refusal):
    """Switched off for a while: everywhere, or in this space only."""

    is_everywhere: bool


@dataclass(eq=False)
class Banned(Refusal):
    """The account is banned: everywhere, or in this space only."""

    reason: str
    since: datetime
    is_everywhere: bool


@dataclass(eq=False)
class Busy(Refusal):
    """Too many requests at once for one account, or a database that does not answer in time: nothing was done."""

    retry_in_seconds: int = 5


@dataclass(eq=False)
class NotAMember(Refusal):
    """Guests own no credits: sign up first."""

    account_id: int


@dataclass(eq=False)
class AlreadyMember(Refusal):
    """Signed up before; nothing is granted twice."""

    account_id: int


@dataclass(eq=False)
class NotGivable(Refusal):
    """Only bought credits can be given, and none while a debt or a dispute is open. Amounts in hundredths."""

    needed: Credits
    givable: Credits
    is_frozen: bool


@dataclass(eq=False)
class NotLinkable(Refusal):
    """These two accounts cannot become one: it is the same one, or one is a pool."""

    closing: int
    surviving: int


@dataclass(eq=False)
class NotFound(Refusal):
    """There is no such thing, or it is not yours."""

    kind: str
    id: str


@dataclass(eq=False)
class NotBelowZero(Refusal):
    """An operator wanted to take more than is there. Amounts in hundredths."""

    wanted: Credits
    available: Credits


class Fault(Exception):
    """A broken promise between two parts of the program: a bug, a replayed request with other content, or tampering."""


class KeyReused(Fault):
    """The same business key came again with other content."""


class AccountClosed(Fault):
    """New work on an account that was joined into another one."""


class NoSuchHold(Fault):
    """A settle without its hold, or above it."""

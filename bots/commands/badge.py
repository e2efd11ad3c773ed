"""The credit badge: always in view in the browser, and the head of /credits."""

from dataclasses import dataclass

from bots.commands.conversation import Meter, Text, Tone
from bots.texts import Amount, Number
from engine import catalog, history
from engine.allowance import Day, GuestWindow
from engine.database import Work
from engine.history import Balance


@dataclass(frozen=True)
class Badge:
    """What is free now in one line, a meter of it, and how it looks; `total`: all that can be spent, when it is more
    than what the meter shows."""

    tone: Tone
    text: Text
    meter: Meter
    total: Text | None = None


def badge(work: Work, account_id: int | None) -> Badge:
    """The badge of an account; of a stranger, who would be a guest, for None."""
    if account_id is None:
        return _of_guest(GuestWindow(work.settings.guest_generations, 0, ()))
    return of(work, history.balance(work, account_id))


def of(work: Work, balance: Balance) -> Badge:
    """The same from a balance that was read already."""
    if balance.guest is not None:
        return _of_guest(balance.guest)
    tone = _tone(work, balance)
    if balance.day is not None and balance.day.limit:
        return _of_day(balance.day, balance, tone)
    most = max(balance.spendable, work.settings.low_balance)
    text = Text("badge.credits", {"amount": Amount(balance.spendable)})
    return Badge(tone, text, Meter(balance.spendable, max(most, 1), tone, text))


def _of_guest(window: GuestWindow) -> Badge:
    facts = {"left": window.left, "limit": window.limit}
    tone = Tone.GUEST if window.left else Tone.OUT
    label = Text("badge.slots", {"left": window.left})
    return Badge(tone, Text("badge.guest", facts), Meter(window.left, max(window.limit, 1), tone, label))


def _of_day(day: Day, balance: Balance, tone: Tone) -> Badge:
    facts = {"left": Number(day.left), "limit": Number(day.limit)}
    meter = Meter(day.left, max(day.limit, day.left), tone, Text("badge.of_day", facts))
    total = Text("badge.total", {"amount": Amount(balance.spendable)})
    return Badge(tone, Text("badge.day", facts), meter, total if balance.spendable > day.left else None)


def _tone(work: Work, balance: Balance) -> Tone:
    """Red when not even the cheapest model is in reach, yellow below the limit."""
    cheapest = min((model.price for model in catalog.all_models(work)), default=0)
    if balance.spendable < max(cheapest, 1):
        return Tone.OUT
    return Tone.LOW if balance.is_low else Tone.GOOD

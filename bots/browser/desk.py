"""What a visitor has before them now: badge, whether the composer is closed, generations. One look, one short read."""

from dataclasses import dataclass

from bots.browser import shown
from bots.browser.shown import Shown
from bots.commands import badge
from bots.commands.badge import Badge
from bots.commands.conversation import Button, Text
from bots.commands.language import language
from engine import accounts, history
from engine.allowance import GuestWindow
from engine.database import Work

PLATFORM = "browser"


@dataclass(frozen=True)
class Lock:
    """Why the composer is closed, and the way on."""

    reason: Text
    buttons: tuple[Button, ...]


@dataclass(frozen=True)
class Slots:
    """A guest's free pictures, as the page keeps them too: how many are left, and when the next returns (ms)."""

    left: int
    until: int


@dataclass(frozen=True)
class Desk:
    """`account_id` is None for a visitor who has said nothing yet; `at` is now, in microseconds."""

    account_id: int | None
    language: str
    at: int
    badge: Badge
    slots: Slots | None
    lock: Lock | None
    generations: tuple[Shown, ...] = ()

    @property
    def is_running(self) -> bool:
        return any(one.is_running for one in self.generations)


def look(work: Work, user_id: str | None, locale: str, since: int | None = None) -> Desk:
    """Everything, or with `since` (microseconds) only the generations that run or have changed after it."""
    account_id = accounts.find(work, PLATFORM, user_id) if user_id else None
    if account_id is None:
        return _of_stranger(work, locale)
    balance = history.balance(work, account_id)
    return Desk(
        account_id,
        language(work, account_id, locale),
        int(balance.at.timestamp() * 1_000_000),
        badge.of(work, balance),
        _slots(balance.guest),
        _lock(balance),
        tuple(shown.all_shown(work, balance, since)),
    )


def _of_stranger(work: Work, locale: str) -> Desk:
    at, free = work.now(), GuestWindow(work.settings.guest_generations, 0, ())
    now = int(at.timestamp() * 1_000_000)
    return Desk(None, language(work, 0, locale), now, badge.badge(work, None), _slots(free), None)


def _slots(window: GuestWindow | None) -> Slots | None:
    if window is None:
        return None
    return Slots(window.left, int(window.returns_at.timestamp() * 1000) if window.returns_at else 0)


def _lock(balance: history.Balance) -> Lock | None:
    """A guest who has nothing left cannot ask for a picture; signing up, credits and feedback stay within reach."""
    window = balance.guest
    if window is None or window.left:
        return None
    sign_up = (Button(Text("browser.lock.sign_up"), "signup", is_main=True),)
    if window.returns_at is None:
        return Lock(Text("browser.lock.never"), sign_up)
    return Lock(Text("browser.lock.reason", {"wait": window.returns_at - balance.at}), sign_up)

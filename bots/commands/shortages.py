"""Cards for what there is too little of: credits, free pictures, storage, leave to spend; alone or together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bots.commands import offers, picker
from bots.commands.conversation import Button, Card, Meter, Reply, Request, Row, Text, Tone
from bots.commands.wishes import asked
from bots.texts import Amount, Bytes, Number
from engine.credits import Credits
from engine.database import Work
from engine.errors import (
    BoughtCreditsNeeded,
    GuestLimit,
    InsufficientCredits,
    OwnCapReached,
    Shortage,
    Shortages,
    StorageFull,
)


@dataclass(frozen=True)
class Part:
    """What one shortage brings to its card: how it looks, what it says, and the ways on."""

    look: str
    title: Text
    lines: tuple[Text, ...]
    meter: Meter
    buttons: tuple[Button, ...]
    tone: Tone = Tone.OUT


def one(work: Work, request: Request, shortage: Shortage) -> Reply:
    """The card of a single shortage."""
    part = PARTS[type(shortage)](work, request, shortage)
    card = Card(part.look, part.title, part.tone, part.lines, (part.meter,))
    return _reply(request, card, part.buttons, _cure(work, request, [shortage]))


def several(work: Work, request: Request, refusal: Shortages) -> Reply:
    """All that is missing in one card, each with its meter under its own words."""
    parts = [PARTS[type(shortage)](work, request, shortage) for shortage in refusal.shortages]
    rows = tuple(Row(part.title, part.lines, meter=part.meter) for part in parts)
    card = Card(parts[0].look, _titles(refusal), parts[0].tone, rows=rows)
    # A yes to one of the questions would only meet the other.
    buttons = tuple(button for part in parts for button in part.buttons if button.command != request.command)
    return _reply(request, card, buttons, _cure(work, request, refusal.shortages))


def cheaper_button(work: Work, request: Request, than: Credits) -> tuple[Button, ...]:
    """The same request with the best cheaper model that is in reach now, if there is one."""
    offer = offers.cheaper(work, offers.purse(work, request.account_id), than)
    if offer is None:
        return ()
    label = offers.priced("refusal.cheaper", offer.purse, offer.model.price, model=offer.model.name)
    return (Button(label, "imagine", asked(request).drawn(offer), is_main=True),)


def try_again(request: Request) -> Button:
    """The whole request once more, with its options."""
    return Button(Text("buttons.try_again"), request.command, request.options)


def _reply(request: Request, card: Card, own: tuple[Button, ...], cheaper: tuple[Button, ...]) -> Reply:
    """Each way once, and one main one among them: the shortage's own, else the cheaper model."""
    ways = (*own, *cheaper) if any(button.is_main for button in own) else (*cheaper, *own)
    distinct = {(button.command, button.label.key): button for button in reversed(ways)}
    main = next((button for button in ways if button.is_main), None)
    shown = [replace(button, is_main=button is main) for button in reversed(distinct.values())]
    return Reply(card=card, buttons=(*shown, try_again(request), picker.dismiss()), is_refusal=True)


def _titles(refusal: Shortages) -> Text:
    types = {type(shortage) for shortage in refusal.shortages}
    names = [name for shortage, name in NAMES.items() if shortage in types]
    if len(names) != 2:
        return Text("refusal.several", {"count": len(names)})
    return Text(f"refusal.both.{names[0]}_{names[1]}")


def _cure(work: Work, request: Request, shortages: Sequence[Shortage]) -> tuple[Button, ...]:
    """A cheaper model, where that alone is enough."""
    ceilings = [_ceiling(shortage) for shortage in shortages]
    below = [ceiling for ceiling in ceilings if ceiling is not None]
    return cheaper_button(work, request, min(below)) if len(below) == len(ceilings) else ()


def _ceiling(shortage: Shortage) -> Credits | None:
    """A model that costs less than this does not meet the shortage; None: every model does."""
    match shortage:
        case InsufficientCredits():
            return shortage.needed
        case BoughtCreditsNeeded():
            return Credits(shortage.free + 1) if shortage.free else None
        case OwnCapReached():
            return Credits(max(0, shortage.cap - shortage.spent) + 1)
        case _:
            return None


def _credits(work: Work, request: Request, refusal: InsufficientCredits) -> Part:
    have = Text("refusal.credits.meter", {"have": Number(refusal.available), "need": Number(refusal.needed)})
    meter = Meter(refusal.available, refusal.needed, Tone.OUT, have)
    ways = (Button(Text("buttons.buy"), "buy"), Button(Text("buttons.upgrade"), "upgrade"))
    if refusal.is_daily_limit:
        waitlist = Button(Text("buttons.waitlist"), "waitlist")
        unlimited = Text("refusal.daily.waitlist", only_with=waitlist.command)
        lines = (Text("refusal.daily.used_up"), *_tops_up(work, refusal), unlimited)
        return Part("coin", Text("refusal.daily.title"), lines, meter, (*ways, waitlist))
    amounts = {"need": refusal.needed, "have": refusal.available, "missing": refusal.missing}
    sums = Text("refusal.credits.sums", {name: Amount(amount) for name, amount in amounts.items()})
    return Part("coin", Text("refusal.credits.title"), (sums, *_frozen(refusal), *_tops_up(work, refusal)), meter, ways)


def _frozen(refusal: InsufficientCredits) -> tuple[Text, ...]:
    if not refusal.frozen:
        return ()
    frozen = {"frozen": Amount(refusal.frozen)}
    if refusal.is_in_debt:
        return (Text("refusal.credits.in_debt", frozen),)
    return (Text("refusal.credits.disputed", frozen),)


def _tops_up(work: Work, refusal: InsufficientCredits) -> tuple[Text, ...]:
    if refusal.tops_up_at is None:
        return ()
    facts = {"limit": Number(refusal.tops_up_to), "left": refusal.tops_up_at - work.now()}
    return (Text("credits.tops_up", facts),)


def _guest(work: Work, request: Request, refusal: GuestLimit) -> Part:
    facts = {"used": refusal.used, "limit": refusal.limit}
    meter = Meter(refusal.used, max(refusal.limit, refusal.used), Tone.OUT, Text("refusal.guest.meter", facts))
    lines = [Text("refusal.guest.offer", {"gift": Amount(work.settings.welcome_credits)})]
    if refusal.returns_at is not None:
        lines.insert(0, Text("refusal.guest.returns", {"left": refusal.returns_at - work.now()}))
    sign_up = Button(Text("buttons.sign_up"), "signup", is_main=True)
    return Part("clock", Text("refusal.guest.title"), tuple(lines), meter, (sign_up,), Tone.GUEST)


def _storage(work: Work, request: Request, refusal: StorageFull) -> Part:
    taken = refusal.used + refusal.held
    percent = 100 * taken // refusal.limit if refusal.limit else 100
    facts = {"used": Bytes(taken), "limit": Bytes(refusal.limit), "percent": percent}
    meter = Meter(taken, max(refusal.limit, taken), Tone.OUT, Text("refusal.storage.meter", facts))
    lines = (Text("refusal.storage.needed", {"needed": Bytes(refusal.needed)}), Text("refusal.storage.tip"))
    ways = (
        Button(Text("refusal.storage.delete"), "delete", is_main=True),
        Button(Text("refusal.storage.more"), "upgrade"),
    )
    return Part("disk", Text("refusal.storage.title"), lines, meter, ways)


def _bought(work: Work, request: Request, refusal: BoughtCreditsNeeded) -> Part:
    label = Text("refusal.bought.meter", {"have": Number(refusal.free), "need": Number(refusal.needed)})
    meter = Meter(refusal.free, refusal.needed, Tone.LOW, label)
    facts = {"free": Amount(refusal.free), "bought": Amount(refusal.bought_needed)}
    if refusal.is_never:
        ways: tuple[Button, ...] = (Button(Text("buttons.settings"), "settings"),)
        return Part("coin", Text("refusal.bought.off"), (Text("refusal.bought.how", facts),), meter, ways, Tone.LOW)
    yes = {**request.options, "price": refusal.needed, "bought": True}
    ways = (Button(Text("refusal.bought.yes", facts), request.command, yes, is_main=True),)
    return Part("coin", Text("refusal.bought.ask"), (Text("refusal.bought.sums", facts),), meter, ways, Tone.LOW)


def _own_cap(work: Work, request: Request, refusal: OwnCapReached) -> Part:
    label = Text("refusal.cap.meter", {"spent": Number(refusal.spent), "cap": Number(refusal.cap)})
    meter = Meter(refusal.spent, max(refusal.cap, refusal.spent, 1), Tone.OUT, label)
    facts = {"need": Amount(refusal.needed), "left": refusal.resets_at - work.now()}
    ways = (Button(Text("buttons.settings"), "settings"),)
    return Part("coin", Text("refusal.cap.title"), (Text("refusal.cap.how", facts),), meter, ways)


PARTS: dict[type[Shortage], Callable[[Work, Request, Any], Part]] = {
    InsufficientCredits: _credits,
    GuestLimit: _guest,
    StorageFull: _storage,
    BoughtCreditsNeeded: _bought,
    OwnCapReached: _own_cap,
}

NAMES: dict[type[Shortage], str] = {
    StorageFull: "storage",
    GuestLimit: "guest",
    OwnCapReached: "cap",
    InsufficientCredits: "credits",
    BoughtCreditsNeeded: "bought",
}
"""As the titles of two at once name them, in their order."""

"""Cards for what there is too little of: credits, free pictures, storage, leave to spend; alone or together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bots.commands import offers, picker
from bots.commands.conversation import Button, Card, Meter, Reply, Request, Text, Tone
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
    return _card(request, [PARTS[type(shortage)](work, request, shortage)])


def several(work: Work, request: Request, refusal: Shortages) -> Reply:
    """All that is missing in one card."""
    return _card(request, [PARTS[type(shortage)](work, request, shortage) for shortage in refusal.shortages])


def cheaper_button(work: Work, request: Request, than: Credits) -> tuple[Button, ...]:
    """The same request with the best cheaper model that is in reach now, if there is one."""
    offer = offers.cheaper(work, offers.purse(work, request.account_id), than)
    if offer is None:
        return ()
    options: dict[str, str | int | bool] = {"prompt": request.text("prompt")}
    options |= {"model": offer.model.id, "price": offer.model.price}
    if request.text("size") in offer.model.sizes:
        options["size"] = request.text("size")
    label = offers.priced("refusal.cheaper", offer.purse, offer.model.price, model=offer.model.name)
    return (Button(label, "imagine", options, is_main=True),)


def try_again(request: Request) -> Button:
    """The whole request once more, with its options."""
    return Button(Text("buttons.try_again"), request.command, request.options)


def _card(request: Request, parts: list[Part]) -> Reply:
    first, buttons = parts[0], [button for part in parts for button in part.buttons]
    distinct = list(dict.fromkeys((button.command, button.label.key) for button in buttons))
    ways = [next(button for button in buttons if (button.command, button.label.key) == way) for way in distinct]
    if len(parts) == 1:
        title, lines = first.title, first.lines
    else:
        title = Text("refusal.several", {"count": len(parts)})
        lines = tuple(line for part in parts for line in (part.title, *part.lines))
    card = Card(first.look, title, first.tone, lines, tuple(part.meter for part in parts))
    return Reply(card=card, buttons=(*ways, try_again(request), picker.dismiss()), is_refusal=True)


def _credits(work: Work, request: Request, refusal: InsufficientCredits) -> Part:
    have = Text("refusal.credits.meter", {"have": Number(refusal.available), "need": Number(refusal.needed)})
    meter = Meter(refusal.available, refusal.needed, Tone.OUT, have)
    ways = (
        *cheaper_button(work, request, refusal.needed),
        Button(Text("buttons.buy"), "buy"),
        Button(Text("buttons.upgrade"), "upgrade"),
    )
    if refusal.is_daily_limit:
        waitlist = Button(Text("buttons.waitlist"), "waitlist")
        lines = (Text("refusal.daily.used_up"), *_tops_up(work, refusal), Text("refusal.daily.waitlist"))
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
    yes = {**request.options, "bought": True}
    go_on = Button(Text("refusal.bought.yes", facts), request.command, yes, is_main=True)
    ways = (go_on, *_cheaper_free(work, request, refusal))
    return Part("coin", Text("refusal.bought.ask"), (Text("refusal.bought.sums", facts),), meter, ways, Tone.LOW)


def _cheaper_free(work: Work, request: Request, refusal: BoughtCreditsNeeded) -> tuple[Button, ...]:
    """A cheaper model only helps when the free credits pay for it."""
    return cheaper_button(work, request, Credits(refusal.free + 1)) if refusal.free else ()


def _own_cap(work: Work, request: Request, refusal: OwnCapReached) -> Part:
    label = Text("refusal.cap.meter", {"spent": Number(refusal.spent), "cap": Number(refusal.cap)})
    meter = Meter(refusal.spent, max(refusal.cap, refusal.spent, 1), Tone.OUT, label)
    facts = {"need": Amount(refusal.needed), "left": refusal.resets_at - work.now()}
    room = Credits(max(0, refusal.cap - refusal.spent) + 1)
    ways = (*cheaper_button(work, request, room), Button(Text("buttons.settings"), "settings"))
    return Part("coin", Text("refusal.cap.title"), (Text("refusal.cap.how", facts),), meter, ways)


PARTS: dict[type[Shortage], Callable[[Work, Request, Any], Part]] = {
    InsufficientCredits: _credits,
    GuestLimit: _guest,
    StorageFull: _storage,
    BoughtCreditsNeeded: _bought,
    OwnCapReached: _own_cap,
}

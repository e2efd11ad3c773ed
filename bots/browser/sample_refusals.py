"""Every refusal that opens as a modal, made by hand for the style guide."""

from datetime import timedelta

from bots.browser.sample_cards import DISMISS, NOON, SIGN_UP
from bots.browser.sample_work import FOX
from bots.commands.conversation import Button, Card, Meter, Reply, Text, Tone
from bots.texts import Amount, Bytes, Number

WAIT = timedelta(hours=9, minutes=42)
AGAIN = Button(Text("buttons.try_again"), "imagine", {"prompt": FOX})
CHEAPER = Button(
    Text("refusal.cheaper.price", {"model": "Nano Banana", "price": Amount(50)}),
    "imagine",
    {"prompt": FOX},
    is_main=True,
)
BUY, UPGRADE = Button(Text("buttons.buy"), "buy"), Button(Text("buttons.upgrade"), "upgrade")
TOPS_UP = Text("credits.tops_up", {"limit": Number(500), "left": WAIT})
SUMS = Text("refusal.credits.sums", {"need": Amount(200), "have": Amount(150), "missing": Amount(50)})
COINS = Meter(150, 200, Tone.OUT, Text("refusal.credits.meter", {"have": Number(150), "need": Number(200)}))
DISK = Meter(
    198,
    200,
    Tone.OUT,
    Text("refusal.storage.meter", {"used": Bytes(198_000_000), "limit": Bytes(200_000_000), "percent": 99}),
)
DELETE = Button(Text("refusal.storage.delete"), "delete", is_main=True)
STORAGE = (Text("refusal.storage.needed", {"needed": Bytes(5_000_000)}), Text("refusal.storage.tip"))


def all_refusals() -> dict[str, Reply]:
    """Each by the name of its state."""
    guest = Meter(3, 3, Tone.OUT, Text("refusal.guest.meter", {"used": 3, "limit": 3}))
    gift = Text("refusal.guest.offer", {"gift": Amount(5000)})
    returns = Text("refusal.guest.returns", {"left": WAIT})
    waitlist = Button(Text("buttons.waitlist"), "waitlist")
    daily = (Text("refusal.daily.used_up"), TOPS_UP, Text("refusal.daily.waitlist"))
    both = (Text("refusal.credits.title"), SUMS, TOPS_UP, Text("refusal.storage.title"), *STORAGE)
    title, less = Text("refusal.credits.title"), (CHEAPER, BUY, UPGRADE, AGAIN)
    return {
        "credits": _card("coin", title, (SUMS, TOPS_UP), less, meters=(COINS,)),
        "daily": _card("coin", Text("refusal.daily.title"), daily, (BUY, waitlist, AGAIN), meters=(COINS,)),
        "guest": _card("clock", Text("refusal.guest.title"), (returns, gift), (SIGN_UP,), Tone.GUEST, (guest,)),
        "storage": _card("disk", Text("refusal.storage.title"), STORAGE, (DELETE, AGAIN), meters=(DISK,)),
        "both": _card(
            "coin", Text("refusal.several", {"count": 2}), both, (CHEAPER, DELETE, AGAIN), meters=(COINS, DISK)
        ),
        "bought": _bought(),
        "cap": _cap(),
        "price": _price(),
        **_plain(),
    }


def _plain() -> dict[str, Reply]:
    """Those without a meter."""
    wait = Text("refusal.too_soon.how", {"seconds": 10, "left": timedelta(seconds=7)})
    busy = Text("refusal.busy.how", {"seconds": 5})
    model = {"model": "Nano Banana Pro", "price": Amount(200), "limit": Amount(100)}
    banned = (Text("refusal.banned.reason", {"reason": "spam"}), Text("refusal.banned.since", {"since": NOON}))
    queue = Text("refusal.queue.own", {"running": 3, "limit": 3})
    return {
        "maintenance": _card(
            "wrench", Text("refusal.maintenance.title"), (Text("refusal.maintenance.how"),), (AGAIN,), Tone.LOW
        ),
        "too-soon": _card("clock", Text("refusal.too_soon.title"), (wait,), (AGAIN,), Tone.LOW),
        "queue": _card("clock", queue, (Text("refusal.queue.own_how"),), (AGAIN,), Tone.LOW),
        "busy": _card("clock", Text("refusal.busy.title"), (busy,), (AGAIN,), Tone.LOW),
        "too-late": _card("clock", Text("refusal.too_late.title"), (Text("refusal.too_late.drawing"),), (), Tone.LOW),
        "guest-model": _card(
            "person",
            Text("refusal.guest_model.title", model),
            (Text("refusal.guest_model.how", model),),
            (SIGN_UP,),
            Tone.GUEST,
        ),
        "banned": _card("person", Text("refusal.banned.title"), (*banned, Text("refusal.banned.appeal")), ()),
    }


def _bought() -> Reply:
    facts = {"free": Amount(50), "bought": Amount(150)}
    meter = Meter(50, 200, Tone.LOW, Text("refusal.bought.meter", {"have": Number(50), "need": Number(200)}))
    yes = Button(Text("refusal.bought.yes", facts), "imagine", {"prompt": FOX, "bought": True}, is_main=True)
    return _card("coin", Text("refusal.bought.ask"), (Text("refusal.bought.sums", facts),), (yes,), Tone.LOW, (meter,))


def _cap() -> Reply:
    meter = Meter(450, 500, Tone.OUT, Text("refusal.cap.meter", {"spent": Number(450), "cap": Number(500)}))
    how = Text("refusal.cap.how", {"need": Amount(100), "left": WAIT})
    ways = (CHEAPER, Button(Text("buttons.settings"), "settings"))
    return _card("coin", Text("refusal.cap.title"), (how,), ways, meters=(meter,))


def _price() -> Reply:
    facts = {"model": "Flux Dev", "shown": Amount(100), "price": Amount(150)}
    go_on = Button(Text("refusal.price.go_on", facts), "imagine", {"prompt": FOX}, is_main=True)
    return _card("coin", Text("refusal.price.title", facts), (Text("refusal.price.how", facts),), (go_on,), Tone.LOW)


def _card(
    look: str,
    title: Text,
    lines: tuple[Text, ...],
    buttons: tuple[Button, ...],
    tone: Tone = Tone.OUT,
    meters: tuple[Meter, ...] = (),
) -> Reply:
    return Reply(card=Card(look, title, tone, lines, meters), buttons=(*buttons, DISMISS), is_refusal=True)

"""A small second telling of the money rules, in plain lists, for the machine to compare the ledger with.

It knows no database, no chain, no lock. Times are hours since the start of the story, which is at noon.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count

ONCE = ("daily", "welcome")
BOUGHT = ("purchase", "subscription")
RANK = {"daily": 0, "subscription": 1, "welcome": 2, "gift": 3, "referral": 3, "adjustment": 3, "purchase": 4}
NEVER = float("inf")


@dataclass
class Lot:
    number: int
    source: str
    available: int
    born: int
    ends: float = NEVER
    purchase: str | None = None
    held: dict[int, int] = field(default_factory=dict)
    marked: int = 0
    lapsed: int = 0
    taken: int = 0
    reversed: int = 0
    reversed_at: int = 0
    origin: tuple[int, int] | None = None

    def burn(self):
        return (self.ends, RANK[self.source], self.born, self.number)


@dataclass
class Person:
    id: int
    standing: str = "guest"
    merged: int | None = None
    lots: list[Lot] = field(default_factory=list)
    day: int = -1
    given_today: int = 0
    welcome: int = 0
    slots: list[tuple[int, int]] = field(default_factory=list)

    def burning(self):
        return sorted(self.lots, key=Lot.burn)


@dataclass
class Bought:
    id: str
    person: int
    credits: int
    target: int = 0
    forgiven: int = 0
    owed: int = 0
    is_disputed: bool = False
    payments: dict[tuple[int, int], list[int]] = field(default_factory=dict)  # (person, lot) -> [net, last event]

    @property
    def paid(self):
        return sum(net for net, _ in self.payments.values())


class Model:
    """The whole world: persons, purchases, generations, the hour and the daily limit."""

    def __init__(self, limit, welcome):
        self.limit, self.welcome = limit, welcome
        self.hour = 0
        self.people: dict[int, Person] = {}
        self.purchases: dict[str, Bought] = {}
        self.holds: dict[int, tuple[int, int]] = {}  # generation -> (payer, price)
        self.events = count(1)

    # what is due

    @property
    def today(self):
        return (self.hour + 12) // 24

    def lapse(self, person):
        for lot in person.lots:
            if lot.ends <= self.hour:
                lot.lapsed, lot.available = lot.lapsed + lot.available, 0

    def top_up(self, person):
        given = person.given_today if person.day == self.today else 0
        if person.standing == "member" and person.merged is None and given < self.limit:
            self.add(person, "daily", self.limit - given, ends=self.today * 24 + 12)
            person.day, person.given_today = self.today, self.limit

    def pay(self, person):
        for debt in sorted(self.debts(person), key=lambda debt: debt.id):
            event = next(self.events)
            for lot in person.burning():
                if lot.source in ONCE or self.is_contested(lot) or lot.ends <= self.hour:
                    continue
                part = min(lot.available, debt.owed - debt.paid)
                if part:
                    lot.available -= part
                    self.note_payment(debt, person, lot, part, event)

    def note_payment(self, debt, person, lot, part, event):
        entry = debt.payments.setdefault((person.id, lot.number), [0, 0])
        entry[0], entry[1] = entry[0] + part, event

    def catch_up(self, person):
        self.lapse(person)
        self.top_up(person)
        self.pay(person)

    # what is there

    def debts(self, person):
        return [debt for debt in self.purchases.values() if debt.person == person.id and debt.owed > debt.paid]

    def is_contested(self, lot):
        return lot.purchase is not None and self.purchases[lot.purchase].is_disputed

    def is_frozen(self, person, lot):
        disputed = any(p.person == person.id and p.is_disputed for p in self.purchases.values())
        return self.is_contested(lot) or (lot.source in BOUGHT and (disputed or bool(self.debts(person))))

    def burnable(self, person):
        return [
            lot
            for lot in person.burning()
            if lot.available and lot.ends > self.hour and not self.is_frozen(person, lot)
        ]

    def spendable(self, person):
        return sum(lot.available for lot in self.burnable(person))

    def view(self, person_id):
        """(spendable, held, frozen, owed) as a user would see them now."""
        world = deepcopy(self)
        person = world.people[person_id]
        world.catch_up(person)
        frozen = sum(lot.available for lot in person.lots if world.is_frozen(person, lot) and lot.ends > world.hour)
        family = [other for other in world.people.values() if person_id in world.line(other)]
        held = sum(sum(lot.held.values()) for member in family for lot in member.lots)
        owed = sum(debt.owed - debt.paid for debt in world.debts(person))
        return (world.spendable(person), held, frozen, owed)

    def slots_used(self, person):
        return sum(1 for hour, _ in person.slots if hour > self.hour - 24)

    # verbs

    def arrive(self, person, source, amount, origin, lot, born):
        """Credits from another account: into the lot that came from the same one, while it lives."""
        for known in person.lots:
            if (known.origin, known.source) == (origin, source) and (known.available or known.held):
                known.available += amount
                return
        self.add(person, source, amount, lot.ends, lot.purchase, born).origin = origin

    def add(self, person, source, amount, ends=NEVER, purchase=None, born=None):
        lot = Lot(len(person.lots) + 1, source, amount, born or next(self.events), ends, purchase)
        person.lots.append(lot)
        return lot

    def sign_up(self, person):
        person.standing = "member"
        if not person.welcome and self.welcome:
            self.add(person, "welcome", self.welcome)
            person.welcome = self.welcome
        self.catch_up(person)

    def grant(self, person, source, amount, ends=NEVER, purchase=None):
        self.lapse(person)
        self.add(person, source, amount, ends, purchase)
        self.pay(person)

    def take(self, person, amount):
        """Take spendable credits in burn order; yields (lot, part)."""
        for lot in self.burnable(person):
            part = min(lot.available, amount)
            if part:
                lot.available -= part
                amount -= part
                yield lot, part

    def hold(self, person, generation, price):
        self.catch_up(person)
        for lot, part in self.take(person, price):
            lot.held[generation] = part
        self.holds[generation] = (person.id, price)

    def settle(self, generation, captured):
        payer = self.people[self.holds.pop(generation)[0]]
        event = next(self.events)
        for lot in payer.burning():
            held = lot.held.pop(generation, 0)
            spent = min(held, captured)
            captured -= spent
            released = held - spent
            revoked = min(lot.marked, released)
            owed = min(lot.marked - revoked, spent)
            lot.marked -= revoked + owed
            lot.available += released - revoked
            if revoked:
                lot.reversed, lot.reversed_at = lot.reversed + revoked, event
            if owed and lot.purchase:
                self.purchases[lot.purchase].owed += owed
        if payer.merged is not None:
            self.forward(payer)

    def survivor(self, person):
        while person.merged is not None:
            person = self.people[person.merged]
        return person

    def line(self, person):
        """The ids of a person and of everyone it was joined into."""
        return [person.id] + (self.line(self.people[person.merged]) if person.merged is not None else [])

    def forward(self, closed):
        survivor = self.survivor(closed)
        for lot in closed.burning():
            if lot.available:
                self.arrive(survivor, lot.source, lot.available, (closed.id, lot.number), lot, lot.born)
                lot.available = 0

    def revoke(self, person, amount):
        self.catch_up(person)
        for lot, part in self.take(person, amount):
            lot.taken += part

    def givable(self, person):
        return sum(lot.available for lot in self.burnable(person) if lot.source in BOUGHT)

    def give(self, giver, receiver, amount):
        self.catch_up(giver)
        born = next(self.events)
        for lot in [lot for lot in self.burnable(giver) if lot.source in BOUGHT]:
            part = min(lot.available, amount)
            if part:
                lot.available -= part
                amount -= part
                self.arrive(receiver, "gift", part, (giver.id, lot.number), lot, born)
        self.pay(receiver)

    def link(self, closing, surviving):
        self.lapse(closing)
        self.lapse(surviving)
        if closing.standing == "member":
            surviving.standing = "member"
        both_today = closing.day == surviving.day == self.today
        twice = {
            "daily": min(closing.given_today, surviving.given_today) if both_today else 0,
            "welcome": min(closing.welcome, surviving.welcome),
        }
        closing.merged = surviving.id
        self.forward(closing)
        surviving.welcome = max(closing.welcome, surviving.welcome)
        surviving.day, surviving.given_today = max(
            (closing.day, closing.given_today), (surviving.day, surviving.given_today)
        )
        for source, excess in twice.items():
            for lot in surviving.burning():
                if lot.source == source:
                    part = min(lot.available, excess)
                    lot.available, lot.lapsed, excess = lot.available - part, lot.lapsed + part, excess - part
            for lot in closing.burning() + surviving.burning():
                if lot.source == source and lot.ends > self.hour:
                    part = min(sum(lot.held.values()) - lot.marked, excess)
                    lot.marked, excess = lot.marked + part, excess - part
        for purchase in self.purchases.values():
            if purchase.person == closing.id:
                purchase.person = surviving.id
        surviving.slots += closing.slots
        self.pay(surviving)

    def converge(self, purchase, target, is_disputed):
        if (purchase.target, purchase.is_disputed) == (target, is_disputed):
            return
        reached = self.reached(purchase)
        if target > purchase.target:
            self.want_back(purchase, target - purchase.target)
        else:
            self.give_back(purchase, purchase.target - target)
        purchase.target, purchase.is_disputed = target, is_disputed
        for person in reached:
            if person.merged is not None:
                self.forward(person)
        for person in reached:
            self.pay(person)

    def lots_of(self, purchase):
        """(person, lot): the buyer's first, then by account, in burn order."""
        people = sorted(self.people.values(), key=lambda person: (person.id != purchase.person, person.id))
        return [(person, lot) for person in people for lot in person.burning() if lot.purchase == purchase.id]

    def reached(self, purchase):
        ids = {person.id for person, _ in self.lots_of(purchase)} | {purchase.person}
        ids |= {person.id for person in self.people.values() if self.survivor(person).id == purchase.person}
        ids |= {self.survivor(self.people[person_id]).id for person_id in ids}
        return [self.people[person_id] for person_id in sorted(ids)]

    def want_back(self, purchase, amount):
        event = next(self.events)
        lots = [lot for _, lot in self.lots_of(purchase)]
        for lot in lots:
            part = min(lot.available, amount)
            if part:
                lot.available, amount = lot.available - part, amount - part
                lot.reversed, lot.reversed_at = lot.reversed + part, event
        for lot in lots:
            part = min(sum(lot.held.values()) - lot.marked, amount)
            lot.marked, amount = lot.marked + part, amount - part
        gone = sum(lot.lapsed + lot.taken for lot in lots)
        forgiven = min(amount, gone - purchase.forgiven)
        purchase.forgiven += forgiven
        purchase.owed += amount - forgiven

    def give_back(self, purchase, amount):
        unpaid = min(purchase.owed - purchase.paid, amount)
        purchase.owed, amount = purchase.owed - unpaid, amount - unpaid
        order = sorted(purchase.payments.items(), key=lambda item: (-item[1][1], item[0]))
        for (person_id, number), (net, _) in order:
            part = min(net, amount)
            if part:
                person = self.people[person_id]
                lot = person.lots[number - 1]
                self.note_payment(purchase, person, lot, -part, next(self.events))
                lot.available += part
                purchase.owed, amount = purchase.owed - part, amount - part
        lots = [lot for _, lot in self.lots_of(purchase)]
        for lot in lots:
            part = min(lot.marked, amount)
            lot.marked, amount = lot.marked - part, amount - part
        event = next(self.events)
        with_people = [(person.id, lot) for person, lot in self.lots_of(purchase)]
        for _, lot in sorted(with_people, key=lambda pair: (-pair[1].reversed_at, pair[0], pair[1].number)):
            part = min(lot.reversed, amount)
            if part:
                lot.reversed, lot.reversed_at = lot.reversed - part, event
                lot.available, amount = lot.available + part, amount - part
        purchase.forgiven -= amount

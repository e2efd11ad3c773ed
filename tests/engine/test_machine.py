"""Any history of all verbs, on both databases, against the small model; afterwards the audit finds nothing.

EASEL_STEPS sets how many steps each database gets (10,000 by default); with EASEL_SHRINK a failure is made short, which
takes minutes.
"""

import os
from datetime import UTC, datetime, time, timedelta
from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine import accounts, administration, generations, history, ledger, purchases, spaces
from engine.audit import audit
from engine.errors import (
    GuestLimit,
    GuestModelTooDear,
    InsufficientCredits,
    NotAMember,
    NotBelowZero,
    NotGivable,
    NotLinkable,
    Refusal,
)
from engine.generations import Ask
from engine.tables import State
from tests.engine.model import Bought, Model, Person

STEPS = int(os.environ.get("EASEL_STEPS", "10000"))
STEPS_EACH = 100
PHASES = [Phase.generate, Phase.shrink] if "EASEL_SHRINK" in os.environ else [Phase.generate]
MODELS = {"nano-banana": 50, "flux-dev": 100, "nano-banana-pro": 200}
fresh = count(1)


def space_of(work, number):
    return spaces.find_or_create(work, "story", str(number))


def make_pool(work, number):
    return spaces.open_pool(work, space_of(work, number))


class Machine(RuleBasedStateMachine):
    """Each rule does one thing to the ledger and to the model, and says what must have come of it."""

    database = None
    steps = 0

    @initialize()
    def begin(self):
        self.model = Model(limit=500, welcome=5000)
        self.set_limit(500)
        with self.database.read() as work:
            now = work.now()
        tomorrow_noon = datetime.combine(now.date() + timedelta(days=1), time(12), UTC)
        self.database.offset += tomorrow_noon - now
        self.noon = tomorrow_noon
        self.first = None
        self.touched = set()
        self.running = {}
        self.spaces = {}
        self.last = None

    # helpers

    def do(self, verb, expected, *touched):
        """Run a verb in a Work of its own; it must end as the model expects: None, or the Refusal's class."""
        self.touched.update(touched)
        outcome = None
        try:
            self.result = self.database.run(verb)
        except Refusal as refusal:
            outcome = type(refusal)
        assert outcome is expected, (outcome, expected)
        return outcome is None

    def person(self, data, *standings, label="person"):
        able = [
            p
            for p in self.model.people.values()
            if p.merged is None and p.standing in (standings or ("guest", "member", "pool"))
        ]
        return data.draw(st.sampled_from(able), label=label) if able else None

    def has(self, *standings):
        return any(p.merged is None and p.standing in standings for p in self.model.people.values())

    def set_limit(self, limit):
        self.database.settings = self.database.settings.model_copy(update={"daily_credits": limit})

    # people

    @precondition(lambda self: len(self.model.people) < 7)
    @rule(pool=st.sampled_from([False, False, False, True]))
    def arrive(self, pool):
        number = next(fresh)
        if pool:
            self.spaces[self.database.run(lambda work: make_pool(work, number))] = number
        create = lambda work: accounts.find_or_create(work, "story", str(number))
        account_id = max(self.spaces) if pool else self.database.run(create)
        self.first = self.first or account_id
        self.model.people[account_id] = Person(account_id, "pool" if pool else "guest")

    @precondition(lambda self: self.has("guest"))
    @rule(data=st.data())
    def sign_up(self, data):
        person = self.person(data, "guest")
        self.do(lambda work: accounts.sign_up(work, person.id), None, person.id)
        self.model.sign_up(person)

    @precondition(lambda self: len(self.model.people) > 1)
    @rule(data=st.data())
    def link(self, data):
        closing, surviving = self.person(data, label="closing"), self.person(data, label="surviving")
        refused = closing is surviving or "pool" in (closing.standing, surviving.standing)
        key = f"link:{next(fresh)}"
        verb = lambda work: ledger.link(work, closing.id, surviving.id, key)
        if self.do(verb, NotLinkable if refused else None, closing.id, surviving.id):
            self.model.link(closing, surviving)
            self.last = verb

    # credits in

    @precondition(lambda self: self.has("guest", "member", "pool"))
    @rule(data=st.data(), amount=st.integers(1, 3000))
    def credit(self, data, amount):
        person, key = self.person(data), str(next(fresh))
        verb = lambda work: administration.credit(work, person.id, amount, key, actor="terminal", reason="because")
        if self.do(verb, NotAMember if person.standing == "guest" else None, person.id):
            self.model.grant(person, "adjustment", amount)
            self.last = verb

    @precondition(lambda self: self.has("guest", "member"))
    @rule(data=st.data(), amount=st.integers(1, 3000), hours=st.sampled_from([None, None, 9, 33]))
    def buy(self, data, amount, hours):
        person, purchase_id = self.person(data, "guest", "member"), f"p{next(fresh)}"
        ends = self.noon + timedelta(hours=self.model.hour + hours) if hours else None
        verb = lambda work: purchases.paid(work, purchase_id, person.id, amount, expires_at=ends)
        self.do(verb, None, person.id)
        person.standing = "member"
        self.model.purchases[purchase_id] = Bought(purchase_id, person.id, amount)
        until = self.model.hour + hours if hours else float("inf")
        self.model.grant(person, "subscription" if hours else "purchase", amount, until, purchase_id)
        self.last = verb

    # credits out

    @precondition(lambda self: self.has("guest", "member"))
    @rule(data=st.data(), model_id=st.sampled_from(list(MODELS)), pictures=st.integers(1, 4), pooled=st.booleans())
    def request(self, data, model_id, pictures, pooled):
        asker = self.person(data, "guest", "member")
        payer = self.person(data, "pool") if pooled and self.has("pool") else asker
        price, key = MODELS[model_id] * pictures, str(next(fresh))
        uses_slot = asker.standing == "guest" and payer is asker
        space_id = 0 if payer is asker else self.database.run(lambda work: space_of(work, self.spaces[payer.id]))
        ask = Ask(
            asker.id,
            "story",
            key,
            model_id,
            "a fox",
            pictures=pictures,
            space_id=space_id,
            payer_id=payer.id,
            may_spend_bought=True,
        )
        if uses_slot:
            used = self.model.slots_used(asker)
            expected = GuestModelTooDear if price > 100 else GuestLimit if used + pictures > 3 else None
        else:
            expected = InsufficientCredits if self.model.view(payer.id)[0] < price else None
        verb = lambda work: generations.request(work, ask)
        if self.do(verb, expected, asker.id, payer.id):
            generation = self.result.id
            self.running[generation] = 0 if uses_slot else price
            if uses_slot:
                asker.slots += [(self.model.hour, generation)] * pictures
            else:
                self.model.hold(payer, generation, price)
            self.last = verb

    @precondition(lambda self: self.running)
    @rule(data=st.data(), part=st.sampled_from([0, 0.5, 1, 1]), stored=st.booleans())
    def end(self, data, part, stored):
        generation = data.draw(st.sampled_from(sorted(self.running)))
        price = self.running.pop(generation)
        captured = int(price * part) if stored else 0
        state = State.STORED if stored else State.FAILED
        verb = lambda work: generations.end(work, generation, state, captured, 1000 if stored else 0)
        self.do(verb, None)
        if price:
            payer = self.model.holds[generation][0]
            self.model.settle(generation, captured)
            self.touched.update((payer, self.model.survivor(self.model.people[payer]).id))
        elif not stored:
            for person in self.model.people.values():
                person.slots = [slot for slot in person.slots if slot[1] != generation]
        self.last = verb

    @precondition(lambda self: self.has("member", "pool"))
    @rule(data=st.data(), amount=st.integers(1, 2000))
    def debit(self, data, amount):
        person, key = self.person(data, "member", "pool"), str(next(fresh))
        enough = self.model.view(person.id)[0] >= amount
        verb = lambda work: administration.credit(work, person.id, -amount, key, actor="terminal", reason="because")
        if self.do(verb, None if enough else NotBelowZero, person.id):
            self.model.revoke(person, amount)
            self.last = verb

    @precondition(lambda self: self.has("member") and len(self.model.people) > 1)
    @rule(data=st.data(), amount=st.integers(1, 600))
    def give(self, data, amount):
        giver, receiver = self.person(data, "member", label="giver"), self.person(data, label="receiver")
        key = f"gift:{next(fresh)}"
        verb = lambda work: ledger.give(work, giver.id, receiver.id, amount, key)
        ahead = self.model_after(lambda world: world.catch_up(world.people[giver.id]))
        expected = None
        if giver is receiver or ahead.givable(ahead.people[giver.id]) < amount:
            expected = NotGivable
        if giver is not receiver and receiver.standing == "guest":
            expected = NotAMember
        if self.do(verb, expected, giver.id, receiver.id):
            self.model.give(giver, receiver, amount)
            self.last = verb

    def model_after(self, change):
        from copy import deepcopy

        world = deepcopy(self.model)
        change(world)
        return world

    # money back

    @precondition(lambda self: self.model.purchases)
    @rule(data=st.data(), part=st.sampled_from([0.3, 0.5, 1, 1]))
    def refund(self, data, part):
        purchase = self.purchase(data)
        total = int(purchase.credits * part)  # an older, smaller one changes nothing
        verb = lambda work, purchase_id, _: purchases.refunded(work, purchase_id, total)
        self.reverse(purchase, max(purchase.target, total), purchase.is_disputed, verb)

    @precondition(lambda self: self.model.purchases)
    @rule(data=st.data())
    def dispute(self, data):
        purchase = self.purchase(data)
        self.reverse(purchase, purchase.target, True, lambda work, id, _: purchases.disputed(work, id))

    @precondition(lambda self: any(p.is_disputed for p in self.model.purchases.values()))
    @rule(data=st.data(), part=st.sampled_from([0, 0, 0.5, 1]))
    def decide(self, data, part):
        purchase = data.draw(st.sampled_from([p for p in self.model.purchases.values() if p.is_disputed]))
        self.reverse(purchase, int(purchase.credits * part), False, purchases.decided)

    @precondition(lambda self: any(p.target for p in self.model.purchases.values()))
    @rule(data=st.data(), part=st.sampled_from([0, 0.2, 0.7]))
    def win_back(self, data, part):
        purchase = data.draw(st.sampled_from([p for p in self.model.purchases.values() if p.target]))
        self.reverse(purchase, int(purchase.target * part), False, purchases.decided)

    def purchase(self, data):
        return data.draw(st.sampled_from(list(self.model.purchases.values())))

    def reverse(self, purchase, target, is_disputed, verb):
        reached = [person.id for person in self.model.reached(purchase)]
        again = lambda work: verb(work, purchase.id, target)
        self.do(again, None, *reached)
        self.model.converge(purchase, target, is_disputed)
        self.last = again

    # time, and the same again

    @rule(hours=st.sampled_from([6, 12, 24, 30]))
    def wait(self, hours):
        self.database.offset += timedelta(hours=hours)
        self.model.hour += hours

    @rule(limit=st.sampled_from([0, 300, 500, 800]))
    def change_limit(self, limit):
        self.set_limit(limit)
        self.model.limit = limit

    @precondition(lambda self: self.has("guest", "member", "pool"))
    @rule(data=st.data())
    def lapse(self, data):
        person = self.person(data)
        self.do(lambda work: ledger.lapse(work, person.id), None, person.id)
        self.model.catch_up(person)

    @precondition(lambda self: self.last)
    @rule()
    def the_same_again(self):
        self.database.run(self.last)

    @invariant()
    def every_balance_is_the_models(self):
        for account_id in sorted(getattr(self, "touched", ())):
            with self.database.read() as work:
                seen = history.balance(work, account_id)
            assert (seen.spendable, seen.held, seen.frozen, seen.owed) == self.model.view(account_id), account_id
        self.touched = set()
        type(self).steps += 1

    def teardown(self):
        if getattr(self, "first", None) is None:
            return
        self.touched = set(self.model.people)
        self.every_balance_is_the_models()
        *_, report = audit(self.database, first=self.first)
        assert not report.findings, report.findings


@pytest.mark.long
def test_the_ledger_does_what_the_model_does(new_database, kind):
    Machine.steps = 0
    Machine.database = new_database(
        kind, request_seconds=0, running_per_account=1000, member_storage_mb=10**6, guest_storage_mb=10**6
    )
    while Machine.steps < STEPS:  # a story may end before its last step
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=max(1, (STEPS - Machine.steps) // STEPS_EACH),
                stateful_step_count=STEPS_EACH,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
                phases=PHASES,
            ),
        )

"""Redis forgets everything, or goes away; PostgreSQL dies under load: nothing is lost, nothing is paid for twice."""

import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from easel.wiring import database as wired
from engine import accounts, generations
from engine.database import Database, Work
from engine.errors import AlreadyMember, Busy, Refusal, TooLateToCancel
from engine.generations import Ask
from engine.tables import generations as rows
from tests.crash.house import House
from tests.crash.postgres import Postgres
from tests.crash.scale import GENERATIONS
from tests.crash.settled import end_well, far

EVERYBODY = ("submit-1", "submit-2", "finish-1", "finish-2", "watcher")
AWAY_SECONDS = 5
THREADS = 8
EVERY = 12
"""Of so many that a customer asks for, one is not cancelled at once."""
PATIENCE = 60


@pytest.mark.long
def test_a_redis_that_forgets_everything_and_then_goes_away_costs_nothing_but_time(crash):
    with crash() as here:
        here.start("front", *EVERYBODY)
        for moment in ("created_at", "submitted_at", "ended_at"):
            here.until(lambda moment=moment: far(here, moment) >= GENERATIONS // 4)
            here.flush_redis()
        here.until(lambda: far(here, "submitted_at") >= GENERATIONS // 2)
        here.redis.kill()
        here.live(AWAY_SECONDS)
        here.redis.start()
        end_well(here, GENERATIONS)


def test_a_picture_that_was_made_while_nobody_could_look_is_not_given_up(crash):
    with crash(CRASH_ASKS="1") as here:
        here.start("front", "submit")
        here.until(lambda: far(here, "submitted_at") == 1)
        long_ago = datetime.now(UTC) - timedelta(minutes=5)
        with closing(wired(here.settings)) as database, database.begin() as work:
            work.execute(sa.update(rows).values(deadline_at=long_ago))
        here.live(1.2)  # it is made, and its time is over
        here.start("watcher", "finish")
        end_well(here, 1, stored=1)


@dataclass
class Customer:
    """Asks and cancels as fast as he can; what was cut off he asks again, with the same key, until he has an answer.

    `loud` hints at once, `mute` leaves that to the watcher: so nobody begins what is about to be cancelled.
    """

    name: str
    loud: Database
    mute: Database
    answers: list[int] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)

    def shop(self, enough: threading.Event) -> None:
        account_id = self._insist(lambda: self.mute.run(self._join))
        while not enough.is_set():
            number = len(self.answers)
            ask = Ask(account_id, "shop", f"{self.name}-{number}", "nano-banana", f"fox {number}", address="chat:1")
            is_kept = number % EVERY == 0
            self.answers.append(self._request(self.loud if is_kept else self.mute, ask))
            if not is_kept:
                self._insist(lambda: self._cancel(account_id, self.answers[-1]))

    def _join(self, work: Work) -> int:
        account_id = accounts.find_or_create(work, "shop", self.name)
        try:
            accounts.sign_up(work, account_id)
        except AlreadyMember:  # the answer to the first try got lost
            self.cut["unheard"] += 1
        return account_id

    def _request(self, database: Database, ask: Ask) -> int:
        return self._insist(lambda: database.run(lambda work: self._ask(work, ask)))

    def _ask(self, work: Work, ask: Ask) -> int:
        before = sa.select(rows.c.id).where(rows.c.platform == ask.platform, rows.c.request_key == ask.request_key)
        if work.execute(before).first():
            self.cut["unheard"] += 1
        return generations.request(work, ask).id

    def _cancel(self, account_id: int, generation_id: int) -> None:
        try:
            self.mute.run(lambda work: generations.cancel(work, account_id, generation_id))
        except TooLateToCancel:
            self.cut["cancel"] += 1

    def _insist(self, call):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return call()
            except Exception as error:
                if isinstance(error, Refusal) and not isinstance(error, Busy):
                    raise
                assert time.monotonic() < deadline, f"no answer: {error}"
                self.cut[type(error).__name__] += 1
                time.sleep(0.05)


@pytest.mark.long
def test_what_a_dying_postgresql_cuts_off_is_answered_once_it_is_asked_again(crash_on_mortal, mortal):
    enough = threading.Event()
    with crash_on_mortal() as here, closing(wired(here.settings)) as loud, closing(Database(here.settings)) as mute:
        here.start(*EVERYBODY)
        customers = [Customer(f"customer-{number}", loud, mute) for number in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as threads:
            shopping = [threads.submit(customer.shop, enough) for customer in customers]
            try:
                _die_twice(here, mortal)
            finally:
                enough.set()
            for one in shopping:
                one.result(PATIENCE)
        answers = [generation_id for customer in customers for generation_id in customer.answers]
        print(f"{len(answers)} answers, cut off: {sum((one.cut for one in customers), Counter())}")
        assert len(set(answers)) == len(answers)
        assert all(one.cut for one in customers)
        end_well(here, len(answers), stored=len(answers) // EVERY // 2)


def _die_twice(here: House, mortal: Postgres) -> None:
    for how in (signal.SIGQUIT, signal.SIGKILL):
        here.live(2)
        mortal.die(how)
        here.live(0.5)
        mortal.start()
    here.live(2)

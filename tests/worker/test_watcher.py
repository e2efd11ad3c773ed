"""The watcher and providers that do what they should not: one bad row keeps nobody else waiting, and ends."""

import asyncio
import threading
from datetime import timedelta

import pytest

from engine import history, tasks
from engine.generations import steps, submissions
from engine.ports import Done, Step, Trouble, Waiting
from engine.tables import Outcome, State
from tests.conftest import later
from tests.worker.studio import Studio
from worker import chores
from worker.advance import advance
from worker.errands import NotYet
from worker.providers.sketch import Sketch
from worker.watcher import Watcher


@pytest.fixture
def kind():
    return "sqlite"


class Odd(Sketch):
    """The sketch, except for prompts with a word that says what `look` does."""

    def __init__(self):
        super().__init__(0, "", is_production=False)
        self.looks = 0

    async def look(self, job):
        self.looks += 1
        if "crash" in job.prompt:
            raise RuntimeError("a bug in a provider's file")
        if "hang" in job.prompt:
            await asyncio.sleep(3600)
        if "far" in job.prompt:
            return Waiting(2**40)
        if "dear" in job.prompt:
            return Done((), 39_800)
        return await super().look(job)


@pytest.fixture
def studio(database, tmp_path, monkeypatch):
    monkeypatch.setattr("worker.looking.LONGEST_LOOK", 0.3)
    monkeypatch.setattr("worker.looking.LAST_LOOK", 0.1)
    monkeypatch.setattr("worker.watcher.LOOKS_AT_ONCE", 2)
    return Studio(database, Odd(), tmp_path / "media")


def submitted(studio, account_id, prompt):
    asked = studio.ask(account_id, prompt)
    advance(studio.tools, asked.id)
    studio.hints.waiting.clear()
    assert studio.see(asked).state is State.SUBMITTED
    return asked


@pytest.mark.parametrize("word", ["crash", "hang", "far"])
def test_a_look_that_goes_wrong_ends_at_the_deadline_like_any_other(studio, cast, word):
    asked = submitted(studio, cast.alice, f"a fox, {word}")
    later(studio.database, minutes=10)

    (done,) = studio.run(asked)

    assert (done.state, done.trouble, done.charged) == (State.FAILED, Trouble.TOO_LATE, 0)
    with studio.database.read() as work:
        assert history.balance(work, cast.alice).held == 0


def test_looks_that_hang_keep_no_other_picture_waiting(studio, cast):
    for name in ("one", "two"):
        submitted(studio, cast.alice, f"hang {name}")
    good = submitted(studio, cast.carol, "a fox")

    (done,) = studio.run(good)

    assert done.state is State.STORED


def test_a_look_that_crashes_is_not_asked_again_at_once(studio, cast):
    submitted(studio, cast.alice, "crash")
    good = submitted(studio, cast.carol, "a fox")
    odd = studio.tools.providers["sketch"]
    before = odd.looks

    studio.run(good)

    assert odd.looks - before < 8


def test_one_note_that_cannot_be_written_loses_no_other(studio, cast, monkeypatch):
    monkeypatch.setattr("worker.looking.FARTHEST_PLACE", 2**80)  # more than any column takes
    submitted(studio, cast.alice, "far")
    good = submitted(studio, cast.carol, "a fox")

    (done,) = studio.run(good)

    assert done.state is State.STORED


def test_what_stands_in_a_long_line_is_not_hinted_at_again_for_a_minute(studio, cast):
    asked = studio.ask(cast.alice)
    watcher = Watcher(studio.tools, {}, lambda: None)
    studio.hints.backlog = lambda step: 1 if step is Step.SUBMIT else 0
    found = []
    for _ in range(14):
        later(studio.database, seconds=5.1)
        found.append([due.generation.id for due in watcher._due()])

    assert found[:11] == [[]] * 11
    assert found[-1] == [asked.id]


def test_with_nobody_in_line_a_lost_hint_is_made_up_for_at_once(studio, cast):
    asked = studio.ask(cast.alice)
    later(studio.database, seconds=5.1)

    assert [due.generation.id for due in Watcher(studio.tools, {}, lambda: None)._due()] == [asked.id]


def test_a_slow_task_stops_no_round(studio, cast, monkeypatch):
    stopping = threading.Event()
    monkeypatch.setattr("tests.worker.studio.delete_media", lambda tools, key: stopping.wait(60))
    monkeypatch.setattr(studio, "_owes_tasks", lambda: False)
    studio.database.run(lambda work: [tasks.add(work, "delete_media", str(n)) for n in range(9)])
    good = submitted(studio, cast.alice, "a fox")

    try:
        (done,) = studio.run(good)
    finally:
        stopping.set()
        for thread in [one for one in threading.enumerate() if one.name.startswith("errand")]:
            thread.join(20)

    assert done.state is State.STORED


def test_what_the_provider_cannot_tell_any_more_is_lost_and_asked_no_longer(studio, cast, monkeypatch):
    monkeypatch.setattr(chores, "KEPT_FOR", timedelta(hours=1))
    asked = submitted(studio, cast.alice, "a fox, far")
    told = []
    monkeypatch.setattr(Odd, "cancel", lambda self, job: told.append(job.request_id))
    studio.database.run(lambda work: steps.fail(work, asked.id, Trouble.TOO_LATE))

    with pytest.raises(NotYet):
        chores.close_at_provider(studio.tools, f"{asked.id}:1")
    later(studio.database, hours=2)
    chores.close_at_provider(studio.tools, f"{asked.id}:1")

    assert told == [asked_id(studio, asked)]
    assert outcome(studio, asked) == (Outcome.LOST, None)


def test_what_nobody_waited_for_is_paid_for_and_written_down(studio, cast, monkeypatch):
    asked = submitted(studio, cast.alice, "a fox, dear")
    studio.database.run(lambda work: steps.fail(work, asked.id, Trouble.TOO_LATE))

    studio.run(asked)

    assert outcome(studio, asked) == (Outcome.DONE, 39_800)
    assert studio.see(asked).state is State.FAILED


def asked_id(studio, asked):
    with studio.database.read() as work:
        return submissions.get(work, asked.id, 1).request_id


def outcome(studio, asked):
    with studio.database.read() as work:
        one = submissions.get(work, asked.id, 1)
    return one.outcome, one.cost_microdollars

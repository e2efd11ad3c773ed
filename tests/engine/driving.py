"""Takes generations through their life as owners, workers, webhooks and the watcher do, one Work each."""

from engine import generations, history, tasks
from engine.audit import audit
from engine.generations import Ask, Kept, arriving, steps, watching
from engine.generations.arriving import Arrival
from engine.ports import Done, Output, Taken, Trouble
from engine.tables import State

OUTPUTS = [Output("sketch:r1/0"), Output("sketch:r1/1", is_flagged=True)]


class Heard:
    """A queue that only remembers what it was told."""

    def __init__(self):
        self.hints, self.woken = [], []

    def hint(self, step, generation_id, number):
        self.hints.append((step, generation_id, number))

    def wake(self, account_id):
        self.woken.append(account_id)

    def backlog(self, step):
        return 0


def request(database, account_id, key="m1", model_id="nano-banana-pro", **more):
    ask = Ask(account_id, "telegram", key, model_id, "a fox", address="chat 7", **more)
    return database.run(lambda work: generations.request(work, ask))


def get(database, generation):
    with database.read() as work:
        return generations.get(work, generation.id)


def money(database, account_id):
    with database.read() as work:
        there = history.balance(work, account_id)
    return there.spendable, there.held


def lease(database, generation):
    return database.run(lambda work: steps.lease(work, generation.id))


def begin(database, held):
    return database.run(lambda work: steps.begin(work, held))


def ready(database, generation, request_id="r1", attempt=None):
    return arrive(database, generation, Done(OUTPUTS), request_id, attempt) is Arrival.USED


def arrive(database, generation, ended, request_id="r1", attempt=None):
    attempt = attempt or get(database, generation).submits
    return database.run(lambda work: arriving.arrive(work, generation.id, attempt, request_id, ended))


def submitted(database, held, request_id="r1", attempt=1):
    return database.run(lambda work: steps.submitted(work, held, attempt, Taken(request_id)))


def stored(database, held, number=1):
    return database.run(lambda work: steps.stored(work, held, kept(held.generation, number)))


def fail(database, generation, trouble=Trouble.PROVIDER, token=None):
    return database.run(lambda work: steps.fail(work, generation.id, trouble, token))


def give_up(database, generation):
    return database.run(lambda work: watching.give_up(work, generation.id))


def cancel(database, generation):
    return database.run(lambda work: generations.cancel(work, generation.account_id, generation.id))


def due(database):
    with database.read() as work:
        return [generation.id for generation in watching.due(work, 10)]


def to_do(database):
    return [(task.kind, int(task.key.partition(":")[0])) for task in database.run(tasks.claim)]


def assert_books_are_right(database):
    *_, report = audit(database)
    assert report.is_clean, report.findings


def kept(generation, number):
    stem = f"generations/{generation.id}"
    return [Kept(f"{stem}/{n}.jpg", f"{stem}/{n}-small.jpg", "image/jpeg", 64, 48, 1000 + n) for n in range(number)]


def bring(database, generation, state):
    """Take a queued generation so far, as a worker would; the lease he had last."""
    held = lease(database, generation)
    if state is State.QUEUED:
        return held
    assert begin(database, held)
    if state is State.SUBMITTING:
        return held
    assert submitted(database, held, f"r{generation.id}")
    if state is State.SUBMITTED:
        return held
    assert ready(database, generation, f"r{generation.id}")
    return lease(database, generation)

"""The duty to do something outside: once a kind and key, by one at a time, again with growing spacing until done."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from engine import tasks
from engine.tasks import Task
from tests.conftest import later


def add(database, kind="delete_media", key="7", **more):
    database.run(lambda work: tasks.add(work, kind, key, **more))


def claim(database, **more):
    return database.run(lambda work: tasks.claim(work, **more))


def test_a_task_is_there_once_a_kind_and_key(database):
    for kind, key in (
        ("delete_media", "7"),
        ("delete_media", "7"),
        ("delete_media", "8"),
        ("close_at_provider", "7:1"),
    ):
        add(database, kind, key)

    claimed = [(task.kind, task.key, task.attempts) for task in claim(database)]

    assert sorted(claimed) == [("close_at_provider", "7:1", 1), ("delete_media", "7", 1), ("delete_media", "8", 1)]


def test_a_task_for_later_waits(database):
    add(database, wait=timedelta(minutes=5))
    assert claim(database) == []

    later(database, minutes=6)

    assert len(claim(database)) == 1


def test_who_dies_with_a_task_leaves_it_to_the_next(database):
    add(database)
    (first,) = claim(database)
    later(database, seconds=45)
    assert claim(database) == []

    later(database, seconds=16)

    assert claim(database) == [Task(first.id, "delete_media", "7", 2)]


def test_of_four_who_claim_at_once_one_gets_it(database):
    add(database)
    start = threading.Barrier(4)

    def take(_):
        start.wait()
        return claim(database)

    with ThreadPoolExecutor(4) as crowd:
        assert sorted(map(len, crowd.map(take, range(4)))) == [0, 0, 0, 1]


def test_what_is_done_is_gone_and_can_be_added_anew(database):
    add(database)
    (task,) = claim(database)

    database.run(lambda work: tasks.done(work, task))

    later(database, days=1)
    assert claim(database) == []
    add(database)
    assert [again.attempts for again in claim(database)] == [1]


def test_what_does_not_work_is_tried_again_with_growing_spacing(database):
    add(database)
    for seconds in (4, 8, 16, 32, 64):
        (task,) = claim(database)
        database.run(lambda work, task=task: tasks.again(work, task))
        later(database, seconds=seconds / 4)
        assert claim(database) == []
        later(database, seconds=seconds)
    often = Task(task.id, task.kind, task.key, attempts=100)
    database.run(lambda work: tasks.again(work, often))

    later(database, minutes=59)
    assert claim(database) == []
    later(database, minutes=2)
    assert len(claim(database)) == 1

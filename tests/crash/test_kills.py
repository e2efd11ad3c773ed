"""kill -9 of every part at every step of running generations: each ends stored and captured once, or released once."""

import pytest

from tests.crash.faults import FAULTS
from tests.crash.scale import GENERATIONS, KILLS, PAUSE, SEED
from tests.crash.settled import end_well


@pytest.mark.long
def test_a_kill_at_any_step_leaves_every_picture_paid_for_once_or_not_at_all(crash):
    with crash(CRASH_FAULTS="1") as here:
        here.start("front")
        here.until(lambda: here.has_asked)
        here.start("submit", "finish", "watcher")
        end_well(here, GENERATIONS)
        assert {fault.name for fault in FAULTS} - here.struck == set()


@pytest.mark.long
def test_kills_at_random_leave_every_picture_paid_for_once_or_not_at_all(crash):
    print(f"EASEL_SEED={SEED}")
    with crash(CRASH_PAUSE=str(0.75 * KILLS * PAUSE / GENERATIONS)) as here:
        here.start("front", "submit-1", "submit-2", "finish-1", "finish-2", "watcher")
        here.suffer(KILLS, SEED, PAUSE)
        end_well(here, GENERATIONS)

"""Everything that can go wrong at fal, mixed with kills of everybody: each generation ends once, and what fal has
billed is what we have written down. EASEL_FAL=n asks for so many (500 with webhooks, fewer without), EASEL_SEED repeats
a run."""

import os
import socket
from contextlib import closing, contextmanager

import pytest

from easel.wiring import database as wired
from tests.crash.fal_books import is_quiet, lost_pictures, posts, wrong_costs
from tests.crash.scale import SEED
from tests.crash.settled import end_well
from tests.simulators import fal_log
from tests.simulators.fal_mishaps import ENDLESS, MISHAPS
from tests.simulators.fal_process import fal_simulator

COUNT = int(os.environ.get("EASEL_FAL", "500"))
ODDS = 0.3
KILLED = ("submit-1", "submit-2", "finish-1", "finish-2", "watcher", "web")
RARE = 4
"""How much rarer a mishap is that holds somebody up for ever: each costs a worker seconds."""


@pytest.fixture
def fal(tmp_path):
    print(f"EASEL_SEED={SEED}")
    names = [name for name in MISHAPS for _ in range(1 if name in ENDLESS else RARE)]
    with fal_simulator(tmp_path, seconds=1, odds=ODDS, seed=SEED, plain=True, mishaps=",".join(names)) as simulator:
        yield simulator


@contextmanager
def house(crash, fal, count, is_told):
    port = free_port()
    told = {"EASEL_FAL_WEBHOOK_URL": f"http://127.0.0.1:{port}"} if is_told else {}
    asks = {"CRASH_PLAIN": "1", "CRASH_ASKS": str(count), "EASEL_PORT": str(port), "EASEL_RUNNING_TOTAL": "10000"}
    with crash(**fal.environment(), **told, **asks) as here:
        yield here


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settle(here, fal, count, is_told):
    """Wait until nothing is left to do on either side; then compare the books."""
    end_well(here, count, stored=count // 3, book=posts(fal.log))
    here.until(lambda: is_quiet(fal), 120)
    here.live(2)  # the last webhooks
    end_well(here, count, stored=count // 3, book=posts(fal.log))
    with closing(wired(here.settings)) as database, database.read() as work:
        wrong = [*wrong_costs(work, fal.log, is_told), *(lost_pictures(work, fal.log) if is_told else ())]
    assert not wrong, "\n".join(wrong)
    assert not fal_log.undocumented(fal.log)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgresql"])
def test_with_webhooks_and_kills_every_dollar_is_known_and_every_picture_paid_for_once(crash, fal):
    with house(crash, fal, COUNT, is_told=True) as here:
        here.start("front", *KILLED)
        here.suffer(COUNT // 20, SEED, pause=0.7, spared=("redis",))
        settle(here, fal, COUNT, is_told=True)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite"])
def test_with_polling_only_the_same_holds_but_for_answers_that_got_lost(crash, fal):
    count = COUNT // 4
    with house(crash, fal, count, is_told=False) as here:
        here.start("front", *(name for name in KILLED if name != "web"))
        here.suffer(count // 20, SEED, pause=0.7, spared=("redis",))
        settle(here, fal, count, is_told=False)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_webhook_route_that_is_away_for_a_while_costs_time_only(crash, fal):
    count = COUNT // 4
    with house(crash, fal, count, is_told=True) as here:
        here.start("front", *(name for name in KILLED if name != "web"))
        here.live(8)
        here.start("web")
        here.suffer(count // 20, SEED, pause=0.7, spared=("redis",))
        settle(here, fal, count, is_told=True)

"""The processes: web, the two workers, the watcher. `python -m easel.parts submit` runs one, without the weight of the
command line, which has the same as `easel worker submit`."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from easel import logs
from easel.wiring import open_database
from engine.database import Database
from engine.errors import Fault
from engine.ports import Step
from engine.settings import PREFIX


def web() -> None:
    """Serve the pages and the API."""
    from easel.web import serve

    serve(_opened("web"))


def worker(step: Step) -> None:
    """Take hints of one step, one after another."""
    from easel.workshop import tools
    from worker.advance import advance
    from worker.queue import work

    here = _opened(step.value)
    work(_redis(here), step, partial(advance, tools(here), step=step))


def watcher() -> None:
    """Ask providers about running generations, find what was left behind, do the tasks that are due."""
    from easel.workshop import TASKS, beat, tools
    from worker.watcher import Watcher

    here = _opened("watcher")
    asyncio.run(_until_told(Watcher(tools(here), TASKS, beat(_redis(here))).run))


PARTS: dict[str, Callable[[], None]] = {
    "web": web,
    "submit": partial(worker, Step.SUBMIT),
    "finish": partial(worker, Step.FINISH),
    "watcher": watcher,
}


def _opened(part: str) -> Database:
    here = open_database()
    logs.configure(here.settings, part)
    return here


def _redis(here: Database) -> str:
    if here.settings.redis_url is None:
        sys.exit(f"Not done: {PREFIX}REDIS_URL is missing; `easel up` brings a Redis along, this part alone does not.")
    return here.settings.redis_url


async def _until_told(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    await run(stop)


if __name__ == "__main__":
    try:
        PARTS[sys.argv[1]]()
    except Fault as fault:
        sys.exit(f"Stopped: {fault}")

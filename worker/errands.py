"""The tasks that are due, a few at once beside the watcher's rounds: a slow one keeps nobody waiting."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from engine import tasks
from engine.database import Work
from engine.tasks import Task
from worker.tools import Tools

log = logging.getLogger(__name__)

TaskFunction = Callable[[Tools, str], None]

AT_ONCE = 4


class NotYet(Exception):
    """It cannot be done yet, and nothing is wrong: it comes again later."""


class Errands:
    """Takes no more tasks than it can begin at once, so that none waits while its lease runs out."""

    def __init__(self, tools: Tools, jobs: Mapping[str, TaskFunction]) -> None:
        self._tools = tools
        self._database = tools.database
        self._jobs = jobs
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="errand")
        self._running: set[asyncio.Future[None]] = set()

    async def begin(self) -> None:
        """Begin what is due, as far as there is room."""
        room = AT_ONCE - len(self._running)
        if room == 0:
            return
        loop = asyncio.get_running_loop()
        for task in await loop.run_in_executor(self._threads, self._claim, room):
            running = loop.run_in_executor(self._threads, self._do, task)
            self._running.add(running)
            running.add_done_callback(self._running.discard)

    def close(self) -> None:
        """Begin nothing more; what runs is taken up again when its lease is over."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _claim(self, room: int) -> list[Task]:
        return self._database.run(lambda work: tasks.claim(work, room))

    def _do(self, task: Task) -> None:
        try:
            self._jobs[task.kind](self._tools, task.key)
        except NotYet as reason:
            log.info("task %s %s, attempt %d: %s", task.kind, task.key, task.attempts, reason)
            self._end(lambda work: tasks.again(work, task))
        except Exception:
            log.exception("task %s %s, attempt %d", task.kind, task.key, task.attempts)
            self._end(lambda work: tasks.again(work, task))
        else:
            self._end(lambda work: tasks.done(work, task))

    def _end(self, end: Callable[[Work], None]) -> None:
        try:
            self._database.run(end)
        except Exception:  # it comes again when its lease is over
            log.exception("a task's end")

"""The watcher: one asyncio loop that asks providers about running generations, hints again at what nobody took up,
ends what took too long, and does the tasks that are due. One in all, however many are started.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from engine import sessions, tasks
from engine.catalog import model
from engine.database import Work
from engine.generations import Generation, steps
from engine.generations.steps import Sight
from engine.ports import Done, Drawing, Job, Progress, ProviderTrouble, Trouble, Waiting
from engine.singleton import Singleton
from engine.tables import State
from engine.tasks import Task
from engine.trace import tracing
from worker.tools import Tools

log = logging.getLogger(__name__)

TaskFunction = Callable[[Tools, str], None]
T = TypeVar("T")

ROUND = 0.25
AT_ONCE = 500
LOOKS_AT_ONCE = 8
SOONEST_LOOK, LATEST_LOOK = 0.5, 10.0
HOUSEKEEPING = 60.0


@dataclass(frozen=True)
class Due:
    """A generation to look at now, and whether its time is over."""

    generation: Generation
    job: Job
    is_over: bool


class Watcher:
    """Runs until `stop` is set. `beat` is called after each round, so that others can see it alive."""

    def __init__(self, tools: Tools, jobs: Mapping[str, TaskFunction], beat: Callable[[], None]) -> None:
        self._tools = tools
        self._database = tools.database
        self._jobs = jobs
        self._beat = beat
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="watcher")
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._sights: list[Sight] = []
        self._made: list[tuple[int, str, Done]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Round after round; a round that fails is logged and followed by the next."""
        singleton = Singleton(self._database, "watcher")
        chores = asyncio.create_task(self._housekeeping(stop))
        try:
            while not stop.is_set():
                try:
                    if await self._in_thread(singleton.is_ours):
                        await self._round()
                        await self._in_thread(self._beat)
                except Exception:
                    log.exception("a round of the watcher")
                await _sleep(ROUND, stop)
        finally:
            for look in (*self._busy.values(), chores):
                look.cancel()
            singleton.close()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _round(self) -> None:
        await self._in_thread(self._write_down)
        for due in await self._in_thread(self._due):
            if due.generation.id not in self._busy:
                self._busy[due.generation.id] = asyncio.create_task(self._one(due))
        for task in await self._in_thread(partial(self._database.run, tasks.claim)):
            await self._in_thread(partial(self._do, task))

    def _due(self) -> list[Due]:
        with self._database.read() as work:
            generations, now = steps.due(work, AT_ONCE), work.now()
            models = {name: model(work, name) for name in {generation.model_id for generation in generations}}
        return [
            Due(generation, steps.job(generation, models[generation.model_id]), _is_past(generation, now))
            for generation in generations
        ]

    async def _one(self, due: Due) -> None:
        generation, is_seen = due.generation, False
        with tracing(generation.trace):
            try:
                if due.is_over:
                    await self._in_thread(partial(self._give_up, generation))
                elif generation.state is State.SUBMITTED:
                    async with self._looks:
                        is_seen = await self._look(generation, due.job)
                else:
                    await self._in_thread(partial(self._hint, generation))
            except Exception:
                log.exception("the watcher and generation %d", generation.id)
            finally:
                if not is_seen:  # else only once it is written down
                    del self._busy[generation.id]

    def _give_up(self, generation: Generation) -> None:
        if self._database.run(lambda work: steps.give_up(work, generation.id)):
            log.warning("given up: nothing came in time (%s)", generation.state)

    def _hint(self, generation: Generation) -> None:
        if self._database.run(lambda work: steps.hint_again(work, generation.id, generation.state)):
            log.info("hinted again (%s)", generation.state)

    async def _look(self, generation: Generation, job: Job) -> bool:
        """Ask the provider; whether there is something to write down with the next round."""
        provider = self._tools.providers.get(generation.provider or "")
        if provider is None or job.request_id is None:
            return False
        try:
            progress = await provider.look(job)
        except ProviderTrouble as error:
            log.warning("look: %s", error)
            if error.is_permanent:
                await self._in_thread(partial(self._fail, generation, error.trouble))
                return False
            progress = Waiting(generation.place) if generation.began_at is None else Drawing()
        self._saw(generation, job.request_id, progress)
        return True

    def _saw(self, generation: Generation, request_id: str, progress: Progress) -> None:
        if isinstance(progress, Done):
            self._made.append((generation.id, request_id, progress))
            return
        place = progress.place if isinstance(progress, Waiting) else None
        has_begun = isinstance(progress, Drawing)
        wait = _spacing(generation, progress.seconds_left if isinstance(progress, Drawing) else None)
        self._sights.append(Sight(generation.id, request_id, place, has_begun, wait))

    def _fail(self, generation: Generation, trouble: Trouble) -> None:
        self._database.run(lambda work: steps.fail(work, generation.id, trouble))

    def _write_down(self) -> None:
        """All that was seen since the last round, in one Work."""
        sights, self._sights = self._sights, []
        made, self._made = self._made, []
        if not sights and not made:
            return

        def write(work: Work) -> None:
            steps.saw(work, sights)
            for generation_id, request_id, done in made:
                if not steps.ready(work, generation_id, request_id, done.outputs):
                    log.info("generation %d: a result that came late or twice", generation_id)

        try:
            self._database.run(write)
        finally:
            for generation_id in (*(sight.generation_id for sight in sights), *(one[0] for one in made)):
                self._busy.pop(generation_id, None)

    def _do(self, task: Task) -> None:
        try:
            self._jobs[task.kind](self._tools, task.key)
        except Exception:
            log.exception("task %s %s, attempt %d", task.kind, task.key, task.attempts)
            self._database.run(lambda work: tasks.again(work, task))
        else:
            self._database.run(lambda work: tasks.done(work, task))

    async def _housekeeping(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._in_thread(partial(self._database.run, sessions.forget_old))
            except Exception:
                log.exception("housekeeping")
            await _sleep(HOUSEKEEPING, stop)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, function)


def _is_past(generation: Generation, now: datetime) -> bool:
    return generation.deadline_at is not None and generation.deadline_at <= now


def _spacing(generation: Generation, seconds_left: float | None) -> timedelta:
    """When to look again: when the provider says it will be done, else after a quarter of the time it took so far."""
    if seconds_left is None:
        begun = generation.submitted_at or generation.changed_at
        seconds_left = (datetime.now(begun.tzinfo) - begun).total_seconds() / 4
    return timedelta(seconds=min(max(seconds_left, SOONEST_LOOK), LATEST_LOOK))


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

"""The watcher: one asyncio loop that asks providers about running generations, hints again at what nobody took up,
ends what took too long, and does the tasks that are due. One in all, however many are started.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from engine import circuits, sessions
from engine.catalog import Model, model
from engine.database import Work
from engine.generations import Generation, arriving, steps, submissions, watching
from engine.generations.arriving import Arrival
from engine.generations.submissions import Submission
from engine.ports import Done, Drawing, Ended, Failed, Job, Step
from engine.singleton import Singleton
from engine.tables import State
from engine.trace import tracing
from worker.errands import Errands, TaskFunction
from worker.looking import look, sight
from worker.tools import Tools

log = logging.getLogger(__name__)

T = TypeVar("T")
Note = Callable[[Work], None]

ROUND, GATHERING = 0.25, 0.05
AT_ONCE = 500
LOOKS_AT_ONCE = 32
HOUSEKEEPING = 60.0
TRUST = timedelta(seconds=60)
"""How long a hint is believed to stand in line while others do."""
STEPS = {State.QUEUED: Step.SUBMIT, State.READY: Step.FINISH}
ALARM_PAUSE = 10.0
"""Seconds between two alarms that a provider does not let us in: hundreds of looks may find out at once."""
UNFINISHED_SECONDS = 3600.0
"""A file that is half written for so long is nobody's any more."""


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
        self._beat = beat
        self._errands = Errands(tools, jobs)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="watcher")
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._notes: dict[int, Note] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._books = asyncio.Lock()
        self._alarmed = float("-inf")

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
            for running in (*self._busy.values(), chores, *self._writing):
                running.cancel()
            singleton.close()
            self._errands.close()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _round(self) -> None:
        async with self._books:
            await self._write_down()
            for due in await self._in_thread(self._due):
                if due.generation.id not in self._busy:
                    self._busy[due.generation.id] = asyncio.create_task(self._one(due))
        await self._errands.begin()

    def _due(self) -> list[Due]:
        with self._database.read() as work:
            generations, now = watching.due(work, AT_ONCE), work.now()
            models = {name: model(work, name) for name in {generation.model_id for generation in generations}}
            tries = submissions.current(work, [generation.id for generation in generations])
        found = [
            Due(
                generation,
                _job(generation, models[generation.model_id], tries.get(generation.id)),
                generation.deadline_at is not None and generation.deadline_at <= now,
            )
            for generation in generations
        ]
        in_line = self._in_line([due.generation for due in found if not due.is_over], now)
        return [due for due in found if due.generation.id not in in_line]

    def _in_line(self, generations: list[Generation], now: datetime) -> set[int]:
        """Those that are not hinted at again: their hints stand in a long line, which a second one would only make
        longer. Not for ever, for theirs may be lost."""
        queue = self._database.queue
        new = [one for one in generations if one.lease_until is None and now - one.changed_at < TRUST]
        kinds = {state: [one.id for one in new if one.state is state] for state in (State.QUEUED, State.READY)}
        ids = [id for state, ids in kinds.items() if ids and queue and queue.backlog(STEPS[state]) for id in ids]
        if ids:
            self._database.run(lambda work: watching.wait_longer(work, ids))
        return set(ids)

    async def _one(self, due: Due) -> None:
        generation = due.generation
        with tracing(generation.trace):
            try:
                if generation.state is State.SUBMITTED:
                    async with self._looks:
                        await self._look(due)
                elif not due.is_over:
                    await self._in_thread(partial(self._hint, generation))
                if due.is_over and generation.id not in self._notes:
                    await self._in_thread(partial(self._give_up, generation))
            except Exception:
                log.exception("the watcher and generation %d", generation.id)
            finally:
                if generation.id not in self._notes:  # else only once it is written down
                    self._busy.pop(generation.id, None)

    def _give_up(self, generation: Generation) -> None:
        if self._database.run(lambda work: watching.give_up(work, generation.id)):
            log.warning("given up: nothing came in time (%s)", generation.state)

    def _hint(self, generation: Generation) -> None:
        if self._database.run(lambda work: watching.hint_again(work, generation.id, generation.state)):
            log.info("hinted again (%s)", generation.state)

    async def _look(self, due: Due) -> None:
        """Ask the provider, and note what it says. The last time only a made picture counts: it may have been made
        while nobody could look."""
        generation, request_id = due.generation, due.job.request_id
        provider = self._tools.providers.get(generation.provider or "")
        if provider is None or request_id is None:
            return
        progress = await look(provider, generation, due.job, due.is_over, partial(self._alarm, due.job))
        if isinstance(progress, Done | Failed):
            self._notes[generation.id] = partial(_note_end, due, request_id, progress)
            self._write_soon()
        elif not due.is_over:
            seen = sight(generation, request_id, progress, self._tools.tells(provider.name))
            self._notes[generation.id] = lambda work: watching.saw(work, [seen])

    async def _alarm(self, job: Job, detail: str) -> None:
        if time.monotonic() - self._alarmed < ALARM_PAUSE:
            return
        self._alarmed = time.monotonic()
        told = partial(circuits.rejects_us, provider=job.provider, generation_id=job.generation_id, detail=detail)
        await self._in_thread(partial(self._database.run, told))

    def _write_soon(self) -> None:
        """A picture that is made does not wait for the next round, only for others that are made with it."""
        if not self._writing:
            writing = asyncio.create_task(self._gather_and_write())
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    async def _gather_and_write(self) -> None:
        await asyncio.sleep(GATHERING)
        async with self._books:  # else a round reads that it is due, before, and asks again, after
            await self._write_down()

    async def _write_down(self) -> None:
        """All that was noted since the last time, in one Work; one by one when that fails, so that only the bad one is
        lost."""
        notes, self._notes = self._notes, {}
        if not notes:
            return
        try:
            await self._in_thread(partial(self._database.run, partial(_write_all, list(notes.values()))))
        except Exception:
            log.exception("%d notes of the watcher", len(notes))
            for generation_id, note in notes.items():
                await self._write_one(generation_id, note)
        finally:
            for generation_id in notes:
                self._busy.pop(generation_id, None)

    async def _write_one(self, generation_id: int, note: Note) -> None:
        try:
            await self._in_thread(partial(self._database.run, note))
        except Exception:
            log.exception("what was noted of generation %d", generation_id)

    async def _housekeeping(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for chore in (self._forget_visitors, self._clean_media):
                try:
                    await self._in_thread(chore)
                except Exception:
                    log.exception("housekeeping")
            await _sleep(HOUSEKEEPING, stop)

    def _forget_visitors(self) -> None:
        while self._database.run(sessions.forget_old):
            pass

    def _clean_media(self) -> None:
        if removed := self._tools.media.clean(UNFINISHED_SECONDS):
            log.info("removed %d files that were never finished", removed)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, function)


def _note_end(due: Due, request_id: str, ended: Ended, work: Work) -> None:
    """A word that is not used leaves the generation as it was: it is looked at later, or its time is over."""
    generation = due.generation
    arrival = arriving.arrive(work, generation.id, due.job.attempt, request_id, ended)
    if arrival is Arrival.USED:
        return
    log.info("generation %d: a result that is %s", generation.id, arrival)
    if due.is_over:
        watching.give_up(work, generation.id)
    else:
        watching.saw(work, [sight(generation, request_id, Drawing())])


def _job(generation: Generation, of: Model, submission: Submission | None) -> Job:
    """The job that the provider has taken, as it was told."""
    attempt, memo = (submission.attempt, submission.memo) if submission else (generation.submits, "")
    return steps.job(generation, of, generation.provider or "", attempt, memo)


def _write_all(notes: list[Note], work: Work) -> None:
    for note in notes:
        note(work)


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

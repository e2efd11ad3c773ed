"""The JobQueue on RQ and Redis: hints to workers, wake-ups for fronts, and the workers' own loop."""

import asyncio
import logging
import re
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from uuid import uuid4

from redis import Redis
from redis import asyncio as redis_asyncio
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisIsAway
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import SimpleWorker

from engine.errors import Fault
from engine.ports import Step
from worker.strict import Hint, OneNumber, open_queue, put

log = logging.getLogger(__name__)

CHANNEL = "easel:wakes"
AWAY_SECONDS = 2.0  # how long hints leave Redis alone after a failure
WORKER_TTL = 30
HEARTBEAT_TTL = WORKER_TTL + 60  # what RQ gives a worker's key at each beat
ALIVE_SECONDS = 60  # an idle worker beats every 15 s, a busy one before a job of at most 30 s
QUIET_SECONDS = 15.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
STOPS = (signal.SIGTERM, signal.SIGINT)
ACCOUNT_ID = re.compile(rb"[1-9][0-9]{0,18}")

_advance: Callable[[int], None] | None = None


class WorkerLost(Fault):
    """The worker cannot go on, mostly because Redis went away at a bad moment: start it again."""


class RedisQueue:
    """Hints and wake-ups through Redis. Without Redis each call returns within about two seconds, and at once for the
    two seconds after; the watcher's sweep then finds the row. Never raises for it; safe in threads."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url, seconds=1, retry=Retry(NoBackoff(), 0))
        self._queues = {step: open_queue(self._redis, step) for step in Step}
        self._is_away = False
        self._away_until = 0.0

    def hint(self, step: Step, generation_id: int, number: int) -> None:
        """Tell a worker of this step to look at a generation. `number` makes the hint unique."""
        self._send(lambda: put(self._queues[step], generation_id, number))

    def wake(self, account_id: int) -> None:
        """Tell the fronts that something of this account has changed."""
        self._send(lambda: self._redis.publish(CHANNEL, account_id))

    def backlog(self, step: Step) -> int:
        """How many hints of this step no worker has taken yet; 0 when that cannot be known."""
        if time.monotonic() < self._away_until:
            return 0
        try:
            return self._queues[step].count
        except (RedisError, OSError):
            return 0

    def _send(self, send: Callable[[], object]) -> None:
        if time.monotonic() < self._away_until:
            return
        try:
            send()
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            if not self._is_away:
                log.warning("Redis is away (%s); the watcher will find what is waiting", type(error).__name__)
            self._is_away = True
        else:
            if self._is_away:
                log.warning("Redis is back")
            self._is_away = False


def connect(url: str, seconds: float = 5, retry: Retry | None = None) -> Redis:
    """A client for `redis://`, `rediss://` or `unix://`. Connects at the first use; an answer may take `seconds`, and
    by default three more tries within about a second follow a lost connection. Raises ValueError for another URL."""
    return Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=min(seconds, 2),
        retry=retry or Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 3),
        health_check_interval=30,
    )


async def wakes(url: str) -> AsyncGenerator[int | None, None]:
    """Account ids as they are woken, for ever; None each time that listening begins (again), when some may have been
    missed. Close it with `aclose()`."""
    pause = SHORTEST_PAUSE
    while True:
        try:
            async with aclosing(_listen(url)) as heard:
                async for account_id in heard:
                    pause = SHORTEST_PAUSE
                    yield account_id
        except (RedisError, OSError) as error:
            if pause == SHORTEST_PAUSE:
                log.warning("wake-ups are away (%s)", type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def work(url: str, step: Step, advance: Callable[[int], None]) -> None:
    """Call `advance` with the id of each hint of this step, one after another, until SIGTERM, which lets the one in
    hand finish. Only in a main thread. What `advance` raises is logged, never tried again here.

    Raises WorkerLost when it has to be started anew; while it only waits, it outlives a restart of Redis.
    """
    global _advance
    _advance = advance
    worker: SimpleWorker | None = None
    error: Exception | None = None
    try:
        worker = _worker(connect(url), step)
        worker.work(logging_level="WARNING")  # what goes well is not worth a line
    except (RedisError, OSError) as caught:
        error = caught
    # RQ returns in the same way after a stop and after a failure; only this tells which.
    if worker is None or worker._shutdown_requested_date is None:
        why = type(error).__name__ if error else "its log says why"
        raise WorkerLost(f"the {step} worker cannot go on ({why})") from error


def run(generation_id: int) -> None:
    """What RQ calls for a hint; its name is in `strict.FUNCTION`."""
    assert _advance is not None
    held: list[int] = []
    before = {one: signal.signal(one, lambda number, _: held.append(number)) for one in STOPS}
    try:
        _advance(generation_id)
    except Exception:
        log.exception("advance failed for generation %s", generation_id)
    finally:
        # Held back until here: RQ's handler writes to Redis, and must not break into a step when Redis is away.
        for one in STOPS:
            signal.signal(one, before[one])
        if held:
            signal.raise_signal(held[0])


def workers_alive(redis: Redis, step: Step) -> int:
    """How many workers of this step have given a sign of life within the last minute. Raises RedisError.

    Looks at the workers' own keys, not at RQ's list of them: a Redis that lost everything never gets the list back.
    Measured by the keys' remaining life, so that clocks of other machines don't matter.
    """
    keys = list(redis.scan_iter(match=f"{SimpleWorker.redis_worker_namespace_prefix}{step}-*", count=1000))
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.ttl(key)
        pipeline.hexists(key, "death")
    answers = pipeline.execute()
    lives = zip(answers[::2], answers[1::2], strict=True)
    return sum(ttl > HEARTBEAT_TTL - ALIVE_SECONDS and not is_dead for ttl, is_dead in lives)


def _worker(redis: Redis, step: Step) -> SimpleWorker:
    queue = open_queue(redis, step)
    # A killed worker leaves its hint, and perhaps a lock of fifteen minutes, which would stop or upset the next one.
    redis.delete(queue.intermediate_queue_key, queue.registry_cleaning_key)
    worker = SimpleWorker(
        [queue],
        name=f"{step}-{uuid4().hex}",
        connection=redis,
        job_class=Hint,
        serializer=OneNumber,
        worker_ttl=WORKER_TTL,
        maintenance_interval=15,
        job_monitoring_interval=5,
        log_job_description=False,
    )
    worker.max_connection_wait_time = LONGEST_PAUSE
    return worker


async def _listen(url: str) -> AsyncGenerator[int | None, None]:
    """Until the connection is lost, which raises RedisError or OSError."""
    client = redis_asyncio.Redis.from_url(url, socket_connect_timeout=2, retry=None)
    try:
        async with client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            is_asked = False
            while True:
                message = await pubsub.get_message(timeout=QUIET_SECONDS)
                if message is None and is_asked:
                    raise RedisIsAway("no answer")
                if is_asked := message is None:
                    await pubsub.ping()
                elif message["type"] == "subscribe":
                    yield None
                elif message["type"] == "message" and ACCOUNT_ID.fullmatch(message["data"]):
                    yield int(message["data"])
    finally:
        await client.aclose()

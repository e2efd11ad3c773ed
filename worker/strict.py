"""What may come to a worker through Redis: one number. Whatever else stands there does not exist for us."""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from redis import Redis
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.utils import import_attribute

from engine.ports import Step

log = logging.getLogger(__name__)

FUNCTION = "worker.queue.run"
QUEUES = {step: f"easel-{step}" for step in Step}
JOB_SECONDS = 30
DAY_SECONDS = 24 * 3600
LONGEST_DATA = 64  # bytes of a compressed number, with room; no room for a bomb

_NUMBER = re.compile(rb"[1-9][0-9]{0,18}")
_JOB_ID = re.compile(r"advance-[1-9][0-9]{0,18}-[0-9]{1,19}")
_ORIGINS = {name.encode() for name in QUEUES.values()}


class OneNumber:
    """RQ's serializer: a call of our function with one generation's id is written as that number. Nothing else can
    be written or read."""

    @staticmethod
    def dumps(value: object) -> bytes:
        """Raises ValueError for any other call."""
        if value is None:  # the result that RQ writes with a failed job
            return b""
        match value:
            case (name, None, (int(number),), options) if name == FUNCTION and not options and number > 0:
                return b"%d" % number
        raise ValueError("only a generation's id goes through the queue")

    @staticmethod
    def loads(data: bytes) -> tuple[str, None, tuple[int], dict[str, object]]:
        """Raises ValueError for anything but a number."""
        if not _NUMBER.fullmatch(data):
            raise ValueError("not a generation's id")
        return FUNCTION, None, (int(data),), {}


class Hint(Job):
    """An RQ job of which only the number is read. Its hash may say what it likes of callbacks, webhooks, dependents,
    retries, repeats, groups and times."""

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: object = None) -> Job:
        """Raises NoSuchJobError for what is not ours, which makes RQ pass it over and go on."""
        if not _JOB_ID.fullmatch(id):
            raise _refused(id)
        return super().fetch(id, connection=connection, serializer=OneNumber)

    @classmethod
    def fetch_many(cls, job_ids: Iterable[str], connection: Redis, serializer: object = None) -> list[Job | None]:
        """None of them: RQ asks for many only to start what depends on a job."""
        return [None for _ in job_ids]

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Read the number and the queue, and nothing else. Raises NoSuchJobError."""
        data, origin = raw_data.get(b"data", b""), raw_data.get(b"origin", b"")
        if len(data) > LONGEST_DATA or origin not in _ORIGINS:
            raise _refused(self.id)
        super().restore({b"data": data, b"origin": origin})
        try:
            OneNumber.loads(self.data)
        except ValueError:
            raise _refused(self.id) from None
        self.timeout, self.result_ttl, self.failure_ttl = JOB_SECONDS, 0, DAY_SECONDS

    @property
    def func(self) -> object:
        """Our function, whatever name the data gave."""
        return import_attribute(FUNCTION)

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, status: str, *, exc_string: str | None = None) -> None:
        """To nobody."""

    def _handle_failure(self, exc_string: str, *given: Any, **named: Any) -> None:
        # Only the error's class goes to Redis, never its text or traceback, which may quote a prompt.
        error = sys.exc_info()[0]
        super()._handle_failure(error.__name__ if error else "abandoned", *given, **named)


def open_queue(redis: Redis, step: Step) -> Queue:
    """The queue of one step. A worker listens on one only: RQ loses jobs of several."""
    return Queue(QUEUES[step], connection=redis, job_class=Hint, serializer=OneNumber, default_timeout=JOB_SECONDS)


def put(queue: Queue, generation_id: int, number: int) -> None:
    """Put a hint into the queue, unless one with this number is there. Raises RedisError."""
    with suppress(DuplicateJobError):
        queue.enqueue_call(
            FUNCTION,
            args=(generation_id,),
            timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=DAY_SECONDS,
            ttl=DAY_SECONDS,
            job_id=f"advance-{generation_id}-{number}",
            unique=True,
        )


def _refused(job_id: str) -> NoSuchJobError:
    log.warning("passed over a job that is not ours: %.60r", job_id)
    return NoSuchJobError("not ours")

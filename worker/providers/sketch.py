"""The provider that needs no key: paints a labelled demo picture itself, and can be told to misbehave."""

import re
import secrets
import struct
import time
import zlib
from dataclasses import dataclass
from enum import StrEnum

from engine.ports import Done, Drawing, Failed, Job, Output, Progress, ProviderTrouble, Taken, Trouble, Waiting
from worker.providers.painting import paint

REQUEST = re.compile(r"sketch-(\d+)-(\d+)-([a-z-]+)-[0-9a-f]+")
CRAWL = 10
PLACES = ((0.1, 3), (0.2, 2), (0.3, 1))
"""Until which part of the time it stands where in the queue."""
BOMB_SIDE = 12_000


class Mishap(StrEnum):
    """What can go wrong. In brackets, as in `a fox [crawl]`, a prompt asks for it, though never in production."""

    NONE = "none"
    FAIL = "fail"
    REFUSE = "refuse"
    CRAWL = "crawl"
    SILENT = "silent"  # submitted, and never ready
    TWICE = "twice"  # one picture more than was asked for
    BROKEN = "broken"
    FLAGGED = "flagged"
    BOMB = "bomb"
    WRONG_TYPE = "wrong-type"
    EMPTY = "empty"  # ready, without any picture
    UNKNOWN = "unknown"  # nobody knows whether the first submit arrived
    RETRY = "retry"  # the first submit fails, a second would not
    SLOW_SUBMIT = "slow-submit"


@dataclass(frozen=True)
class _Told:
    """What a request id says: moments in microseconds since 1970."""

    started: int
    lasts: int
    mishap: Mishap

    @property
    def share(self) -> float:
        """How much of its time has passed; above 1 it is over."""
        return (_now() - self.started) / max(1, self.lasts)

    @property
    def seconds_left(self) -> float | None:
        """Until it is over, when that can be said."""
        return max(0, self.started + self.lasts - _now()) / 1e6 if self.mishap is not Mishap.SILENT else None


class Sketch:
    """Keeps nothing: the request id tells whichever process asks when it began, how long it takes, what goes wrong.

    `mishap` befalls every picture; "" is none.
    """

    name = "sketch"
    tells = False

    def __init__(self, seconds: float, mishap: str, is_production: bool) -> None:
        self._seconds = seconds
        self._mishap = Mishap(mishap or Mishap.NONE)
        self._is_production = is_production

    def submit(self, job: Job) -> Taken:
        """Raises ProviderTrouble."""
        mishap = self._mishap_of(job)
        if mishap is Mishap.SLOW_SUBMIT:
            time.sleep(self._seconds)
        if job.attempt == 1 and mishap is Mishap.UNKNOWN:
            raise ProviderTrouble(Trouble.UNKNOWN, is_permanent=False, detail="sketch: no answer, as asked")
        if job.attempt == 1 and mishap is Mishap.RETRY:
            raise ProviderTrouble(Trouble.PROVIDER, is_permanent=False, detail="sketch: busy, as asked")
        seconds = self._seconds * (CRAWL if mishap is Mishap.CRAWL else 1)
        return Taken(f"sketch-{_now()}-{int(seconds * 1000)}-{mishap}-{secrets.token_hex(4)}")

    async def look(self, job: Job) -> Progress:
        """How far it is by the wall clock."""
        told = _read(job.request_id)
        if told is None:
            return Failed(Trouble.PROVIDER, is_permanent=True, detail=f"sketch: no request {job.request_id}")
        for until, place in PLACES:
            if told.share < until:
                return Waiting(place)
        if told.share < 1 or told.mishap is Mishap.SILENT:
            return Drawing(told.seconds_left)
        if told.mishap is Mishap.FAIL:
            return Failed(Trouble.PROVIDER, is_permanent=True, detail="sketch: failed, as asked")
        if told.mishap is Mishap.REFUSE:
            return Failed(Trouble.REFUSED, is_permanent=True, detail="sketch: refused, as asked")
        count = {Mishap.EMPTY: 0, Mishap.TWICE: job.pictures + 1}.get(told.mishap, job.pictures)
        urls = [f"sketch:{job.request_id}/{number}" for number in range(count)]
        return Done(tuple(Output(url, is_flagged=told.mishap is Mishap.FLAGGED) for url in urls))

    def fetch(self, job: Job, output: Output) -> bytes:
        """A JPEG, or what the mishap makes of it. Raises ProviderTrouble for what is no output of this job."""
        start, _, number = output.url.rpartition("/")
        told = _read(job.request_id)
        if told is None or start != f"sketch:{job.request_id}" or not number.isdecimal():
            raise ProviderTrouble(Trouble.PROVIDER, is_permanent=True, detail=f"sketch: {output.url} is not ours")
        mishap = told.mishap
        if mishap is Mishap.BOMB:
            return _bomb()
        if mishap is Mishap.WRONG_TYPE:
            return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        picture = paint(job.prompt, job.model_id, job.seed + int(number), job.size)
        return picture[: len(picture) // 2] if mishap is Mishap.BROKEN else picture

    def cancel(self, job: Job) -> None:
        """Nothing to stop: nothing is painted before it is fetched."""

    def _mishap_of(self, job: Job) -> Mishap:
        if not self._is_production:
            for mishap in Mishap:
                if f"[{mishap}]" in job.prompt.lower():
                    return mishap
        return self._mishap


def _read(request_id: str | None) -> _Told | None:
    found = REQUEST.fullmatch(request_id or "")
    if not found or found[3] not in tuple(Mishap):
        return None
    return _Told(int(found[1]), int(found[2]) * 1000, Mishap(found[3]))


def _now() -> int:
    return time.time_ns() // 1_000


def _bomb() -> bytes:
    """A few kB of PNG that want 144 million pixels."""
    rows = zlib.compress(bytes(BOMB_SIDE * (BOMB_SIDE // 8 + 1)), 9)
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )

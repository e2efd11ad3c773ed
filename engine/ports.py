"""What the engine's callers hand to each other across folders, as plain shapes and Protocols; wiring fills them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from engine.errors import Fault


class Step(StrEnum):
    """The two queues of workers: hand a generation to its provider, or fetch and store its pictures."""

    SUBMIT = "submit"
    FINISH = "finish"


class JobQueue(Protocol):
    """Hints and wake-ups. Losing them costs seconds, never work: the rows decide."""

    def hint(self, step: Step, generation_id: int, number: int) -> None:
        """Tell a worker of this step to look at a generation. `number` makes the hint unique."""

    def wake(self, account_id: int) -> None:
        """Tell the fronts that something of this account has changed."""


@dataclass(frozen=True)
class Job:
    """What a provider is told of a generation. `request_id` is the provider's own id, once there is one."""

    generation_id: int
    attempt: int
    model_id: str
    endpoint: str
    prompt: str
    size: str | None
    seed: int
    pictures: int
    timeout_seconds: int
    request_id: str | None = None


@dataclass(frozen=True)
class Output:
    """One picture that a provider has made: where it is, and whether the provider calls it unsafe."""

    url: str
    is_flagged: bool = False


@dataclass(frozen=True)
class Waiting:
    """Not begun: `place` in the provider's queue, when it says so (1 is next)."""

    place: int | None = None


@dataclass(frozen=True)
class Drawing:
    """Begun; a cancel comes too late. `seconds_left` when the provider says so."""

    seconds_left: float | None = None


@dataclass(frozen=True)
class Done:
    """Made: what there is to fetch."""

    outputs: tuple[Output, ...]


Progress = Waiting | Drawing | Done


class Trouble(StrEnum):
    """Why a generation has failed, as the user is told. `UNKNOWN`: the request left, no answer came."""

    REFUSED = "refused"  # by the provider's content rules
    PROVIDER = "provider"  # an error of the provider
    UNKNOWN = "unknown"
    TOO_LATE = "too_late"
    BROKEN_PICTURE = "broken_picture"
    STORAGE = "storage"  # the picture could not be kept
    BANNED = "banned"


class ProviderTrouble(Exception):
    """A provider's error in our words.

    `is_permanent`: asking again will not help. `trouble` UNKNOWN: nobody knows whether the request was taken.
    `detail` is for the log and for operators, never for users.
    """

    def __init__(self, trouble: Trouble, *, is_permanent: bool, detail: str = "") -> None:
        super().__init__(f"{trouble}: {detail}")
        self.trouble = trouble
        self.is_permanent = is_permanent
        self.detail = detail


class ImageProvider(Protocol):
    """Makes pictures somewhere else. Each method ends within its deadline and raises only ProviderTrouble."""

    name: str

    def submit(self, job: Job) -> str:
        """Ask for the pictures; the provider's request id. Never repeated by itself."""

    async def look(self, job: Job) -> Progress:
        """How far it is. Raises ProviderTrouble when it has failed, or cannot be asked now (not permanent)."""

    def fetch(self, job: Job, output: Output) -> bytes:
        """The bytes of one picture as they came, at most 20 MB within 15 seconds."""

    def cancel(self, job: Job) -> None:
        """Ask to stop; harmless when it is too late."""


class NoSuchMedia(Fault):
    """There is nothing under this key."""


class MediaStore(Protocol):
    """Keeps pictures. Keys are relative paths such as `generations/7/0.jpg`; a key is written again with the same."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep it: all of it, or nothing. Raises OSError."""

    def get(self, key: str) -> bytes:
        """Raises NoSuchMedia."""

    def delete(self, keys: Sequence[str]) -> None:
        """Forget them; what is not there is no error."""

    def link(self, key: str, filename: str | None = None) -> str:
        """An address that anyone who has it may read for an hour; `filename` makes a browser save it."""

    def clean(self, older_than_seconds: float) -> int:
        """Remove what a crash left half written; how many there were. Cheap, whatever there is."""

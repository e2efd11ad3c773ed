"""What the engine's callers hand to each other across folders, as plain shapes and Protocols; wiring fills them in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

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

    def backlog(self, step: Step) -> int:
        """How many hints of this step no worker has taken yet; 0 when that cannot be known."""


@dataclass(frozen=True)
class Job:
    """What a provider is told of a generation, this `attempt` of it.

    `input` and `output` name the shapes that the model's endpoint takes and gives; `takes_seed`: whether it has a seed.
    `start_seconds` is the longest wait in the provider's queue. `cost_microdollars` is what a `cost_unit` costs us.
    `webhook_url` is where the provider may tell us, if it can. `request_id` is the provider's own id and `memo` what it
    wants to be told again, once it has taken the job.
    """

    provider: str
    generation_id: int
    attempt: int
    model_id: str
    endpoint: str
    input: str
    output: str
    prompt: str
    size: str | None
    seed: int
    takes_seed: bool
    pictures: int
    start_seconds: int
    cost_microdollars: int
    cost_unit: str
    webhook_url: str | None = None
    request_id: str | None = None
    memo: str = ""


@dataclass(frozen=True)
class Taken:
    """A provider has taken a job: its id there, and what the provider wants to be told again with it."""

    request_id: str
    memo: str = ""


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


class Trouble(StrEnum):
    """Why a generation has failed, as the user is told. `UNKNOWN`: the request left, no answer came."""

    REFUSED = "refused"  # by the provider's content rules
    UNFIT = "unfit"  # the model does not take this prompt, size or seed
    PROVIDER = "provider"  # an error of the provider
    UNKNOWN = "unknown"
    TOO_LATE = "too_late"
    BROKEN_PICTURE = "broken_picture"
    STORAGE = "storage"  # the picture could not be kept
    BANNED = "banned"


@dataclass(frozen=True)
class Done:
    """Made: what there is to fetch, and what it cost us."""

    outputs: tuple[Output, ...]
    cost_microdollars: int = 0


@dataclass(frozen=True)
class Failed:
    """Ended without a picture. `is_permanent`: asking anew will not help. `detail` is never for users."""

    trouble: Trouble
    is_permanent: bool
    detail: str = ""
    cost_microdollars: int = 0


Ended = Done | Failed
Progress = Waiting | Drawing | Ended


class ProviderTrouble(Exception):
    """A provider's error in our words.

    `is_permanent`: asking again will not help. `trouble` UNKNOWN: nobody knows whether the request was taken.
    `is_ours`: our key or our money is not good there. `has_answered`: the provider itself says what it is.
    `wait_seconds`: it wants to be left alone for so long.
    `detail` is for the log and for operators, never for users.
    """

    def __init__(
        self,
        trouble: Trouble,
        *,
        is_permanent: bool,
        detail: str = "",
        is_ours: bool = False,
        has_answered: bool = False,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{trouble}: {detail}")
        self.trouble = trouble
        self.is_permanent = is_permanent
        self.detail = detail
        self.is_ours = is_ours
        self.has_answered = has_answered
        self.wait_seconds = wait_seconds


class ImageProvider(Protocol):
    """Makes pictures somewhere else. Each method ends within its deadline and raises only ProviderTrouble."""

    name: str
    tells: bool
    """Whether it calls a job's webhook when it has ended."""

    def submit(self, job: Job) -> Taken:
        """Ask for the pictures. Never repeated by itself."""

    async def look(self, job: Job) -> Progress:
        """How far it is, or how it ended. Raises ProviderTrouble when that cannot be known now."""

    def fetch(self, job: Job, output: Output) -> bytes:
        """The bytes of one picture as they came, at most 20 MB within 15 seconds."""

    def cancel(self, job: Job) -> None:
        """Ask to stop; harmless when it is too late."""


@dataclass(frozen=True)
class Message:
    """What a provider has told us by a webhook, and it was really that provider."""

    request_id: str
    content: Mapping[str, Any]


class NotTrusted(Fault):
    """A webhook that its provider has not signed, or not lately."""


class KeysAway(Fault):
    """The provider's keys cannot be had now, so nobody knows whether to believe it."""


class WebhookReceiver(Protocol):
    """Reads the webhooks of one provider."""

    def check(self, headers: Mapping[str, str], body: bytes) -> Message:
        """Headers by lower-case name. Raises NotTrusted, KeysAway, or ValueError for what cannot be read."""

    def result(self, message: Message, job: Job) -> Ended | None:
        """How it has ended; None when that has to be asked, because the message does not tell all of it.

        Raises ValueError for what cannot be read.
        """


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

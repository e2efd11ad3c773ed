"""What the simulated fal knows: its settings, which tests may change while it runs, and every request it took."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.fal_http import Answer
from tests.simulators.fal_log import Journal
from tests.simulators.fal_models import root
from tests.simulators.fal_signing import Signer


@dataclass(slots=True)
class Job:
    """A request in the queue. `state` is "queued", "drawing" or "done"; when done, `result` is what its URL answers."""

    id: str
    endpoint: str
    arguments: dict[str, Any]
    webhook: str | None
    mishaps: tuple[str, ...]
    seed: int
    wait: float  # seconds in the queue
    draw: float  # and of drawing, after it
    taken: float  # the loop's time
    state: str = "queued"
    error: str | None = None
    error_type: str | None = None
    result: Answer | None = None
    payload: Any = None
    timer: asyncio.TimerHandle | None = None
    struck: set[str] = field(default_factory=set)  # the "once" mishaps that happened already

    def has(self, name: str) -> bool:
        """Whether it suffers from this mishap."""
        return name in self.mishaps

    def strikes_once(self, name: str) -> bool:
        """Whether it suffers from this mishap now, and has not before."""
        if name not in self.mishaps or name in self.struck:
            return False
        self.struck.add(name)
        return True

    @property
    def root(self) -> str:
        return root(self.endpoint)


@dataclass
class State:
    """The whole simulator."""

    url: str
    journal: Journal
    seconds: float
    seed: int
    odds: float
    among: tuple[str, ...]
    is_plain: bool
    signer: Signer = field(default_factory=Signer)
    is_down: bool = False
    has_webhooks: bool = True
    has_keys: bool = True  # whether the list of keys is served
    jobs: dict[str, Job] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)  # by prompt
    microdollars: int = 0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def start(self, coroutine: Any) -> None:
        """Run it beside everything else, and hold it until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

"""What the steps of a worker and the watcher need from outside, handed over by wiring."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.database import Database
from engine.ports import ImageProvider, MediaStore
from worker.callbacks import Callbacks


@dataclass(frozen=True)
class Tools:
    """`providers` by name; `callbacks` when providers can reach us."""

    database: Database
    providers: Mapping[str, ImageProvider]
    media: MediaStore
    callbacks: Callbacks | None = None

    def tells(self, provider: str) -> bool:
        """Whether this provider says by itself that it is done."""
        return self.callbacks is not None and provider in self.providers and self.providers[provider].tells

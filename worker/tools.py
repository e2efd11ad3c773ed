"""What the steps of a worker and the watcher need from outside, handed over by wiring."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.database import Database
from engine.ports import ImageProvider, MediaStore


@dataclass(frozen=True)
class Tools:
    """`providers` by name, in the order in which new generations are offered to them."""

    database: Database
    providers: Mapping[str, ImageProvider]
    media: MediaStore

    @property
    def first(self) -> ImageProvider:
        """The provider that new generations go to."""
        return next(iter(self.providers.values()))

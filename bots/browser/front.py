"""What the browser front stands on. Wiring builds one and hands it to `routes.router`."""

import asyncio
from dataclasses import dataclass, field

from bots.browser.bells import Bells
from bots.browser.seats import Seats
from bots.browser.threads import Threads
from engine.database import Database
from engine.ports import MediaStore
from engine.settings import Settings

SAYING, LOOKING = 8, 4
"""Threads for commands, and for streams and pages: neither can starve the other."""
MOST_SAYING, MOST_LOOKING = 100, 1000


@dataclass(frozen=True)
class Front:
    """Built on the event loop's thread. Whoever serves it rings `bells`, sets `stopping`, and calls `close`."""

    database: Database
    settings: Settings
    media: MediaStore
    bells: Bells = field(default_factory=Bells)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    seats: Seats = field(default_factory=Seats)
    saying: Threads = field(default_factory=lambda: Threads("say", SAYING, MOST_SAYING))
    looking: Threads = field(default_factory=lambda: Threads("look", LOOKING, MOST_LOOKING))

    def close(self) -> None:
        """Wait for what runs, after the server has stopped."""
        self.saying.close()
        self.looking.close()

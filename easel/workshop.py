"""What workers and the watcher need, from the settings. Apart from wiring.py: the web and the bots import no Pillow."""

import time
from collections.abc import Callable

from easel.wiring import BEAT_KEY, media
from engine.database import Database
from engine.ports import ImageProvider
from engine.settings import Settings
from worker.chores import cancel_at_provider, delete_media
from worker.providers.sketch import Sketch
from worker.queue import connect
from worker.tools import Tools

TASKS = {"cancel_at_provider": cancel_at_provider, "delete_media": delete_media}
"""Every kind of task that the engine writes, and who does it."""

BEAT_SECONDS = 3
BEAT_LIVES = 15


def tools(here: Database) -> Tools:
    """What workers and the watcher work with."""
    return Tools(here, providers(here.settings), media(here.settings))


def providers(settings: Settings) -> dict[str, ImageProvider]:
    """Who makes the pictures, in the order of the settings."""
    sketch = Sketch(settings.sketch_seconds, settings.sketch_mishap, settings.env == "production")
    return {provider.name: provider for provider in (sketch,) if provider.name in settings.providers}


def beat(redis_url: str) -> Callable[[], None]:
    """A function that leaves a sign of life of the watcher, every few seconds however often it is called."""
    redis, last = connect(redis_url, seconds=1), 0.0

    def leave() -> None:
        nonlocal last
        if time.monotonic() - last > BEAT_SECONDS:
            last = time.monotonic()
            redis.set(BEAT_KEY, "1", ex=BEAT_LIVES)

    return leave

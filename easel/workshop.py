"""What workers and the watcher need, from the settings. Apart from wiring.py: the web and the bots import no Pillow."""

import time
from collections.abc import Callable

from easel.wiring import BEAT_KEY, callbacks, media
from engine.database import Database
from engine.ports import ImageProvider
from engine.settings import Settings
from worker.chores import close_at_provider, delete_media
from worker.providers.sketch import Sketch
from worker.queue import connect
from worker.tools import Tools

TASKS = {"close_at_provider": close_at_provider, "delete_media": delete_media}
"""Every kind of task that the engine writes, and who does it."""

BEAT_SECONDS = 3
BEAT_LIVES = 15


def tools(here: Database) -> Tools:
    """What workers and the watcher work with."""
    return Tools(here, providers(here.settings), media(here.settings), callbacks(here.settings))


def providers(settings: Settings) -> dict[str, ImageProvider]:
    """Who makes the pictures, of those that the settings name."""
    return {name: MAKE[name](settings) for name in settings.drawing}


def _sketch(settings: Settings) -> ImageProvider:
    return Sketch(settings.sketch_seconds, settings.sketch_mishap, settings.env == "production")


def _fal(settings: Settings) -> ImageProvider:
    from worker.providers.fal import Fal  # its libraries are heavy, and who only has sketch needs none of them

    return Fal(settings)


MAKE: dict[str, Callable[[Settings], ImageProvider]] = {"fal": _fal, "sketch": _sketch}
"""Every provider there is."""


def beat(redis_url: str) -> Callable[[], None]:
    """A function that leaves a sign of life of the watcher, every few seconds however often it is called."""
    redis, last = connect(redis_url, seconds=1), 0.0

    def leave() -> None:
        nonlocal last
        if time.monotonic() - last > BEAT_SECONDS:
            last = time.monotonic()
            redis.set(BEAT_KEY, "1", ex=BEAT_LIVES)

    return leave

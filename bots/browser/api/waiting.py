"""Waiting for a generation to end: without a thread, without a session, and not too many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bots.browser.front import Front
from engine import generations
from engine.errors import Busy
from engine.generations import Generation

LOOK_EVERY = 0.5
"""Seconds between looks; a wake-up makes one at once."""
MOST = 64


class Waiting:
    """Everybody who waits in this process. Used on one event loop only."""

    def __init__(self, front: Front, most: int = MOST) -> None:
        self._front, self._most, self._count = front, most, 0

    async def for_end(self, generation: Generation, seconds: float, is_gone: Callable[[], Awaitable[bool]]) -> bool:
        """Come back when it has ended, the time is up, the server stops or the client is gone.

        False, at once, when too many wait already.
        """
        if self._count >= self._most:
            return False
        self._count += 1
        try:
            await self._wait(generation, seconds, is_gone)
        finally:
            self._count -= 1
        return True

    async def _wait(self, generation: Generation, seconds: float, is_gone: Callable[[], Awaitable[bool]]) -> None:
        now = asyncio.get_running_loop().time
        until = now() + seconds
        with self._front.bells.listen(generation.account_id) as heard:
            while not self._front.stopping.is_set() and now() < until and not await is_gone():
                heard.clear()  # before the look: a ring during it is not lost
                if not await self._is_open(generation.id):
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), min(LOOK_EVERY, max(0, until - now())))

    async def _is_open(self, generation_id: int) -> bool:
        def look() -> bool:
            with self._front.database.read() as work:
                return generations.get(work, generation_id).is_open

        try:
            return await self._front.looking.run(look)
        except Busy:
            return True

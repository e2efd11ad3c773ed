"""Where async code crosses over to the synchronous engine: threads of its own, and a bound on who waits for one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from engine.errors import Busy

T = TypeVar("T")


class Threads:
    """At most so many calls at once, and so many more in line. Used on one event loop only."""

    def __init__(self, name: str, threads: int, most_waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, name)
        self._most = threads + most_waiting
        self._count = 0

    async def run(self, function: Callable[[], T]) -> T:
        """The function's result. Raises Busy when too many wait, and whatever the function raises.

        The function runs to its end even if nobody waits for it any more.
        """
        if self._count >= self._most:
            raise Busy()
        self._count += 1
        call = asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, function)
        call.add_done_callback(self._leave)
        return await asyncio.shield(call)

    def close(self) -> None:
        """Let what runs come to its end; nothing new starts."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _leave(self, call: "asyncio.Future[T]") -> None:
        self._count -= 1
        if not call.cancelled():
            call.exception()  # heard, also when the caller has gone: otherwise asyncio complains about it

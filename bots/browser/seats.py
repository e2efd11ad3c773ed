"""How many streams there are: few for one visitor, where the newest wins, and not too many in all."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

OF_ONE_VISITOR = 3
IN_ALL = 1500  # below the connections that the server takes at all: pages and answers come through as well


class Seats:
    """The open streams of this process. Used on one event loop only."""

    def __init__(self, of_one_visitor: int = OF_ONE_VISITOR, in_all: int = IN_ALL) -> None:
        self._of_one_visitor, self._in_all = of_one_visitor, in_all
        self._taken: dict[str, list[asyncio.Event]] = {}
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Nobody else can sit down."""
        return self._count >= self._in_all

    @contextmanager
    def take(self, visitor: str) -> Iterator[asyncio.Event]:
        """A seat; the event is set when it has to be given up to a newer stream of the same visitor."""
        leave = asyncio.Event()
        mine = self._taken.setdefault(visitor, [])
        mine.append(leave)
        self._count += 1
        for older in mine[: -self._of_one_visitor]:
            older.set()
        try:
            yield leave
        finally:
            self._count -= 1
            mine.remove(leave)
            if not mine and self._taken.get(visitor) is mine:
                del self._taken[visitor]

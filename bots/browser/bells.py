"""Wakes whoever waits for an account in this process. Wiring rings for each wake-up that comes over Redis."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Bells:
    """One bell an account. Used on one event loop only; a ring that nobody hears is no loss, the rows decide."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[asyncio.Event]] = defaultdict(set)

    def ring(self, account_id: int) -> None:
        """Something of this account has changed."""
        for heard in self._waiting.get(account_id, ()):
            heard.set()

    @contextmanager
    def listen(self, account_id: int) -> Iterator[asyncio.Event]:
        """An event that each ring sets; the listener clears it before it looks."""
        heard = asyncio.Event()
        self._waiting[account_id].add(heard)
        try:
            yield heard
        finally:
            self._waiting[account_id].discard(heard)
            if not self._waiting[account_id]:
                del self._waiting[account_id]

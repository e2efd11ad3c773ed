"""Asking a provider how far a generation is, whatever the provider does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from engine.generations import Generation
from engine.generations.watching import Sight
from engine.ports import Drawing, ImageProvider, Job, Progress, ProviderTrouble, Waiting

log = logging.getLogger(__name__)

LONGEST_LOOK, LAST_LOOK = 15.0, 5.0
"""Seconds that an answer may take; when the generation's time is over anyway, not so long."""

SOONEST, LATEST = 0.5, 10.0
SHARE, SHARE_WHEN_TOLD = 0.25, 1.0
FARTHEST_PLACE = 1_000_000


async def look(
    provider: ImageProvider, generation: Generation, job: Job, is_last: bool, alarm: Callable[[str], Awaitable[None]]
) -> Progress:
    """How far it is, or how it has ended. What cannot be known now is as it was before; `alarm` is told when the
    provider does not take our key any more."""
    try:
        async with asyncio.timeout(LAST_LOOK if is_last else LONGEST_LOOK):
            return await provider.look(job)
    except ProviderTrouble as error:
        log.warning("look: %s", error)
        if error.is_ours:
            await alarm(error.detail)
    except TimeoutError:
        log.warning("look: %s gave no answer in time", provider.name)
    except Exception:  # nothing that a provider's file does wrong may keep a generation from its end
        log.exception("look: %s", provider.name)
    return Waiting(generation.place) if generation.began_at is None else Drawing()


def sight(generation: Generation, request_id: str, progress: Waiting | Drawing, tells: bool = False) -> Sight:
    """What is written down of it, and when to look again: a provider that `tells` us by itself is asked less often."""
    if isinstance(progress, Drawing):
        return Sight(generation.id, request_id, None, True, _spacing(generation, progress.seconds_left, tells))
    place = None if progress.place is None else min(max(progress.place, 1), FARTHEST_PLACE)
    return Sight(generation.id, request_id, place, False, _spacing(generation, None, tells))


def _spacing(generation: Generation, seconds_left: float | None, tells: bool) -> timedelta:
    """When the provider says it will be done, else after a part of the time it took so far."""
    if seconds_left is None:
        begun = generation.submitted_at or generation.changed_at
        seconds_left = (datetime.now(UTC) - begun).total_seconds() * (SHARE_WHEN_TOLD if tells else SHARE)
    return timedelta(seconds=min(max(seconds_left, SOONEST), LATEST))

"""The worker's tasks: what has to be done outside after a generation has ended."""

from datetime import timedelta

from engine.catalog import model
from engine.errors import NotFound
from engine.generations import get, steps
from worker.advance import media_keys
from worker.tools import Tools

NO_USE_AFTER = timedelta(hours=1)


def cancel_at_provider(tools: Tools, key: str) -> None:
    """Ask the provider to stop with a generation that nobody waits for; too late is no error, and soon no use."""
    with tools.database.read() as work:
        try:
            generation = get(work, int(key))
        except NotFound:
            return
        job = steps.job(generation, model(work, generation.model_id))
        if generation.ended_at is not None and work.now() - generation.ended_at > NO_USE_AFTER:
            return
    provider = tools.providers.get(generation.provider or "")
    if provider is not None and generation.request_id:
        provider.cancel(job)


def delete_media(tools: Tools, key: str) -> None:
    """Delete whatever the store holds of a generation."""
    tools.media.delete(media_keys(int(key)))

"""A real Redis for the workers' tests."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis

from tests.valkey import Valkey, valkey


@pytest.fixture(autouse=True)
def soon_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's silence about what nobody waits for ends after a second, not after an hour."""
    monkeypatch.setattr("worker.chores.KEPT_FOR", timedelta(seconds=1))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One server for the whole run."""
    with valkey(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Valkey) -> str:
    """The address of a Redis with nothing in it."""
    with Redis.from_url(redis_server.url) as redis:
        redis.flushall()
    return redis_server.url

"""A quick simulated fal for a file of tests, and those who ask it."""

import fal_client
import fal_client.client
import httpx2
import pytest

from tests.simulators.fal_process import fal_simulator


@pytest.fixture(scope="module")
def quick_fal(tmp_path_factory):
    """One simulator for the file: a life of 0.1 s, one small picture for all."""
    with fal_simulator(tmp_path_factory.mktemp("fal"), seconds=0.1, plain=True) as fal:
        yield fal


@pytest.fixture
def fal(quick_fal):
    """The quick simulator, healthy again after each test."""
    yield quick_fal
    quick_fal.control(jwks="ok", webhooks="on", odds=0, seconds=0.1, down=False)


@pytest.fixture(scope="module")
def http():
    """A client of HTTP with the right key."""
    with httpx2.Client(headers={"Authorization": "Key a-key"}, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def client(fal, monkeypatch):
    """fal's own client, pointed at the simulator."""
    monkeypatch.setattr(fal_client.client, "QUEUE_URL_FORMAT", f"{fal.url}/")
    made = fal_client.SyncClient(key="a-key")
    yield made
    made._client.close()

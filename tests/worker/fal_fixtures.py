"""The simulated fal for the tests of its adapter, and the adapter on it."""

import pytest

from tests.simulators.fal_process import fal_simulator
from tests.worker.fal_asking import adapter


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """fal, in which a picture takes 0.2 s."""
    with fal_simulator(tmp_path_factory.mktemp("fal"), seconds=0.2, plain=True) as running:
        yield running


@pytest.fixture(scope="module")
def fal(simulator):
    return adapter(simulator.url)

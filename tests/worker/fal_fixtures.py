"""The simulated fal for the tests of its adapter."""

import pytest

from tests.simulators.fal_process import fal_simulator


@pytest.fixture(scope="module")
def simulated_fal(tmp_path_factory):
    """fal, in which a picture takes 0.2 s."""
    with fal_simulator(tmp_path_factory.mktemp("fal"), seconds=0.2, plain=True) as running:
        yield running

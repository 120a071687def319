"""Settings of the whole suite."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from elman.network import CELLS, register_cell
from tests.own_cell import Softsign

# How fast examples are drawn says something of the machine and its neighbours, and nothing of elman.
settings.register_profile("elman", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("elman")


@pytest.fixture
def softsign() -> Iterator[str]:
    """The name of a cell that is in the registry for one test only."""
    yield register_cell(Softsign()).name
    CELLS.pop(Softsign.name)

"""Settings of the whole suite."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Tests run in several processes side by side, whose threads of BLAS would wait for one another. It reads
# these when NumPy is loaded, and so they stand before what loads it.
for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from elman.network import CELLS, register_cell  # noqa: E402
from tests.own_cell import Softsign  # noqa: E402

# How fast examples are drawn says something of the machine and its neighbours, and nothing of elman.
settings.register_profile("elman", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("elman")


@pytest.fixture
def softsign() -> Iterator[str]:
    """The name of a cell that is in the registry for one test only."""
    yield register_cell(Softsign()).name
    CELLS.pop(Softsign.name)

"""Engines of MPI, without which some tests are left out."""

from __future__ import annotations

import pytest

from elman.errors import ConfigError
from elman.ranks.launch import engine


def require_engine() -> str:
    """Return the path of ``mpiexec``; skip the module that calls where there is none, or no mpi4py.

    An engine is no Python package, and may be absent where mpi4py is not.
    """
    try:
        return engine()
    except ConfigError as error:
        pytest.skip(str(error), allow_module_level=True)

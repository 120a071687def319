"""Which rank this process is, by what its launcher says."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

from elman.errors import ConfigError
from elman.ranks.base import Alone, Ranks

SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")
"""Where launchers say how many they started: of Open MPI, of MPICH and Intel MPI, of Slurm."""


def started_together() -> int:
    """Return how many processes the launcher says that it started; 1 where there was none."""
    for name in SIZES:
        number = os.environ.get(name, "")
        if number.isdigit() and int(number) > 1:
            return int(number)
    return 1


@cache
def here() -> Ranks:
    """Return who this process is among those that were started together.

    Returns
    -------
    Ranks
        `Alone` where no launcher of MPI started it, without loading mpi4py.

    Raises
    ------
    ConfigError
        If there was a launcher, and mpi4py is not installed or is of another MPI than that.
    """
    expected = started_together()
    if expected == 1:
        return Alone()
    if find_spec("mpi4py") is None:
        raise ConfigError(
            f"{expected} processes were started together, but mpi4py is not installed: pip install elman[mpi]"
        )
    from elman.ranks.mpi import MpiRanks

    try:
        ranks = MpiRanks()
    except (ImportError, RuntimeError) as error:
        raise ConfigError(f"MPI cannot be loaded ({error}): see docs/guide/distributed.md") from error
    if ranks.size == 1:
        raise ConfigError(
            f"{expected} processes were started together, but mpi4py sees each by itself: it was made for "
            "another MPI than this launcher's; start with the mpiexec of the same"
        )
    return ranks

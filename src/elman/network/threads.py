"""How many threads there can be, and BLAS kept to one of them."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loaded when it is needed
    from threadpoolctl import ThreadpoolController


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_thread() -> AbstractContextManager[object]:
    """Return what keeps BLAS to one thread while it is entered.

    Rows that are split over threads of ours beat small products that are split, and products of few rows are
    small. Finding the libraries takes milliseconds, and is done once; entering takes microseconds.
    """
    limit: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limit


@cache
def _libraries() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

"""Averages of the parameters over the steps of training, and when they begin.

Averaged SGD (Polyak and Juditsky, 1992) trains as ever, and answers with the mean of the parameters that it
went through. Merity, Keskar and Socher (2018), Regularizing and optimizing LSTM language models, ICLR,
algorithm 1, begin to average where the validation loss says that plain steps have come to their end. Averaged
are the parameters of that moment, and those after every update that follows; the optimiser is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elman.training.flat import flat_full
from elman.typing import Floats, Params


def triggered(losses: Sequence[float], n: int) -> bool:
    """Say whether averaging begins: the last loss is worse than the best of those before the `n` before it.

    Parameters
    ----------
    losses : sequence of float
        Validation losses, in the order of the evaluations.
    n : int
        How many evaluations may pass without progress.

    Examples
    --------
    >>> triggered([3.0, 2.0, 2.5, 2.4], n=2)  # 2.4 beside the best of 3.0 alone
    False
    >>> triggered([3.0, 2.0, 2.5, 2.4, 2.3], n=2)
    True
    """
    before = losses[: max(0, len(losses) - 1 - n)]
    return bool(before) and losses[-1] > min(before)


def new_average(params: Mapping[str, Floats]) -> Params:
    """Return arrays for the averages, laid out as the parameters are; nothing is in them yet."""
    return flat_full(params, 0.0)


def begin_average(average: Params, params: Mapping[str, Floats]) -> None:
    """Let the averages begin with the parameters as they are, of every name."""
    for name, array in params.items():
        np.copyto(average[name], array)


def add_to_average(average: Floats, params: Floats, weight: float, scratch: Floats) -> None:
    """Move a block of the averages towards the parameters by `weight`: one over how many they then are of."""
    np.subtract(params, average, out=scratch)
    scratch *= weight
    average += scratch

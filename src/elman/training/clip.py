"""The length of all gradients together, measured and limited."""

import math
from collections.abc import Mapping

import numpy as np

from elman.network.functional import squares
from elman.training._checks import real
from elman.training.flat import flat_copy, flat_view
from elman.typing import Floats, Params

__all__ = ["clip_by_global_norm", "squares"]


def clip_by_global_norm(
    grads: Params, max_norm: float | None, *, inplace: bool = False
) -> tuple[Params, float]:
    """Scale all gradients by one factor so that their joint Euclidean norm is at most `max_norm`.

    The factor is min(1, `max_norm` / norm). PyTorch divides by norm + 1e-6 instead, which also shrinks
    gradients a little that lie within 1e-6 of the limit; here those are left alone.

    Parameters
    ----------
    grads : dict of str to ndarray
        The gradients, float32 or float64, of any shapes.
    max_norm : float or None
        The limit, above 0; None only measures.
    inplace : bool, default False
        Scale the arrays themselves.

    Returns
    -------
    grads : dict of str to ndarray
        The scaled gradients. It is the dictionary that was given where nothing had to be scaled, and with
        `inplace`.
    norm : float
        The norm before clipping (see `squares`). Where it is NaN or infinite (in float64 also for values
        beyond about 1e154, whose squares overflow) nothing is scaled: the caller decides.

    Raises
    ------
    ConfigError
        If `max_norm` is zero, negative or NaN.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio (2013), On the difficulty of training recurrent neural networks, ICML,
    algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> grads, norm = clip_by_global_norm({"U": np.array([3.0]), "b": np.array([4.0])}, max_norm=1.0)
    >>> norm, grads["U"].round(3), grads["b"].round(3)
    (5.0, array([0.6]), array([0.8]))
    """
    limit = math.inf if max_norm is None else real("max_norm", max_norm, "(0, inf]")
    norm = _norm(grads)
    if not (math.isfinite(norm) and norm > limit):
        return grads, norm
    clipped = grads if inplace else flat_copy(grads)
    for vector in _vectors(clipped):
        vector *= limit / norm
    return clipped, norm


def _vectors(arrays: Mapping[str, Floats]) -> list[Floats]:
    """The arrays as one vector where they lie so in memory, and as they are elsewhere."""
    whole = flat_view(arrays)
    return list(arrays.values()) if whole is None else [whole]


def _norm(grads: Mapping[str, Floats]) -> float:
    """The square root of the sum of all squares."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # an infinite norm is an answer
        return math.sqrt(sum(squares(vector.reshape(-1)) for vector in _vectors(grads)))

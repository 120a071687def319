"""From logits to a token: penalties, temperature, filters, bans, and the draw. Pure functions, row by row.

Randomness is an argument: `draw` turns one uniform number a row into one token a row. A row's token
depends on its own logits and its own number alone, however many rows stand beside it.
"""

from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.decoding import filters
from elman.decoding.filters import Float64
from elman.decoding.settings import Sampling, is_id
from elman.errors import ConfigError, DivergenceError, ShapeError

__all__ = ["Sampling", "draw", "probabilities", "top"]


def probabilities(logits: ArrayLike, sampling: Sampling, recent: ArrayLike | None = None) -> Float64:
    """Return the distribution that `draw` draws from.

    Parameters
    ----------
    logits : array_like of shape (K,) or (B, K)
        Unnormalised log-probabilities of the K tokens, in any float type. −∞ excludes a token.
    sampling : Sampling
        Penalty, temperature, filters and bans.
    recent : array_like of int, shape (n,) or (B, n), optional
        The last tokens of each row, at least ``sampling.repetition_window`` of them where there are as many,
        the newest last; -1 stands for none. Without it no token counts as a repetition.

    Returns
    -------
    ndarray of float64, of the shape of `logits`
        Each row adds up to 1. What a ban or a filter excludes has probability 0.

    Raises
    ------
    ShapeError
        If `logits` is not one or two-dimensional numbers with at least one token, or `recent` not token ids
        of as many rows.
    ConfigError
        If a banned id is not a token, or if nothing is left to draw.
    DivergenceError
        If a logit is NaN or +∞.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    >>> probabilities(logits, Sampling(top_p=0.6)).round(3)
    array([[0.625, 0.375, 0.   ],
           [0.   , 0.   , 1.   ]])
    >>> probabilities(logits[0], Sampling(repetition_penalty=2.0), recent=[0]).round(3)  # 0.25 to 0.3 to 0.2
    array([0.333, 0.4  , 0.267])
    """
    p = _weights(logits, sampling, recent)
    p /= filters.total(p)
    return p


def draw(
    logits: ArrayLike, sampling: Sampling, uniforms: ArrayLike, recent: ArrayLike | None = None
) -> NDArray[np.intp]:
    """Draw one token a row: the first whose cumulative probability exceeds the row's uniform number.

    Parameters
    ----------
    logits : array_like of shape (K,) or (B, K)
        As for `probabilities`.
    sampling : Sampling
        Penalty, temperature, filters and bans.
    uniforms : array_like of shape () or (B,)
        One number in [0, 1) for each row, from ``generator.random(B)``. Greedy sampling takes them too,
        unread, so that a generator advances in the same way at every temperature.
    recent : array_like of int, shape (n,) or (B, n), optional
        As for `probabilities`.

    Returns
    -------
    ndarray of int, of shape () or (B,)
        Token ids. None has probability 0.

    Raises
    ------
    ShapeError
        If there is not one uniform number for each row, or `logits` has the wrong shape.
    ConfigError
        If a uniform number lies outside [0, 1), and as for `probabilities`.
    DivergenceError
        If a logit is NaN or +∞.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.log([[0.5, 0.3, 0.2]] * 3)
    >>> draw(logits, Sampling(), [0.49, 0.51, 0.99])
    array([0, 1, 2])
    """
    weights = _weights(logits, sampling, recent)
    u = np.asarray(uniforms, np.float64)
    if u.shape != weights.shape[:-1]:
        raise ShapeError(f"uniforms has shape {u.shape}: give one number a row, shape {weights.shape[:-1]}")
    if not ((u >= 0.0) & (u < 1.0)).all():
        raise ConfigError("uniforms has a number outside [0, 1): draw them with generator.random")
    c = weights.cumsum(axis=-1)  # (B, K)
    total = c[..., -1]
    # Below 1 is 1 - 2**-53 at most, and that times the total rounds to less than the total: one c exceeds it.
    ids: NDArray[np.intp] = (c <= (u * total)[..., None]).sum(axis=-1)
    return ids


def top(logits: ArrayLike, n: int) -> tuple[NDArray[np.intp], Float64]:
    """Return the n most probable tokens of each row and their probabilities, most probable first.

    Parameters
    ----------
    logits : array_like of shape (K,) or (B, K)
        As for `probabilities`.
    n : int
        1 or more; all K tokens are returned where K is less.

    Returns
    -------
    ids : ndarray of int, of shape (n,) or (B, n)
        Token ids.
    probabilities : ndarray of float64, of the same shape
        Their probabilities among all K tokens, at temperature 1.

    Raises
    ------
    ShapeError, ConfigError, DivergenceError
        As for `probabilities`; ConfigError also if `n` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> ids, p = top(np.log([0.2, 0.5, 0.3]), 2)
    >>> ids, p.round(3)
    (array([1, 2]), array([0.5, 0.3]))
    """
    if not (is_id(n) and n >= 1):
        raise ConfigError(f"n is {n!r}: give the number of tokens wanted, 1 or more")
    p = probabilities(logits, Sampling())
    # A stable sort leaves equal logits in the order of their ids.
    ids = np.argsort(-np.asarray(logits, np.float64), axis=-1, kind="stable")[..., :n]
    return ids, np.take_along_axis(p, ids, axis=-1)


def _weights(logits: ArrayLike, sampling: Sampling, recent: ArrayLike | None = None) -> Float64:
    """Probabilities of what may be drawn, up to a factor for each row, in new C-contiguous memory. (B, K)"""
    z = _as_rows(logits)
    size = z.shape[-1]
    # Infinities cancel on the way to an error; a tiny temperature rightly sends all but the peak to -inf.
    with np.errstate(invalid="ignore", over="ignore"):
        if sampling.banned:
            if max(sampling.banned) >= size:
                raise ConfigError(
                    f"banned has {max(sampling.banned)}: the token ids here are 0 to {size - 1}"
                )
            z[..., sampling.banned] -= np.inf  # subtracted, not assigned: a NaN stays one
        peak = z.max(axis=-1, keepdims=True)  # (B, 1), NaN where the row has one
        if not np.isfinite(peak).all():
            _explain(peak)
        if recent is not None and sampling.remembers:
            filters.penalise(z, recent, sampling.repetition_penalty, sampling.repetition_window)
            peak = z.max(axis=-1, keepdims=True)
        if sampling.greedy:
            greedy: Float64 = (np.arange(size) == z.argmax(axis=-1)[..., None]).astype(np.float64)
            return greedy
        z -= peak
        z /= sampling.temperature
    p: Float64 = np.exp(z, out=z)
    if sampling.top_k is not None and sampling.top_k < size:
        filters.keep_top_k(p, sampling.top_k)
    if sampling.top_p is not None and sampling.top_p < 1.0:
        filters.keep_top_p(p, sampling.top_p)
    if sampling.min_p is not None and sampling.min_p > 0.0:
        filters.keep_min_p(p, sampling.min_p)
    if sampling.typical is not None and sampling.typical < 1.0:
        filters.keep_typical(p, sampling.typical)
    return p


def _as_rows(logits: ArrayLike) -> Float64:
    """Copy logits to C-contiguous float64: the same sums for a row, whatever it was a part of."""
    try:
        z = np.array(logits, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ShapeError(f"logits is no array of numbers ({error}): give (K,) or (B, K)") from None
    if z.ndim not in (1, 2) or z.shape[-1] == 0:
        raise ShapeError(f"logits has shape {z.shape}: give (K,) or (B, K), K of at least 1")
    return z


def _explain(peak: Float64) -> NoReturn:
    if np.isneginf(peak).any() and not (np.isnan(peak) | np.isposinf(peak)).any():
        raise ConfigError("every token is banned or has a logit of -inf: leave at least one to draw")
    raise DivergenceError("a logit is NaN or +inf: the model's parameters or state are not finite")

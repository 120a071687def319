"""From logits to a token: temperature, top-k, top-p, bans, and the draw. Pure functions, row by row.

Randomness is an argument: `draw` turns one uniform number a row into one token a row. A row's token
depends on its own logits and its own number alone, however many rows stand beside it.
"""

import math
import operator
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import ConfigError, DivergenceError, ShapeError

__all__ = ["Sampling", "draw", "probabilities", "top"]

_Float64: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. The filters act in this order: bans, temperature, top-k, top-p.

    Parameters
    ----------
    temperature : float, default 1.0
        The logits are divided by it: below 1 is bolder towards the likely tokens, above 1 more adventurous.
        0 is greedy: always the most probable token that is not banned.
    top_k : int, optional
        Keep the k most probable tokens; all of them where there are no more than k.
    top_p : float, optional
        In (0, 1]: of what top-k left, made to add up to 1 again, keep the fewest tokens, most probable first,
        whose probabilities reach p together.
    banned : tuple of int, default ()
        Token ids that are never drawn.

    Raises
    ------
    ConfigError
        If a value is out of range.

    Notes
    -----
    Of tokens with equal probability the one with the lower id comes first, everywhere.

    References
    ----------
    A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi (2020), The curious case of neural text degeneration, ICLR
    (top-p, "nucleus sampling").

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.log([0.5, 0.3, 0.2])
    >>> probabilities(logits, Sampling(top_k=2)).round(3)
    array([0.625, 0.375, 0.   ])
    >>> probabilities(logits, Sampling(temperature=0, banned=(0,)))
    array([0., 1., 0.])
    >>> Sampling(top_p=1.5)
    Traceback (most recent call last):
    elman.errors.ConfigError: top_p is 1.5: give a number in (0, 1], or None to keep all tokens
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    banned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not (_is_number(self.temperature) and 0.0 <= self.temperature < math.inf):
            raise ConfigError(f"temperature is {self.temperature!r}: give a number of 0 (greedy) or more")
        if self.top_k is not None and not (_is_id(self.top_k) and self.top_k >= 1):
            raise ConfigError(
                f"top_k is {self.top_k!r}: give a whole number of 1 or more, or None to keep all tokens"
            )
        if self.top_p is not None and not (_is_number(self.top_p) and 0.0 < self.top_p <= 1.0):
            raise ConfigError(f"top_p is {self.top_p!r}: give a number in (0, 1], or None to keep all tokens")
        if not isinstance(self.banned, tuple) or not all(_is_id(i) and i >= 0 for i in self.banned):
            raise ConfigError(f"banned is {self.banned!r}: give a tuple of token ids, 0 or more")

    @property
    def greedy(self) -> bool:
        """Whether the most probable token is always taken: temperature 0."""
        return self.temperature == 0.0


def probabilities(logits: ArrayLike, sampling: Sampling) -> _Float64:
    """Return the distribution that `draw` draws from.

    Parameters
    ----------
    logits : array_like of shape (K,) or (B, K)
        Unnormalised log-probabilities of the K tokens, in any float type. −∞ excludes a token.
    sampling : Sampling
        Temperature, filters and bans.

    Returns
    -------
    ndarray of float64, of the shape of `logits`
        Each row adds up to 1. What a ban or a filter excludes has probability 0.

    Raises
    ------
    ShapeError
        If `logits` is not one or two-dimensional numbers with at least one token.
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
    """
    p = _weights(logits, sampling)
    p /= _total(p)
    return p


def draw(logits: ArrayLike, sampling: Sampling, uniforms: ArrayLike) -> NDArray[np.intp]:
    """Draw one token a row: the first whose cumulative probability exceeds the row's uniform number.

    Parameters
    ----------
    logits : array_like of shape (K,) or (B, K)
        As for `probabilities`.
    sampling : Sampling
        Temperature, filters and bans.
    uniforms : array_like of shape () or (B,)
        One number in [0, 1) for each row, from ``generator.random(B)``. Greedy sampling takes them too,
        unread, so that a generator advances in the same way at every temperature.

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
    weights = _weights(logits, sampling)
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


def top(logits: ArrayLike, n: int) -> tuple[NDArray[np.intp], _Float64]:
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
    if not (_is_id(n) and n >= 1):
        raise ConfigError(f"n is {n!r}: give the number of tokens wanted, 1 or more")
    p = probabilities(logits, Sampling())
    # A stable sort leaves equal logits in the order of their ids.
    ids = np.argsort(-np.asarray(logits, np.float64), axis=-1, kind="stable")[..., :n]
    return ids, np.take_along_axis(p, ids, axis=-1)


def _weights(logits: ArrayLike, sampling: Sampling) -> _Float64:
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
        if sampling.greedy:
            greedy: _Float64 = (np.arange(size) == z.argmax(axis=-1)[..., None]).astype(np.float64)
            return greedy
        z -= peak
        z /= sampling.temperature
    p: _Float64 = np.exp(z, out=z)
    if sampling.top_k is not None and sampling.top_k < size:
        k = sampling.top_k
        _keep_largest(p, k, np.partition(p, size - k, axis=-1)[..., size - k, None])
    if sampling.top_p is not None and sampling.top_p < 1.0:
        p /= _total(p)
        ordered = np.sort(p, axis=-1)[..., ::-1]
        # A token is needed if those before it do not reach top_p. (B, 1)
        short = (ordered.cumsum(axis=-1)[..., :-1] < sampling.top_p).sum(axis=-1, keepdims=True)
        _keep_largest(p, short + 1, np.take_along_axis(ordered, short, axis=-1))
    return p


def _as_rows(logits: ArrayLike) -> _Float64:
    """Copy logits to C-contiguous float64: the same sums for a row, whatever it was a part of."""
    try:
        z = np.array(logits, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ShapeError(f"logits is no array of numbers ({error}): give (K,) or (B, K)") from None
    if z.ndim not in (1, 2) or z.shape[-1] == 0:
        raise ShapeError(f"logits has shape {z.shape}: give (K,) or (B, K), K of at least 1")
    return z


def _explain(peak: _Float64) -> NoReturn:
    if np.isneginf(peak).any() and not (np.isnan(peak) | np.isposinf(peak)).any():
        raise ConfigError("every token is banned or has a logit of -inf: leave at least one to draw")
    raise DivergenceError("a logit is NaN or +inf: the model's parameters or state are not finite")


def _keep_largest(p: _Float64, count: int | NDArray[np.intp], least: _Float64) -> None:
    """Zero all but the `count` largest of each row, the last of which is `least`; of equals, keep lower ids.

    ``p: (B, K)``, in place; ``count: (B, 1)`` or one for all; ``least: (B, 1)``.
    """
    above, tied = p > least, p == least
    room = count - above.sum(axis=-1, keepdims=True)
    p[~(above | (tied & (tied.cumsum(axis=-1) <= room)))] = 0.0


def _total(p: _Float64) -> _Float64:
    """Sum of each row, added up in order: NumPy's `sum` may group terms by the shape of the whole. (B, 1)"""
    return p.cumsum(axis=-1)[..., -1:]


def _is_number(value: object) -> bool:
    return isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool)


def _is_id(value: object) -> bool:
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return not isinstance(value, bool)

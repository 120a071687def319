"""What leaves tokens out of a draw, or makes them less likely. Each works in place, on every row by itself.

``p`` is ``(K,)`` or ``(B, K)``: what may be drawn, up to a factor for each row, C-contiguous. Sums are added
up in order, since NumPy's `sum` may group terms by the shape of the whole: a row is what it would be alone.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elman.errors import ShapeError

Float64: TypeAlias = NDArray[np.float64]


def total(p: Float64) -> Float64:
    """Return the sum of each row, ``(B, 1)``."""
    return p.cumsum(axis=-1)[..., -1:]


def normalise(z: Float64) -> None:
    """Make logits log-probabilities: some of each row are finite, and none NaN or +inf."""
    z -= z.max(axis=-1, keepdims=True)
    z -= np.log(total(np.exp(z)))


def penalise(z: Float64, recent: ArrayLike, penalty: float, window: int) -> None:
    """Make z log-probabilities, those of the last `window` tokens of each row times the penalty.

    Parameters
    ----------
    z : ndarray of shape (K,) or (B, K)
        Logits, some of them finite.
    recent : array_like of int, shape (n,) or (B, n)
        Tokens, the newest last; -1 for none.
    penalty : float
        Above 0.
    window : int
        1 or more.
    """
    ids = np.asarray(recent)
    rows = z.shape[:-1]
    if ids.size == 0:
        ids = ids.astype(np.intp)
    if ids.dtype.kind not in "iu" or ids.shape[:-1] != rows or ids.ndim != z.ndim:
        raise ShapeError(f"recent is {ids.dtype} of shape {ids.shape}: give token ids, shape {(*rows, 'n')}")
    ids = ids[..., -window:]
    size = z.shape[-1]
    if ids.size and (ids.min() < -1 or ids.max() >= size):
        raise ShapeError(f"recent holds {ids.min()} to {ids.max()}: the token ids are 0 to {size - 1}")
    normalise(z)
    # One place more takes the value of what stands for no token.
    padded = np.concatenate([z, np.zeros((*rows, 1))], axis=-1)
    taken = np.take_along_axis(padded, ids, axis=-1)
    np.put_along_axis(padded, ids, taken * penalty, axis=-1)  # of the values before: twice is once
    np.copyto(z, padded[..., :-1])


def keep_top_k(p: Float64, k: int) -> None:
    """Zero all but the k largest, k less than K."""
    size = p.shape[-1]
    _keep_largest(p, k, np.partition(p, size - k, axis=-1)[..., size - k, None])


def keep_top_p(p: Float64, share: float) -> None:
    """Zero all but the fewest, largest first, that have this share of the row together."""
    p /= total(p)
    ordered = np.sort(p, axis=-1)[..., ::-1]
    # A token is needed if those before it do not reach the share. (B, 1)
    short = (ordered.cumsum(axis=-1)[..., :-1] < share).sum(axis=-1, keepdims=True)
    _keep_largest(p, short + 1, np.take_along_axis(ordered, short, axis=-1))


def keep_min_p(p: Float64, share: float) -> None:
    """Zero what is less than this share of the row's largest."""
    p[p < share * p.max(axis=-1, keepdims=True)] = 0.0


def keep_typical(p: Float64, share: float) -> None:
    """Zero all but the fewest, those of the most typical surprise first, that have this share together."""
    p /= total(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = -np.log(p)
        entropy = total(np.where(p > 0.0, p * surprise, 0.0))
        distance = np.abs(surprise - entropy)  # infinite where the probability is 0
    order = np.argsort(distance, axis=-1, kind="stable")  # of equals, lower ids first
    ordered = np.take_along_axis(p, order, axis=-1)
    reached = ordered.cumsum(axis=-1)
    ordered[..., 1:][reached[..., :-1] >= share] = 0.0
    np.put_along_axis(p, order, ordered, axis=-1)


def _keep_largest(p: Float64, count: int | NDArray[np.intp], least: Float64) -> None:
    """Zero all but the `count` largest of each row, the last of which is `least`; of equals, keep lower ids.

    ``count: (B, 1)`` or one for all; ``least: (B, 1)``.
    """
    above, tied = p > least, p == least
    room = count - above.sum(axis=-1, keepdims=True)
    p[~(above | (tied & (tied.cumsum(axis=-1) <= room)))] = 0.0

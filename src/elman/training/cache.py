"""A cache of what was read lately, beside the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.training._checks import real, whole
from elman.typing import Floats, Ints

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Cache:
    """A neural cache: the words that followed states like this one are likely to follow again.

    Of the last `size` words it remembers the hidden state h_i before each. Now, in the state h, it gives a
    word w a probability in proportion to the sum of ``exp(theta h . h_i)`` over the places i where w
    followed. The prediction is the mixture ``(1 - weight) p_model + weight p_cache``. While nothing has been
    read, it is the model's alone.

    Parameters
    ----------
    size : int
        How many of the last words are remembered.
    theta : float
        How much likeness counts, 0 or more. With 0 the cache is the frequency of the words in it.
    weight : float
        Of the cache in the mixture, in [0, 1).

    Raises
    ------
    ConfigError
        If a number is out of range.

    References
    ----------
    E. Grave, A. Joulin, N. Usunier (2017), Improving neural language models with a continuous cache, ICLR.

    Examples
    --------
    >>> from elman.training.cache import Cache
    >>> Cache(500).weight
    0.1
    """

    size: int = 2000
    theta: float = 0.3
    weight: float = 0.1

    def __post_init__(self) -> None:
        given = {
            "size": whole("size", self.size, 1),
            "theta": real("theta", self.theta, "[0, inf)"),
            "weight": real("weight", self.weight, "[0, 1)"),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return what it is made of, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.size:,} tokens, theta {self.theta:.3g}, weight {self.weight:.3g}"


@dataclass(frozen=True)
class Recalled:
    """What the cache holds at each step of a window.

    Attributes
    ----------
    likeness : ndarray of shape (T, n)
        Inner products of the hidden states with those remembered; -inf where a place is not in the cache at
        that step.
    words : ndarray of int, shape (n,)
        What followed each.
    """

    likeness: Float64
    words: Ints

    def attention(self, theta: float) -> Float64:
        """Return the weight of each place, (T, n): rows add up to 1, or are zero where nothing was read."""
        seen = np.isfinite(self.likeness)
        z = np.where(seen, theta * np.where(seen, self.likeness, 0.0), -np.inf)
        peak = z.max(axis=1, keepdims=True, initial=-np.inf)
        weights: Float64 = np.exp(z - np.where(np.isfinite(peak), peak, 0.0))
        totals = weights.sum(axis=1, keepdims=True)
        np.divide(weights, totals, out=weights, where=totals > 0.0)
        return weights

    def of_targets(self, theta: float, y: Ints) -> Float64:
        """Return the probability that the cache gives to the token that came, (T,)."""
        found: Float64 = np.where(self.words == y[:, None], self.attention(theta), 0.0).sum(axis=1)
        return found

    def mix(self, p: Float64, cache: Cache) -> None:
        """Make the model's probabilities p ``(T, K)`` those of the mixture, in place."""
        weights = self.attention(cache.theta)
        (T, K), holds = p.shape, weights.any(axis=1)
        places = np.arange(T)[:, None] * K + self.words
        mass = np.bincount(places.ravel(), cache.weight * weights.ravel(), minlength=T * K)
        p *= np.where(holds, 1.0 - cache.weight, 1.0)[:, None]
        p += mass.reshape(T, K)


class Memory:
    """The last hidden states, and the token that followed each.

    Parameters
    ----------
    size : int
        How many.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.keys: Floats | None = None  # (n, H)
        self.words: Ints = np.zeros(0, np.intp)  # (n,)

    def recall(self, h: Floats, y: Ints) -> Recalled:
        """Say what is remembered at each step of a window, and then remember the window.

        A step knows the tokens before its own: in the place of step t of a window stands what followed the
        steps before t.

        Parameters
        ----------
        h : ndarray of shape (T, H)
            Hidden states; copied.
        y : ndarray of int, shape (T,)
            The tokens that follow.
        """
        keys = h.copy() if self.keys is None else np.concatenate([self.keys, h])
        words = np.concatenate([self.words, y])
        T, n = len(y), len(self.words)
        likeness = np.matmul(h, keys.T).astype(np.float64)  # (T, n + T)
        age = np.arange(n, n + T)[:, None] - np.arange(n + T)  # how many steps ago each was
        likeness[(age < 1) | (age > self.size)] = -np.inf
        self.keys, self.words = keys[-self.size :], words[-self.size :]
        return Recalled(likeness, words)

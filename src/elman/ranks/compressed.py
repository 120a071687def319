"""Sums of gradients of which little is sent; what is left out of a step is added to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elman.network.functional import squares
from elman.ranks.base import Ranks, stretches
from elman.typing import Floats

BLOCK = 1024
"""Numbers that share a scale where one bit of each is sent."""


class Compressed(ABC):
    """What both kinds have in common: the remainder, and the norm of the sum.

    Parameters
    ----------
    ranks : Ranks
        Who adds up.
    vector : ndarray of shape (N,)
        One's own gradients, end to end; overwritten by the sums of what was sent.
    arrays : mapping of str to ndarray
        The gradients by name; of no use here.
    ratio : float
        The share of the numbers that is sent, for those that choose.

    Attributes
    ----------
    left : ndarray of shape (N,)
        What was not sent yet: the error, which is fed back.

    References
    ----------
    F. Seide, H. Fu, J. Droppo, G. Li, D. Yu (2014), 1-bit stochastic gradient descent and its application to
    data-parallel distributed training of speech DNNs, Interspeech.

    S. U. Stich, J.-B. Cordonnier, M. Jaggi (2018), Sparsified SGD with memory, NeurIPS. arXiv:1809.07599.

    S. P. Karimireddy, Q. Rebjock, S. U. Stich, M. Jaggi (2019), Error feedback fixes SignSGD and other
    gradient compression schemes, ICML. arXiv:1901.09847.
    """

    def __init__(
        self, ranks: Ranks, vector: Floats, arrays: Mapping[str, Floats], ratio: float = 0.01
    ) -> None:
        self._ranks, self._vector, self._ratio = ranks, vector, ratio
        self.left = np.zeros_like(vector)
        start, stop = stretches(vector.size, ranks.size)[ranks.rank :][:2]
        self._own = vector[start:stop]

    def __call__(self) -> float:
        with np.errstate(all="ignore"):  # what overflows shows in the norm
            np.add(self.left, self._vector, out=self.left)
            self._exchange()
            return squares(self._own)

    @property
    @abstractmethod
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""

    @property
    def unsent(self) -> Floats:
        """What this rank has not let the others have yet, ``(N,)``: of its gradients, and of sums."""
        return self.left.copy()

    @abstractmethod
    def _exchange(self) -> None:
        """Send part of what is left, and put the sum of all that was sent into the vector."""


class TopK(Compressed):
    """The largest numbers alone, with their places; the others wait until they have added up."""

    name: ClassVar[str] = "topk"

    @property
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""
        return self._most * (4 + self._vector.itemsize) * (self._ranks.size - 1)

    @property
    def _most(self) -> int:
        return max(1, round(self._ratio * self._vector.size))

    def _exchange(self) -> None:
        k, left = self._most, self.left
        chosen = np.argpartition(np.abs(left), left.size - k)[left.size - k :].astype(np.int32)
        chosen.sort()
        places, values = self._ranks.share(chosen), self._ranks.share(left[chosen])  # (ranks, k) each
        left[chosen] = 0.0
        self._vector.fill(0.0)
        for some, numbers in zip(places, values, strict=True):
            self._vector[some] += numbers


class OneBit(Compressed):
    """The signs, and of each block of numbers the mean of their sizes; on the way there and on the way back.

    A rank is dealt its stretch of what all others send, adds it up, and sends all the sum, which is one bit
    a number again. What that leaves out the rank keeps, and adds to the next sum. So what is sent does not
    grow with the ranks.

    References
    ----------
    H. Tang, C. Yu, X. Lian, T. Zhang, J. Liu (2019), DoubleSqueeze: parallel stochastic gradient descent with
    double-pass error-compensated compression, ICML. arXiv:1905.05957.
    """

    name: ClassVar[str] = "onebit"

    def __init__(
        self, ranks: Ranks, vector: Floats, arrays: Mapping[str, Floats], ratio: float = 0.01
    ) -> None:
        super().__init__(ranks, vector, arrays, ratio)
        self._bounds = stretches(vector.size, ranks.size, BLOCK)
        self._bits, self._blocks = ([-(-bound // unit) for bound in self._bounds] for unit in (8, BLOCK))
        start, stop = self._bounds[ranks.rank :][:2]
        self._mine, self._kept = slice(start, stop), np.zeros(stop - start, vector.dtype)  # (stretch,)

    @property
    def unsent(self) -> Floats:
        found = self.left.copy()
        found[self._mine] += self._kept
        return found

    @property
    def sent(self) -> int:
        both = self._bits[-1] + self._blocks[-1] * self._vector.itemsize
        return 2 * both * (self._ranks.size - 1) // self._ranks.size

    def _exchange(self) -> None:
        ranks, left = self._ranks, self.left
        bits, scales = _encoded(left)
        left -= _decoded(bits, scales, left.size)
        dealt, sizes = self._dealt(bits, self._bits), self._dealt(scales, self._blocks)
        total = self._kept  # (stretch,)
        for some, its in zip(dealt, sizes, strict=True):
            total += _decoded(some, its, total.size)
        mine, its = _encoded(total)
        total -= _decoded(mine, its, total.size)
        for array, own, bounds in ((bits, mine, self._bits), (scales, its, self._blocks)):
            array[bounds[ranks.rank] : bounds[ranks.rank + 1]] = own
            ranks.collect(array, bounds)
        np.copyto(self._vector, _decoded(bits, scales, left.size))

    def _dealt(self, array: NDArray[Any], bounds: list[int]) -> NDArray[Any]:
        """Return what all ranks have of one's own stretch, ``(ranks, n)``."""
        rank = self._ranks.rank
        out = np.empty((self._ranks.size, bounds[rank + 1] - bounds[rank]), array.dtype)
        self._ranks.deal(array, bounds, out)
        return out


def _encoded(numbers: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """Return the signs of numbers ``(n,)``, eight a byte, and the mean sizes of their blocks."""
    starts = np.arange(0, numbers.size, BLOCK)
    if not numbers.size:
        return np.empty(0, np.uint8), np.empty(0, numbers.dtype)
    scales: Floats = np.add.reduceat(np.abs(numbers), starts)
    scales /= np.minimum(BLOCK, numbers.size - starts)
    return np.packbits(numbers >= 0), scales


def _decoded(bits: NDArray[np.uint8], scales: Floats, size: int) -> Floats:
    """Return the numbers ``(size,)`` that signs and scales stand for."""
    found: Floats = np.repeat(scales, BLOCK)[:size]
    np.negative(found, out=found, where=np.unpackbits(bits, count=size) == 0)
    return found

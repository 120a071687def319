"""Sums of gradients of which little is sent; what is left out of a step is added to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

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
            return float(np.vdot(self._own, self._own))

    @property
    @abstractmethod
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""

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
    """The signs, and of each block of numbers the mean of their sizes."""

    name: ClassVar[str] = "onebit"

    @property
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""
        return (-(-self._vector.size // 8) + self._blocks * self._vector.itemsize) * (self._ranks.size - 1)

    @property
    def _blocks(self) -> int:
        return -(-self._vector.size // BLOCK)

    def _exchange(self) -> None:
        left, size = self.left, self._vector.size
        scales = np.add.reduceat(np.abs(left), np.arange(0, size, BLOCK))  # (blocks,)
        scales /= np.minimum(BLOCK, size - np.arange(0, size, BLOCK))
        every, sizes = self._ranks.share(np.packbits(left >= 0)), self._ranks.share(scales)
        left -= _decoded(every[self._ranks.rank], scales, size)
        self._vector.fill(0.0)
        for bits, some in zip(every, sizes, strict=True):
            np.add(self._vector, _decoded(bits, some, size), out=self._vector)


def _decoded(bits: np.ndarray, scales: Floats, size: int) -> Floats:
    """Return the numbers ``(size,)`` that signs and scales stand for."""
    found: Floats = np.repeat(scales, BLOCK)[:size]
    np.negative(found, out=found, where=np.unpackbits(bits, count=size) == 0)
    return found

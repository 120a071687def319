"""The share of each step in the derivative of each parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from elman.insight.reference.cells import Array, Arrays
from elman.insight.trace import Trace


@dataclass(frozen=True)
class Shares:
    """What each step adds to the derivative of one parameter: an outer product of two vectors a step.

    Kept as its factors, since the shares themselves are T times as large as the parameter.

    Attributes
    ----------
    entering : ndarray, (T, G, n) or (T, 1, n)
        What the blocks of the parameter were multiplied with; for a bias, ones. One for all where it is the
        same.
    derivative : ndarray, (T, G, m)
        The derivative by each of the products.
    shape : tuple of int
        Of the parameter.
    """

    entering: Array
    derivative: Array
    shape: tuple[int, ...]

    def of(self, step: int) -> Array:
        """Return the share of a step, in the shape of the parameter."""
        share: Array = self.entering[step, :, :, None] * self.derivative[step, :, None, :]
        return share.reshape(self.shape)

    def each(self) -> Array:
        """Return all shares, ``(T, ...)``."""
        return np.array([self.of(step) for step in range(len(self.entering))])

    @property
    def size(self) -> int:
        """How many numbers a share is."""
        return math.prod(self.shape)

    def total(self) -> Array:
        """Return the sum over steps: the derivative by the parameter."""
        total: Array = np.matmul(self.entering.transpose(1, 2, 0), self.derivative.swapaxes(0, 1))
        return total.reshape(self.shape)

    def lengths(self) -> Array:
        """Return the length of each share, ``(T,)``."""
        outer = np.linalg.norm(self.entering, axis=2) * np.linalg.norm(self.derivative, axis=2)  # (T, G)
        lengths: Array = np.linalg.norm(outer, axis=1)
        return lengths

    def dot(self, other: Shares) -> float:
        """Return the inner product of the two sums, from the factors: neither sum is made."""
        if self.entering.shape[2] == self.derivative.shape[2] == 1:  # elementwise: the sums are as small
            return float(np.sum(self.total() * other.total()))
        if self.entering.shape[1] == 1:
            derivatives = _rows(self.derivative) @ _rows(other.derivative).T
            return float(np.sum((_rows(self.entering) @ _rows(other.entering).T) * derivatives))
        entering, derivatives = (
            np.matmul(mine.swapaxes(0, 1), theirs.transpose(1, 2, 0))  # (G, T, T)
            for mine, theirs in ((self.entering, other.entering), (self.derivative, other.derivative))
        )
        return float(np.sum(entering * derivatives))

    def length(self) -> float:
        """Return the length of the sum."""
        return math.sqrt(max(self.dot(self), 0.0))

    def less(self, other: Shares) -> Shares:
        """Return what is left without those of `other`, which has the same `entering`."""
        return Shares(self.entering, self.derivative - other.derivative, self.shape)


@dataclass(frozen=True)
class TiedShares(Shares):
    """Those of word vectors that are output weights too: to the row that a step reads, `words` adds.

    Attributes
    ----------
    entering, derivative : ndarray, (T, 1, K), (T, 1, H)
        As above, for the output weights.
    words : Shares
        For the word vectors.
    """

    words: Shares

    def of(self, step: int) -> Array:
        """Return the share of a step, ``(K, D)``."""
        share: Array = super().of(step) + self.words.of(step)
        return share

    def total(self) -> Array:
        """Return the sum over steps, ``(K, D)``."""
        total: Array = super().total() + self.words.total()
        return total

    def lengths(self) -> Array:
        """Return the length of each share, ``(T,)``."""
        mixed = np.sum(self.entering * self.words.entering, axis=(1, 2)) * np.sum(
            self.derivative * self.words.derivative, axis=(1, 2)
        )
        squares = super().lengths() ** 2 + self.words.lengths() ** 2 + 2 * mixed
        lengths: Array = np.sqrt(np.maximum(squares, 0.0))
        return lengths

    def dot(self, other: Shares) -> float:
        """Return the inner product of the two sums, from the factors."""
        if isinstance(other, TiedShares):
            return self._one(other) + self._one(other.words)
        return self._one(other)

    def _one(self, other: Shares) -> float:
        plain = Shares(other.entering, other.derivative, other.shape)
        return Shares.dot(self, plain) + self.words.dot(plain)

    def less(self, other: Shares) -> Shares:
        """Return what is left without those of `other`: of the output weights, which no truncation touches,
        nothing."""
        assert isinstance(other, TiedShares)
        return self.words.less(other.words)


def _rows(derivative: Array) -> Array:
    return derivative.reshape(len(derivative), -1)


def factors_of(trace: Trace) -> list[str]:
    """Return the names of the derivatives that shares are made of."""
    kinds = ("Ux", "Wh") if trace.reads else ("Ux",)
    products = [f"{product}_{gate}" for product in kinds for gate in trace.gates]
    layers = [f"layers.{l}.{product}" for l in range(trace.layers) for product in products]
    skips = [name.replace("U_skip", "s") for name in trace.params if name.endswith(".U_skip")]
    return [*layers, *skips, "layers.0.x", "output.logits"]


def shares(trace: Trace, grads: Arrays) -> dict[str, Shares]:
    """Return what each step adds to the derivative of each parameter, by the names of the parameters.

    Parameters
    ----------
    trace : Trace
        Of one row.
    grads : dict of str to ndarray, (T, n)
        The derivatives by what the steps computed; those of `factors_of` at least.
    """
    values = {name: array[:, :1] for name, array in trace.values.items()}  # (T, 1, n)
    params, T = trace.params, len(trace.tokens)
    ones = np.ones((T, 1, 1))
    found: dict[str, Shares] = {}
    for l in range(trace.layers):
        name = f"layers.{l}."
        da = np.stack([grads[f"{name}Ux_{gate}"] for gate in trace.gates], axis=1)  # (T, G, H)
        factors = {"U": (values[f"{name}x"], da), "b": (ones, da)}
        if trace.reads:
            dr = np.stack([grads[f"{name}Wh_{gate}"] for gate in trace.gates], axis=1)
            read_by = [values[f"{name}{key}"] for key in trace.reads]
            read = np.concatenate(read_by, axis=1) if len(set(trace.reads)) > 1 else read_by[0]
            factors |= {"W": (read, dr), "b_candidate": (ones, dr[:, -1:])}
        if f"{name}U_skip" in params:
            factors["U_skip"] = (values[f"{name}x"], grads[f"{name}s"][:, None])
        if trace.peepholes:  # elementwise: each unit is a block of its own
            seen = np.concatenate([values[f"{name}{key}"] for _, key in trace.peepholes], axis=2)
            by_gate = np.concatenate([grads[f"{name}Ux_{gate}"] for gate, _ in trace.peepholes], axis=1)
            factors["p"] = (seen.swapaxes(1, 2), by_gate[..., None])
        for letter, (entering, derivative) in factors.items():
            if name + letter in params:
                found[name + letter] = Shares(entering, derivative, params[name + letter].shape)
    top, dlogits = values[f"layers.{trace.layers - 1}.h"], grads["output.logits"]
    E, ids = params["embedding.E"], trace.tokens[:, 0]
    which = (np.arange(len(E)) == ids[:, None]).astype(np.float64)  # (T, K): one where a step reads a word
    words = Shares(which[:, None], grads["layers.0.x"][:, None], E.shape)
    if "output.V" in params:
        found["embedding.E"] = words
        found["output.V"] = Shares(top, dlogits[:, None], params["output.V"].shape)
    else:
        found["embedding.E"] = TiedShares(dlogits[:, None], top, E.shape, words)
    found["output.c"] = Shares(ones, dlogits[:, None], params["output.c"].shape)
    # A learnt state has none: what enters the first step is held constant.
    return {name: found[name] for name in params if name in found}

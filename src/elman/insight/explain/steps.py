"""The share of each step in the derivative of each parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.insight.reference.cells import Array, Arrays
from elman.insight.trace import Trace
from elman.typing import Ints


@dataclass(frozen=True)
class Shares:
    """What each step adds to the derivative of one parameter: an outer product of two vectors a step.

    Kept as its factors, since the shares themselves are T times as large as the parameter.

    Attributes
    ----------
    entering : ndarray, (T, n)
        What the parameter was multiplied with; for a bias, ones.
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
        share: Array = self.entering[step, None, :, None] * self.derivative[step, :, None, :]
        return share.reshape(self.shape)

    def total(self) -> Array:
        """Return the sum over steps: the derivative by the parameter."""
        total: Array = np.matmul(self.entering.T, self.derivative.swapaxes(0, 1))
        return total.reshape(self.shape)

    def lengths(self) -> Array:
        """Return the length of each share, ``(T,)``."""
        outer: Array = np.linalg.norm(self.entering, axis=1) * np.linalg.norm(self.derivative, axis=(1, 2))
        return outer


@dataclass(frozen=True)
class WordShares(Shares):
    """Those of word vectors: a row a step, and where the vectors are output weights too, all rows.

    Attributes
    ----------
    entering, derivative : ndarray, (T, K), (T, 1, H)
        As above, for the output weights; zeros where they are not tied.
    ids : ndarray of int, (T,)
        Which row each step read.
    dx : ndarray, (T, D)
        The derivative by it.
    """

    ids: Ints
    dx: Array

    def of(self, step: int) -> Array:
        """Return the share of a step, ``(K, D)``."""
        share = super().of(step)
        share[self.ids[step]] += self.dx[step]
        return share

    def total(self) -> Array:
        """Return the sum over steps, ``(K, D)``."""
        total = super().total()
        np.add.at(total, self.ids, self.dx)
        return total

    def lengths(self) -> Array:
        """Return the length of each share, ``(T,)``."""
        return np.array([np.linalg.norm(self.of(step)) for step in range(len(self.ids))])


def shares(trace: Trace, grads: Arrays) -> dict[str, Shares]:
    """Return what each step adds to the derivative of each parameter, by the names of the parameters.

    Parameters
    ----------
    trace : Trace
        Of one row.
    grads : dict of str to ndarray, (T, n)
        The derivatives by what the steps computed.
    """
    values = {name: array[:, 0] for name, array in trace.values.items()}  # (T, n)
    params, T = trace.params, len(trace.tokens)
    ones = np.ones((T, 1))
    found: dict[str, Shares] = {}
    for l in range(trace.layers):
        name = f"layers.{l}."
        da = np.stack([grads[f"{name}Ux_{gate}"] for gate in trace.gates], axis=1)  # (T, G, H)
        dr = np.stack([grads[f"{name}Wh_{gate}"] for gate in trace.gates], axis=1)
        factors = {
            "U": (values[f"{name}x"], da),
            "W": (values[f"{name}h_prev"], dr),
            "b": (ones, da),
            "b_candidate": (ones, dr[:, -1:]),
        }
        for letter, (entering, derivative) in factors.items():
            if name + letter in params:
                found[name + letter] = Shares(entering, derivative, params[name + letter].shape)
    top, dlogits = values[f"layers.{trace.layers - 1}.h"], grads["output.logits"]
    E = params["embedding.E"]
    tied = dlogits if "output.V" not in params else np.zeros((T, len(E)))
    through = top if "output.V" not in params else np.zeros((T, E.shape[1]))
    ids, dx = trace.tokens[:, 0], grads["layers.0.x"]
    found["embedding.E"] = WordShares(tied, through[:, None], E.shape, ids, dx)
    if "output.V" in params:
        found["output.V"] = Shares(top, dlogits[:, None], params["output.V"].shape)
    found["output.c"] = Shares(ones, dlogits[:, None], params["output.c"].shape)
    return {name: found[name] for name in params}

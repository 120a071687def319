"""The singular values of the recurrent weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.insight.plain_cell import plain_cell
from elman.insight.reference.cells import Array
from elman.network import LanguageModel

__all__ = ["Spectrum", "spectra"]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What one gate block of the recurrent weights does to the length of a state.

    Attributes
    ----------
    layer : int
        Counted from 0.
    gate : str
        Its name.
    singular : ndarray, (H,)
        The singular values of the block ``W[g]``, (H, H), the largest first.
    radius : float
        Its spectral radius: the largest absolute value of an eigenvalue.
    """

    layer: int
    gate: str
    singular: Array
    radius: float


def spectra(model: LanguageModel) -> list[Spectrum]:
    """Return the singular values of ``W`` for each layer and gate.

    Parameters
    ----------
    model : LanguageModel
        Of any cell.

    Returns
    -------
    list of Spectrum
        Layer by layer, gate by gate; empty for a cell that has no ``W``.

    Examples
    --------
    >>> import elman
    >>> model = elman.LanguageModel(vocab_size=4, cell="rnn", hidden=3, layers=1, init_recurrent="orthogonal")
    >>> (found,) = spectra(model)
    >>> found.gate, found.singular.round(6), round(found.radius, 6)
    ('h', array([1., 1., 1.]), 1.0)
    """
    found = []
    for l in range(len(model.stack.layers)):
        if f"layers.{l}.W" not in model.params:  # a cell without recurrent products
            continue
        blocks = np.asarray(model.params[f"layers.{l}.W"], np.float64)
        for gate, block in zip(plain_cell(model.cell).gates, blocks, strict=True):
            radius = float(np.abs(np.linalg.eigvals(block)).max())
            found.append(Spectrum(l, gate, np.linalg.svd(block, compute_uv=False), radius))
    return found

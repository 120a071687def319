"""The cells of the fast path as cells of the plain implementation."""

from __future__ import annotations

import numpy as np

from elman.insight.reference import CELLS
from elman.insight.reference import Cell as PlainCell
from elman.insight.reference.cells import Array, Arrays
from elman.network import CELLS as FAST
from elman.network import Cell

BUILT_IN = {
    "rnn": CELLS["rnn", "tanh"],
    "rnn-relu": CELLS["rnn", "relu"],
    "lstm": CELLS["lstm", "tanh"],
    "gru": CELLS["gru", "tanh"],
    "mgu": CELLS["mgu", "tanh"],
}
"""Those that the plain implementation has, by the name in the registry."""


def plain_cell(name: str) -> PlainCell:
    """Return the plain cell of that name; for a cell of one's own, one that calls it.

    Parameters
    ----------
    name : str
        A registered cell.

    Returns
    -------
    PlainCell
        Of a cell that is not built in, the gates are named 0, 1, ..., and the derivatives of their values
        are not known, only those of what went into them.

    Examples
    --------
    >>> from elman.insight.plain_cell import plain_cell
    >>> plain_cell("gru").gates
    ('r', 'z', 'n')
    """
    return BUILT_IN.get(name) or wrapped(FAST[name])


def gate_functions(name: str) -> dict[str, str | None]:
    """Return the function of each gate: "sigmoid", "tanh" or "relu"; None where a cell of one's own has any.

    Examples
    --------
    >>> from elman.insight.plain_cell import gate_functions
    >>> gate_functions("gru")
    {'r': 'sigmoid', 'z': 'sigmoid', 'n': 'tanh'}
    """
    other = None if name not in BUILT_IN else "relu" if name == "rnn-relu" else "tanh"
    sigmoids = FAST[name].sigmoids
    return {gate: "sigmoid" if g < sigmoids else other for g, gate in enumerate(plain_cell(name).gates)}


def wrapped(cell: Cell) -> PlainCell:
    """Return a plain cell that calls the elementwise steps of `cell`; the matrix products are plain ones."""
    gates, states = tuple(str(g) for g in range(cell.gates)), cell.state_type._fields

    def step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
        batch, hidden = len(x), p["W"].shape[-1]
        a, r = x @ p["U"] + p["b"][:, None], state["h"] @ p["W"]  # (G, B, H)
        a[: cell.sigmoids] *= 0.5  # as the layer does: see Cell.sigmoids
        r[: cell.sigmoids] *= 0.5
        keep = np.zeros((cell.keeps, batch, hidden))
        if cell.gated:
            keep[0] = r[-1] + p.get("b_candidate", 0.0)
        new = cell.state_type(*(np.zeros((batch, hidden)) for _ in states))
        prev = cell.state_type(*(state[name].copy() for name in states))
        cell.forward(a, r, prev, new, keep, np.zeros((cell.scratch, batch, hidden)))
        kept = dict(zip(gates, a, strict=True)) | {"_keep": keep}
        if cell.gated:
            kept["m"] = keep[0].copy()
        return new._asdict(), kept | {f"_{name}": array for name, array in new._asdict().items()}

    def backward(
        dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
    ) -> tuple[Array, Arrays, Arrays]:
        a, keep = np.array([kept[g] for g in gates]), kept["_keep"].copy()
        prev = cell.state_type(*(state[name] for name in states))
        new = cell.state_type(*(kept[f"_{name}"] for name in states))
        dstate = cell.state_type(*(dnew[name].copy() for name in states))
        work = np.zeros((cell.scratch, *a.shape[1:]))
        before, after = (cell.state_type(*(array[None] for array in arrays)) for arrays in (prev, new))
        cell.slopes(a[:, None], before, after, keep[:, None], work[:, None])
        cell.backward(a, dstate, prev, new, keep, work)
        dr = np.concatenate([a[:-1], keep[:1]]) if cell.gated else a
        d["U"] += x.T @ a
        d["W"] += state["h"].T @ dr
        d["b"] += a.sum(axis=1)
        if cell.gated_bias:
            d["b_candidate"] += keep[0].sum(axis=0)
        dprev = dstate._asdict()
        through = (dr @ p["W"].swapaxes(1, 2)).sum(axis=0)
        dprev["h"] = dprev["h"] + through if cell.direct else through
        met = {f"a_{g}": da for g, da in zip(gates, a, strict=True)}
        if cell.gated:
            met["m"] = keep[0]
        return (a @ p["U"].swapaxes(1, 2)).sum(axis=0), dprev, met

    return PlainCell(step, backward, gates, states)

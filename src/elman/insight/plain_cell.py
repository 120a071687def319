"""The cells of the fast path as cells of the plain implementation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elman.errors import ConfigError
from elman.insight.reference import CELLS, zoned
from elman.insight.reference import Cell as PlainCell
from elman.insight.reference.cells import Array, Arrays
from elman.network import Cell, LanguageModel, get_cell
from elman.network.cells import ScanCell
from elman.network.cells.base import with_peepholes

BUILT_IN = {"rnn-relu" if activation == "relu" else name: cell for (name, activation), cell in CELLS.items()}
"""Those that the plain implementation has, by the name in the registry."""


CANDIDATES = {"rnn-relu": "relu", "indrnn": "relu", "mingru": "linear", "minlstm": "linear", "sru": "linear"}
"""The function of the candidate, where it is not tanh."""


def check_plain(model: LanguageModel, what: str) -> None:
    """Raise ConfigError for a model that the plain implementation does not run as a whole.

    Parameters
    ----------
    model : LanguageModel
        The model.
    what : str
        What was to be done with it, for the message: "traced".

    Raises
    ------
    ConfigError
        If its layers read backwards, are projected or normalised, or have connections past them.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.plain_cell import check_plain
    >>> check_plain(elman.LanguageModel(vocab_size=3, direction="reverse"), "traced")
    Traceback (most recent call last):
        ...
    elman.errors.ConfigError: a model whose direction is 'reverse' cannot be traced: ...forward
    """
    if not model.stack.forwards:
        raise ConfigError(
            f"a model whose direction is {model.direction!r} cannot be {what}: only one that reads forward"
        )
    if model.projection is not None:
        raise ConfigError(
            f"a model with a projection, of {model.projection} numbers, cannot be {what}: "
            "only one whose layers give out what their cells make"
        )
    if model.layer_norm:
        raise ConfigError(
            f"a model whose layers are normalised (layer_norm) cannot be {what}: only one whose gates are of "
            "plain products"
        )
    if model.connections != "none":
        raise ConfigError(
            f"a model with {model.connections} connections past its layers cannot be {what}: "
            "only one whose layers read what the one below gives"
        )


def plain_cell(name: str) -> PlainCell:
    """Return the plain cell of that name; for a cell of one's own, one that calls it.

    Parameters
    ----------
    name : str
        A registered cell, or the name of one with activations.

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
    return BUILT_IN.get(name) or wrapped(get_cell(name))


def plain_cell_of(model: LanguageModel) -> PlainCell:
    """Return the plain cell of a model, with its zoneout as the expectation, if it has any.

    Parameters
    ----------
    model : LanguageModel
        The model.

    Returns
    -------
    PlainCell
        As :func:`plain_cell` returns it, or one whose states keep a share of what they were.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.plain_cell import plain_cell_of
    >>> plain_cell_of(elman.LanguageModel(vocab_size=3, cell="lstm", zoneout=0.1)).states
    ('h', 'c')
    """
    cell, given = plain_cell(model.cell), model.regularisers
    rates = {name: given.zoneout_cell if i else given.zoneout for i, name in enumerate(cell.states)}
    held = {name: rate for name, rate in rates.items() if rate}
    return zoned(cell, held) if held else cell


def gate_functions(name: str) -> dict[str, str | None]:
    """Return the function of each gate: "sigmoid", "tanh", "relu" or "linear"; None where it is not known.

    So it is where a cell of one's own has any.

    Examples
    --------
    >>> from elman.insight.plain_cell import gate_functions
    >>> gate_functions("gru")
    {'r': 'sigmoid', 'z': 'sigmoid', 'n': 'tanh'}
    """
    other = CANDIDATES.get(name, "tanh") if name in BUILT_IN else None
    sigmoids = get_cell(name).sigmoids
    return {gate: "sigmoid" if g < sigmoids else other for g, gate in enumerate(plain_cell(name).gates)}


def wrapped(cell: Cell) -> PlainCell:
    """Return a plain cell that calls the elementwise steps of `cell`; the matrix products are plain ones."""
    if isinstance(cell, ScanCell):
        return _scanned(cell)
    gates, states = tuple(str(g) for g in range(cell.gates)), cell.state_type._fields
    halves = np.where(np.arange(cell.gates) < cell.sigmoids, 0.5, 1.0)[:, None, None]  # see Cell.sigmoids

    def step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
        batch, hidden = len(x), p["W"].shape[-1]
        a, r = (x @ p["U"] + p["b"][:, None]) * halves, state["h"] @ p["W"] * halves  # (G, B, H)
        keep, work = np.zeros((cell.keeps, batch, hidden)), np.zeros((cell.scratch, batch, hidden))
        kept: Arrays = {}
        if cell.gated:
            keep[0] = r[-1] + p.get("b_candidate", 0.0)
            kept["m"] = keep[0].copy()
        new = cell.state_type(*(np.zeros((batch, hidden)) for _ in states))
        prev = cell.state_type(*(state[name].copy() for name in states))
        if cell.staged:
            _bound(cell.prepare, cell, p)(a, r, prev, keep, work)
            kept["k"] = keep[0].copy()
            r[-1] = keep[0] @ p["W"][-1] * halves[-1]
        _bound(cell.forward, cell, p)(a, r, prev, new, keep, work)
        kept |= dict(zip(gates, a, strict=True)) | {"_keep": keep}
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
        _bound(cell.slopes, cell, p)(a[:, None], before, after, keep[:, None], work[:, None])
        _bound(cell.backward, cell, p)(a, dstate, prev, new, keep, work)
        met: Arrays = {}
        if cell.staged:
            dk = a[-1] @ p["W"][-1].T
            met["k"] = dk.copy()
            if not cell.direct:
                dstate[0].fill(0.0)
            _bound(cell.unstage, cell, p)(a, dstate, dk, prev, keep, work)
        dr = np.concatenate([a[:-1], keep[:1]]) if cell.gated else a
        direct = cell.gates - cell.staged  # blocks whose recurrent product is of h
        d["U"] += x.T @ a
        d["W"][:direct] += state["h"].T @ dr[:direct]
        if cell.staged:
            d["W"][-1] += keep[0].T @ a[-1]
        d["b"] += a.sum(axis=1)
        if cell.gated_bias:
            d["b_candidate"] += keep[0].sum(axis=0)
        if cell.peepholes:
            dp = np.empty_like(p["p"])
            cell.peephole_gradients(a[:, None], before, after, dp)
            d["p"] += dp
        dprev = dstate._asdict()
        through = (dr[:direct] @ p["W"][:direct].swapaxes(1, 2)).sum(axis=0)
        dprev["h"] = dprev["h"] + through if cell.direct or cell.staged else through
        met |= {f"a_{g}": da for g, da in zip(gates, a, strict=True)}
        if cell.gated:
            met["m"] = keep[0]
        return (a @ p["U"].swapaxes(1, 2)).sum(axis=0), dprev, met

    sees = tuple((gates[gate], state) for gate, state in cell.sees)
    return PlainCell(step, backward, gates, states, last_reads="k" if cell.staged else None, peepholes=sees)


def _scanned(cell: ScanCell) -> PlainCell:
    """Return the same of a cell without recurrent products."""
    gates, states = tuple(str(g) for g in range(cell.gates)), cell.state_type._fields
    halves = np.where(np.arange(cell.gates) < cell.sigmoids, 0.5, 1.0)[:, None, None]

    def weights(p: Arrays, batch: int) -> Array:
        seen = p.get("p", np.zeros((0, p["U"].shape[-1])))
        return np.repeat(seen[:, None], batch, axis=1)  # (peepholes, B, H)

    def step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
        batch, hidden = len(x), p["U"].shape[-1]
        a = (x @ p["U"] + p["b"][:, None]) * halves
        keep, work = np.zeros((cell.keeps, batch, hidden)), np.zeros((cell.scratch, batch, hidden))
        kept: Arrays = {}
        if cell.skip:
            kept["s"] = x @ p["U_skip"] if "U_skip" in p else x
            keep[0] = kept["s"]
        new = cell.state_type(*(np.zeros((batch, hidden)) for _ in states))
        prev = cell.state_type(*(state[name].copy() for name in states))
        seen = weights(p, batch) * halves[[gate for gate, _ in cell.sees]]
        cell.forward(a, a[:0], prev, new, keep, work, seen)
        kept |= dict(zip(gates, a, strict=True)) | {"_keep": keep}
        return new._asdict(), kept | {f"_{name}": array for name, array in new._asdict().items()}

    def backward(
        dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
    ) -> tuple[Array, Arrays, Arrays]:
        a, keep = np.array([kept[g] for g in gates]), kept["_keep"].copy()
        prev, new = (
            cell.state_type(*(found[start + name] for name in states))
            for found, start in ((state, ""), (kept, "_"))
        )
        dstate = cell.state_type(*(dnew[name].copy() for name in states))
        work = np.zeros((cell.scratch, *a.shape[1:]))
        cell.backward(a, dstate, prev, new, keep, work, weights(p, len(x)))
        d["U"] += x.T @ a
        d["b"] += a.sum(axis=1)
        dx = (a @ p["U"].swapaxes(1, 2)).sum(axis=0)
        met: Arrays = {f"a_{g}": da for g, da in zip(gates, a, strict=True)}
        if cell.peepholes:
            dp = np.empty_like(p["p"])
            before, after = (cell.state_type(*(array[None] for array in arrays)) for arrays in (prev, new))
            cell.peephole_gradients(a[:, None], before, after, dp)
            d["p"] += dp
        if cell.skip:
            met["s"] = keep[0]
            if "U_skip" in p:
                d["U_skip"] += x.T @ keep[0]
            dx = dx + (keep[0] @ p["U_skip"].T if "U_skip" in p else keep[0])
        return dx, dstate._asdict(), met

    sees = tuple((gates[gate], state) for gate, state in cell.sees)
    return PlainCell(step, backward, gates, states, peepholes=sees, products=False, skip=cell.skip)


def _bound(method: Callable[..., None], cell: Cell, p: Arrays) -> Callable[..., None]:
    """Return a method of the cell, with the peepholes that it takes, if it does."""
    return with_peepholes(method, p["p"]) if cell.sees else method

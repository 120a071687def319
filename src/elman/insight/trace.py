"""Every number of a forward and a backward pass of a model, as arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, ShapeError
from elman.insight import reference
from elman.insight.plain_cell import check_plain, plain_cell_of
from elman.insight.plain_output import check_softmax
from elman.insight.reference.cells import Array, Arrays
from elman.insight.reference.tape import depth, in_float64, layer
from elman.network import LanguageModel
from elman.network.checks import check_state, check_tokens
from elman.network.model import ModelState
from elman.typing import Ints

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Trace:
    """Every number of a forward and a backward pass over some tokens.

    Made by :func:`elman.trace`. All arrays are float64 and time-major, ``(T, B, ...)``.

    Attributes
    ----------
    tokens, targets : ndarray of int, (T, B)
        What was read, and what was to be predicted.
    loss : float
        Mean negative log-likelihood in nats, over the targets that count.
    losses : ndarray, (T, B)
        That of each target.
    values : dict of str to ndarray
        By name, what each step computed. In layer ``l``: its input ``layers.<l>.x``; for each gate ``g`` the
        products ``layers.<l>.Ux_<g>`` and ``layers.<l>.Wh_<g>``, the pre-activation ``layers.<l>.a_<g>`` and
        the gate ``layers.<l>.<g>``; the states, such as ``layers.<l>.h`` and ``layers.<l>.c``, and those
        that entered, ``layers.<l>.h_prev``; for an lstm ``u``, the tanh of ``c``, for gru and mgu ``m``, the
        product (with its bias) that a gate multiplies, for gru-before ``k``, the state that a gate
        multiplies, for minlstm ``q``, the sum of ``f`` and ``i``, and ``k``, the share of ``f`` in it, for
        sru ``s``, what its highway reads. On top ``output.logits`` and ``output.p``. The gate of the simple
        recurrent network is ``h`` itself.
    grads : dict of str to ndarray
        The derivative of `loss` by each of them, under the same names; not by ``output.p``, which is not
        needed on the way back. For a state it is all that reaches it, from the layer above and from the next
        step; for ``h_prev`` and ``c_prev``, what this step sends to the one before.
    params : dict of str to ndarray
        The parameters, in float64.
    dparams : dict of str to ndarray
        The derivative of `loss` by each parameter. What enters the first step is held constant, so that of
        learnt states is zero: the derivatives by them are those by ``h_prev`` and ``c_prev`` at step 0.
    gates, states : tuple of str
        The gates of the cell in the order of ``U`` and ``W``, and its states.
    reads : tuple of str
        What the recurrent weights of each gate multiply: ``h_prev``, but for the candidate of gru-before,
        which reads ``k``, the state behind the reset gate. Empty for a cell that has no recurrent weights,
        and so no ``Wh_<g>``.
    peepholes : tuple of (str, str)
        For each row of ``p`` the gate, and the state that it sees: ``c_prev``, ``h_prev`` or ``c``.

    Examples
    --------
    >>> import elman
    >>> seen = elman.trace(elman.LanguageModel(vocab_size=5, cell="mgu", hidden=3, layers=1), [1, 2, 3])
    >>> sorted(name for name in seen.values if name.endswith("_f"))
    ['layers.0.Ux_f', 'layers.0.Wh_f', 'layers.0.a_f']
    """

    tokens: NDArray[np.integer[Any]]
    targets: NDArray[np.integer[Any]]
    loss: float
    losses: Array
    values: Arrays
    grads: Arrays
    params: Arrays
    dparams: Arrays
    gates: tuple[str, ...]
    states: tuple[str, ...]
    reads: tuple[str, ...]
    peepholes: tuple[tuple[str, str], ...]

    @property
    def layers(self) -> int:
        """Depth, ``L``."""
        return depth(self.params)

    @property
    def state(self) -> list[Arrays]:
        """The state that leaves the last step, by layer and name."""
        return [
            {name: self.values[f"layers.{l}.{name}"][-1] for name in self.states} for l in range(self.layers)
        ]


def trace(
    model: LanguageModel,
    tokens: Any,
    targets: Any = None,
    *,
    state: ModelState | list[Arrays] | None = None,
    counted: Any = None,
) -> Trace:
    """Run a model forward and back over some tokens, and return every number on the way.

    It computes by the plain implementation, in float64 and step by step: slow, and proven equal to the fast
    path. For each step, row, layer and hidden unit it holds some tens of numbers; take a long text a window
    at a time, handing on `state`.

    Parameters
    ----------
    model : LanguageModel
        Of any cell, one of your own included. Dropout is not applied.
    tokens : array of int, (T,) or (T, B)
        What to read. One axis is one row.
    targets : array of int, optional
        What to predict at each step, of the same shape. Without it, each token is to predict the next: the
        last is then a target only.
    state : tuple of NamedTuples, or Trace.state, optional
        What enters the first step; by default zeros, or what the model has learnt to begin with.
    counted : array of bool, optional
        Which targets count in the loss, of the shape of `targets`; by default all.

    Returns
    -------
    Trace

    Raises
    ------
    ShapeError
        If the tokens, targets, state or `counted` do not fit the model or one another.
    ConfigError
        If `model` is not a LanguageModel, or one that reads backwards or is projected, or has another output
        than a softmax over all words.

    Examples
    --------
    >>> import elman
    >>> model = elman.LanguageModel(vocab_size=7, cell="lstm", embedding=3, hidden=4, layers=2)
    >>> seen = elman.trace(model, [1, 2, 3, 4, 5, 6])
    >>> seen.gates, seen.values["layers.1.f"].shape  # the forget gate: 5 steps, 1 row, 4 units
    (('i', 'f', 'o', 'g'), (5, 1, 4))
    >>> seen.grads["layers.0.h"].shape, sorted(seen.dparams) == sorted(model.params)
    ((5, 1, 4), True)
    """
    _check_model(model)
    x = _columns("tokens", tokens, model)
    if targets is None:
        if len(x) < 2:
            raise ShapeError("one token alone has nothing to predict: give at least two, or targets")
        x, y = x[:-1], x[1:]
    else:
        y = _columns("targets", targets, model)
        if y.shape != x.shape:
            raise ShapeError(f"targets has shape {y.shape} and tokens {x.shape}: give one for each")
    which = _which(counted, y)
    if state is None:
        state = model.initial_state(x.shape[1])
    if isinstance(state, tuple):
        check_state(state, model.stack, x.shape[1])
    entering = [_named(entry) for entry in state]
    params, cell = in_float64(model.params), plain_cell_of(model)
    tape, dparams = reference.unrolled(params, x, y, entering, cell=cell, counted=which)
    losses, values, grads = reference.losses(tape, y), _values(tape, params, cell), _grads(tape, cell)
    return Trace(
        x, y, float(losses[which].mean()), losses, values, grads, params, dparams, cell.gates, cell.states,
        _reads(cell), cell.peepholes,
    )  # fmt: skip


def _reads(cell: reference.Cell) -> tuple[str, ...]:
    """Return what the recurrent weights of each gate multiply; nothing, where there are none."""
    if not cell.products:
        return ()
    return (*["h_prev"] * (len(cell.gates) - 1), cell.last_reads or "h_prev")


def derivatives(model: LanguageModel, x: Ints, y: Ints, counted: Bools) -> Arrays:
    """Return the `grads` of a trace from zero states alone: the values beside them cost as much again."""
    cell, state = plain_cell_of(model), [_named(entry) for entry in model.initial_state(x.shape[1])]
    tape, _ = reference.unrolled(in_float64(model.params), x, y, state, cell=cell, counted=counted)
    return _grads(tape, cell)


def _check_model(model: Any) -> None:
    if not isinstance(model, LanguageModel):
        hint = "; give its .model" if isinstance(getattr(model, "model", None), LanguageModel) else ""
        raise ConfigError(f"model must be a LanguageModel, not a {type(model).__name__}{hint}")
    check_plain(model, "traced or explained")
    check_softmax(model, "traced or explained")


def _columns(name: str, tokens: Any, model: LanguageModel) -> NDArray[np.integer[Any]]:
    """Return tokens as (T, B)."""
    array = np.asarray(tokens)
    return check_tokens(name, array[:, None] if array.ndim == 1 else array, model.vocab_size, rank=2)


def _named(entry: Any) -> Arrays:
    """Return the state of a layer by name."""
    named = entry if isinstance(entry, dict) else entry._asdict()
    return {name: np.asarray(array, np.float64) for name, array in named.items()}


def _which(counted: Any, y: NDArray[np.integer[Any]]) -> Bools:
    if counted is None:
        return np.ones(y.shape, np.bool_)
    which = np.asarray(counted)
    which = which[:, None] if which.ndim == 1 else which
    if which.dtype != np.bool_ or which.shape != y.shape or not which.any():
        raise ShapeError(
            f"counted must be a boolean array {y.shape}, not all false, not {which.dtype} {which.shape}"
        )
    return which


def _values(tape: reference.Tape, params: Arrays, cell: reference.Cell) -> Arrays:
    """Return what each step computed, by name."""
    values: Arrays = {}
    for l in range(len(tape.inputs[0])):
        p, name = layer(params, l), f"layers.{l}."
        x = np.array([inputs[l] for inputs in tape.inputs])
        entering = _stack(tape.entering, l, cell.states)
        kept = _stack(tape.kept, l, [key for key in tape.kept[0][l] if not key.startswith("_")])
        values[f"{name}x"] = x
        before = {f"{key}_prev": array for key, array in entering.items()}
        seen = kept | _stack(tape.leaving, l, cell.states) | before
        peepholes = {gate: p["p"][row] * seen[key] for row, (gate, key) in enumerate(cell.peepholes)}
        for g, gate in enumerate(cell.gates):
            values[f"{name}Ux_{gate}"] = Ux = x @ p["U"][g]
            Wh = np.zeros(()) if not cell.products else seen[_reads(cell)[g]] @ p["W"][g]
            if cell.products:
                values[f"{name}Wh_{gate}"] = Wh
            if "m" not in kept or gate != cell.gates[-1]:
                values[f"{name}a_{gate}"] = Ux + Wh + p["b"][g] + peepholes.get(gate, 0.0)
            elif cell.gated_by is not None:
                values[f"{name}a_{gate}"] = Ux + p["b"][g] + kept[cell.gated_by] * kept["m"]
        values |= {f"{name}{key}": array for key, array in seen.items()}
    values["output.logits"], values["output.p"] = np.array(tape.logits), np.exp(tape.log_p)
    return values


def _grads(tape: reference.Tape, cell: reference.Cell) -> Arrays:
    """Return the derivative of the loss by each value."""
    grads: Arrays = {}
    for l in range(len(tape.inputs[0])):
        name = f"layers.{l}."
        met = _stack(tape.dkept, l, tape.dkept[0][l])
        grads[f"{name}x"] = np.array([dinputs[l] for dinputs in tape.dinputs])
        for g, gate in enumerate(cell.gates):
            da = met[f"a_{gate}"]
            gated = "m" in met and g == len(cell.gates) - 1
            grads[f"{name}Ux_{gate}"] = da
            if cell.products:
                grads[f"{name}Wh_{gate}"] = met["m"] if gated else da
        leaving, entering = _stack(tape.dleaving, l, cell.states), _stack(tape.dentering, l, cell.states)
        grads |= {f"{name}{key}": array for key, array in (leaving | met).items()}
        grads |= {f"{name}{key}_prev": array for key, array in entering.items()}
    grads["output.logits"] = np.array(tape.dlogits)
    return grads


def _stack(steps: list[list[Arrays]], l: int, names: Iterable[str]) -> Arrays:
    """Return arrays (T, B, n) of what a tape holds for each step."""
    return {name: np.array([step[l][name] for step in steps]) for name in names}

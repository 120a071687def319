"""The forward pass of the plain implementation, step by step, and the tape it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .cells import Array, Arrays, Cell, find_cell, log_softmax
from .depth import joined

Tokens: TypeAlias = NDArray[np.integer[Any]]
Masks: TypeAlias = Sequence[Array | None]
State: TypeAlias = Sequence[Mapping[str, Array] | Sequence[Array]]


@dataclass
class Tape:
    """What a forward pass leaves for the backward pass, and what that adds; a list has one entry a step."""

    entering: list[list[Arrays]] = field(default_factory=list)  # [t][l]: the state that entered step t
    leaving: list[list[Arrays]] = field(default_factory=list)  # [t][l]: the state that left step t
    inputs: list[list[Array]] = field(default_factory=list)  # [t][l]: the input of layer l (B, D or H)
    kept: list[list[Arrays]] = field(default_factory=list)  # [t][l]: what the cell kept
    top: list[Array] = field(default_factory=list)  # [t]: what the output layer saw (B, H)
    log_p: list[Array] = field(default_factory=list)  # [t]: log-probabilities (B, K)
    logits: list[Array] = field(default_factory=list)  # [t]: (B, K)
    # The backward pass appends from the last step to the first, and turns these lists round when it is done.
    dlogits: list[Array] = field(default_factory=list)  # [t]: (B, K)
    dtop: list[Array] = field(default_factory=list)  # [t]: what the loss of step t sends down (B, H)
    dleaving: list[list[Arrays]] = field(default_factory=list)  # [t][l]: all that reaches the state of step t
    dkept: list[list[Arrays]] = field(default_factory=list)  # [t][l]: of the gates and what went into them
    dinputs: list[list[Array]] = field(default_factory=list)  # [t][l]: (B, D or H)
    dentering: list[list[Arrays]] = field(default_factory=list)  # [t][l]: what step t sends to step t - 1


def layer(arrays: Arrays, l: int) -> Arrays:
    """Return the arrays of layer l under their short names; views, so adding into them is seen."""
    prefix = f"layers.{l}."
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def depth(params: Arrays) -> int:
    """Return L, the number of layers."""
    return sum(name.startswith("layers.") and name.endswith(".U") for name in params)


def output_weights(params: Arrays) -> Array:
    """Return V (H, K); with tied embeddings that is E transposed."""
    return params["output.V"] if "output.V" in params else params["embedding.E"].T


def in_float64(params: Mapping[str, NDArray[np.floating[Any]]]) -> Arrays:
    """Return the parameters in float64; those that are already are not copied."""
    return {name: np.asarray(array, np.float64) for name, array in params.items()}


def named_states(state: State, functions: Cell) -> list[Arrays]:
    """Return the state as dictionaries in float64; a tuple is read in the order h, c."""
    named = []
    for entry in state:
        pairs = entry.items() if isinstance(entry, Mapping) else zip(functions.states, entry, strict=True)
        named.append({name: np.asarray(array, np.float64) for name, array in pairs})
    return named


def begun_anew(states: list[Arrays], rows: NDArray[np.bool_] | None, params: Arrays) -> list[Arrays]:
    """Return the states with the rows begun anew where `rows` (B,) is true.

    They begin from zeros, or from the parameters `layers.<l>.h0` and so on, where there are such.
    """
    if rows is None:
        return states
    keep = ~np.asarray(rows, np.bool_)[:, None]
    return [
        {name: np.where(keep, a, params.get(f"layers.{l}.{name}0", 0.0)) for name, a in entry.items()}
        for l, entry in enumerate(states)
    ]


def begun_anew_backward(dstates: list[Arrays], rows: NDArray[np.bool_] | None, grads: Arrays) -> list[Arrays]:
    """Return what passes to the states before: of rows that begin anew nothing, which goes to h0 instead."""
    if rows is None:
        return dstates
    begun = np.asarray(rows, np.bool_)[:, None]
    for l, entry in enumerate(dstates):
        for name, da in entry.items():
            if f"layers.{l}.{name}0" in grads:
                grads[f"layers.{l}.{name}0"] += np.where(begun, da, 0.0).sum(axis=0)
    return [{name: np.where(begun, 0.0, da) for name, da in entry.items()} for entry in dstates]


def forward_pass(
    params: Arrays,
    x: Tokens,
    state: State,
    cell: str | Cell,
    activation: str,
    masks: Masks | None,
    reset: NDArray[np.bool_] | None,
    connections: str = "none",
) -> tuple[list[Arrays], Tape]:
    """Run the model over the window; return the state that leaves it and the tape."""
    x = np.asarray(x)
    if x.size and x.min() < 0:
        raise ValueError(f"token {x.min()}: ids count from 0, and a negative one would wrap around")
    functions = find_cell(cell, activation)
    states, tape = named_states(state, functions), Tape()
    for t in range(len(x)):
        states = begun_anew(states, None if reset is None else reset[t], params)
        tape.entering.append(states)
        inputs, leaving, kept, h = stack_step(
            params, params["embedding.E"][x[t]], states, functions, masks, t, connections
        )
        states = leaving
        logits = h @ output_weights(params) + params["output.c"]
        tape.inputs.append(inputs)
        tape.leaving.append(leaving)
        tape.kept.append(kept)
        tape.top.append(h)
        tape.logits.append(logits)
        tape.log_p.append(log_softmax(logits))
    return states, tape


def stack_step(
    params: Arrays,
    x: Array,
    states: list[Arrays],
    functions: Cell,
    masks: Masks | None = None,
    t: int = 0,
    connections: str = "none",
) -> tuple[list[Array], list[Arrays], list[Arrays], Array]:
    """Run step t of all layers on x (B, D).

    Returns, by layer, what each read, the state that left it and what its cell kept; and what the top hands
    on (B, H).
    """
    h, inputs, leaving, kept = x, [], [], []
    for l in range(len(states)):
        inputs.append(h)
        new, keep = functions.step(h, states[l], layer(params, l))
        leaving.append(new)
        kept.append(keep)
        h = joined(dropped(new["h"], masks, l, t), h, layer(params, l), connections)
    return inputs, leaving, kept, h


def dropped(h: Array, masks: Masks | None, l: int, t: int) -> Array:
    """Multiply by the dropout mask of layer l at step t, if there is one; its backward is itself."""
    mask = None if masks is None else masks[l]
    return h if mask is None else h * mask[t]

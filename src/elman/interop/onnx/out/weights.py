"""A layer's parameters and states, as an operator of ONNX reads them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.interop.onnx.out.operators import Block, Operator, operator_of
from elman.network import LanguageModel
from elman.typing import Floats, Params

DTYPE = np.dtype(np.float32)
"""Of every file: the recurrent operators of ONNX Runtime do not compute in double precision."""


class StateName(NamedTuple):
    """A state that goes in and comes out."""

    name: str
    width: int

    @property
    def out(self) -> str:
        """Name of the output that holds it after the window."""
        return f"{self.name}_out"


class LayerPlan(NamedTuple):
    """What the graph must know of a layer.

    Attributes
    ----------
    name : str
        Such as ``layers.0``.
    prefixes : tuple of str
        Of the parameters of each direction.
    direction : str
        ``forward``, ``reverse`` or ``bidirectional``.
    operator : Operator
        What computes it.
    hidden : int
        Width of the operator, ``H``.
    states : tuple of StateName
        In the order of the layer's state.
    """

    name: str
    prefixes: tuple[str, ...]
    direction: str
    operator: Operator
    hidden: int
    states: tuple[StateName, ...]


def plans_of(model: LanguageModel) -> tuple[LayerPlan, ...]:
    """Say of every layer what computes it and what its states are called.

    Raises
    ------
    ConfigError
        If ONNX has no operator for a cell.
    """
    plans = []
    for number, layer in enumerate(model.stack.layers):
        fields = layer.cell.state_type._fields
        states = tuple(StateName(f"{field}_{number}", layer.hidden) for field in fields)
        plans.append(
            LayerPlan(layer.name, (layer.name,), "forward", operator_of(layer.cell), layer.hidden, states)
        )
    return tuple(plans)


def tensors_of(plan: LayerPlan, params: Params) -> dict[str, Floats]:
    """Return the tensors W, R, B and, with peepholes, P of an operator, the directions along axis 0."""
    directions = [_one_direction(plan.operator, plan.hidden, params, prefix) for prefix in plan.prefixes]
    return {letter: np.stack([tensors[letter] for tensors in directions]) for letter in directions[0]}


def _one_direction(operator: Operator, H: int, params: Params, prefix: str) -> dict[str, Floats]:
    U, W, b = (params[f"{prefix}.{letter}"] for letter in "UWb")
    inner = np.zeros((len(operator.blocks), H), b.dtype)  # (G, H): the bias of the recurrent product
    b_candidate = params.get(f"{prefix}.b_candidate")
    if b_candidate is not None:
        inner[-1] = b_candidate
    tensors = {
        "W": _rows(U.transpose(0, 2, 1), operator.blocks),  # (G H, D)
        "R": _rows(W.transpose(0, 2, 1), operator.blocks),  # (G H, H)
        "B": np.concatenate([_rows(b, operator.blocks), inner.ravel()]),  # (2 G H,)
    }
    if operator.peepholes:
        tensors["P"] = _rows(params[f"{prefix}.p"], operator.peepholes)
    return {letter: np.ascontiguousarray(array, DTYPE) for letter, array in tensors.items()}


def _rows(blocks: Floats, chosen: tuple[Block, ...]) -> Any:
    """Lay chosen blocks ``(H, ...)`` out one below the other."""
    return np.concatenate([sign * blocks[number] for number, sign in chosen])

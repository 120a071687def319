"""A layer's parameters and states, as an operator of ONNX reads them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.interop.onnx.out.operators import Block, Operator, operator_of
from elman.network import LanguageModel
from elman.network.layers import AnyLayer, Bidirectional, ProjectedLayer, Reverse
from elman.typing import Floats, Params

DTYPE = np.dtype(np.float32)
"""Of every file: the recurrent operators of ONNX Runtime do not compute in double precision."""


class StateName(NamedTuple):
    """A state that goes in and comes out.

    Attributes
    ----------
    name : str
        Such as ``h_0``; ``m_0`` for what is before the projection, from which h comes.
    width : int
        Its numbers a row.
    projection : str
        Name of the parameter that makes h of it; empty where it is the state itself.
    """

    name: str
    width: int
    projection: str = ""

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
    hidden, width : int
        Of the operator, ``H``, and of what one direction gives out.
    states : tuple of StateName
        In the order of the layer's state.
    """

    name: str
    prefixes: tuple[str, ...]
    direction: str
    operator: Operator
    hidden: int
    width: int
    states: tuple[StateName, ...]

    @property
    def projected(self) -> bool:
        """Whether what it gives out is a projection of what the operator makes."""
        return any(state.projection for state in self.states)


def plans_of(model: LanguageModel) -> tuple[LayerPlan, ...]:
    """Say of every layer what computes it and what its states are called.

    Raises
    ------
    ConfigError
        If ONNX has no operator for a cell.
    """
    return tuple(_plan(number, layer) for number, layer in enumerate(model.stack.layers))


def _plan(number: int, layer: AnyLayer) -> LayerPlan:
    if isinstance(layer, Bidirectional):
        ways = [layer.ahead, layer.back.layer]
    elif isinstance(layer, Reverse):
        ways = [layer.layer]
    else:
        ways = [layer]
    states = []
    for way, suffix in zip(ways, ("", "_reverse"), strict=False):
        for field in way.cell.state_type._fields:
            if field == "h" and isinstance(way, ProjectedLayer):
                states.append(StateName(f"m_{number}{suffix}", way.hidden, f"{way.name}.R"))
            else:
                states.append(StateName(f"{field}_{number}{suffix}", way.hidden))
    prefixes, first = tuple(way.name for way in ways), ways[0]
    operator = operator_of(layer.cell)
    return LayerPlan(
        layer.name, prefixes, layer.direction, operator, first.hidden, first.width, tuple(states)
    )


def tensors_of(plan: LayerPlan, params: Params) -> dict[str, Floats]:
    """Return what a layer computes with, each direction along axis 0.

    W, R, B and, with peepholes, P are inputs of the operator; with a projection there is what its output is
    to be multiplied by, ``projection`` ``(H, P)``.
    """
    directions = [_one_direction(plan.operator, plan.hidden, params, prefix) for prefix in plan.prefixes]
    return {letter: np.stack([tensors[letter] for tensors in directions]) for letter in directions[0]}


def _one_direction(operator: Operator, H: int, params: Params, prefix: str) -> dict[str, Floats]:
    U, W, b = (params[f"{prefix}.{letter}"] for letter in "UWb")
    projection = params.get(f"{prefix}.R")
    if projection is not None:  # h W = (m R) W = m (R W)
        W = np.matmul(projection.astype(np.float64), W)
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
    if projection is not None:
        tensors["projection"] = projection
    return {letter: np.ascontiguousarray(array, DTYPE) for letter, array in tensors.items()}


def _rows(blocks: Floats, chosen: tuple[Block, ...]) -> Any:
    """Lay chosen blocks ``(H, ...)`` out one below the other."""
    return np.concatenate([sign * blocks[number] for number, sign in chosen])

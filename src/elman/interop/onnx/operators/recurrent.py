"""RNN, LSTM and GRU, on the layers and cells of the house."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.errors import DataError, ShapeError
from elman.interop.onnx.operators.node import Node, Room, Run, Value, kind_of, one_type
from elman.interop.onnx.operators.weights import Family, Weights, cells_of, layer_params
from elman.interop.onnx.types import FLOATS
from elman.network.cells import Cell, State
from elman.network.layers import new_layer
from elman.network.rows import Rows
from elman.network.workspace import Workspace
from elman.typing import Floats

RNN = Family("rnn", gates=1, usual=("Tanh",), states=1)
LSTM = Family("lstm", gates=4, usual=("Sigmoid", "Tanh", "Tanh"), states=2)
GRU = Family("gru", gates=3, usual=("Sigmoid", "Tanh"), states=1)


def rnn(node: Node) -> Run:
    """A simple recurrent network of one layer."""
    return Recurrent(node, RNN).run


def lstm(node: Node) -> Run:
    """A long short-term memory of one layer, with peepholes and coupled gates where they are asked for."""
    return Recurrent(node, LSTM).run


def gru(node: Node) -> Run:
    """A gated recurrent unit of one layer: its reset acts before the product, or after it."""
    return Recurrent(node, GRU).run


class _Window(NamedTuple):
    """What all directions of a node read."""

    x: Floats  # (T, B, D)
    live: Any  # bool (T, B), or None: all steps count
    initial: tuple[Floats | None, ...]  # (directions, B, H) each
    hidden: int


class Recurrent:
    """One node: its attributes, read once, and the weights of its last run, if they are constants.

    Each direction is a layer of its own, since each may have other activations.

    Parameters
    ----------
    node : Node
        Its attributes and names.
    family : Family
        What kind of recurrence it is.
    """

    def __init__(self, node: Node, family: Family) -> None:
        self.node, self.family = node, family
        direction = node.attributes.get("direction", "forward")
        if direction not in ("forward", "reverse", "bidirectional"):
            raise DataError(f"direction must be forward, reverse or bidirectional, not {direction!r:.40}")
        self.directions = ("forward", "reverse") if direction == "bidirectional" else (str(direction),)
        self.batch_first = node.switch("layout")
        self.cells: list[Cell] = cells_of(node, family, len(self.directions))
        self._weights: Weights | None = None

    def run(self, values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        """Return Y, Y_h and, of an LSTM, Y_c; None for those that nobody reads."""
        x, w, r = values[:3]
        assert x is not None
        assert w is not None
        assert r is not None
        b, lengths, h, c, p = (values[slot] if slot < len(values) else None for slot in range(3, 8))
        states = [h, c][: self.family.states]
        dtype = one_type([x, w, r, b, *states, p])
        if dtype not in FLOATS:
            raise ShapeError(f"X must be of floats, not {kind_of(x)}")
        wide = np.dtype(np.float32) if dtype == np.float16 else dtype
        window = self._window(x, r, lengths, states, wide)
        weights = self._load(w, r, b, p, x.shape[2], wide, room)
        T, B, _ = window.x.shape
        outputs, last = self._go(window, weights, wide, room)
        wants = self.node.wants
        results: list[Value | None] = [None]
        if wants(0):
            room.ask((T, len(outputs), B, window.hidden), dtype, copies=2)
            y = np.stack(outputs, axis=1).astype(dtype, copy=False)  # (T, directions, B, H)
            results = [np.ascontiguousarray(y.transpose(2, 0, 1, 3)) if self.batch_first else y]
        for field in range(self.family.states):
            final = np.stack([state[field] for state in last]).astype(dtype, copy=False)
            final = np.ascontiguousarray(final.swapaxes(0, 1)) if self.batch_first else final
            results.append(final if wants(field + 1) else None)
        return results

    def _go(
        self, window: _Window, weights: Weights, dtype: np.dtype[Any], room: Room
    ) -> tuple[list[Floats], list[State]]:
        """Return the outputs ``(T, B, H)`` and the last state of each direction."""
        T, B, D = window.x.shape
        outputs: list[Floats] = []
        last: list[State] = []
        for index, (direction, cell) in enumerate(zip(self.directions, self.cells, strict=True)):
            layer = new_layer("layer", cell, D, window.hidden, dtype, direction=direction)
            fields = cell.state_type._fields
            blocks = cell.gates + cell.keeps + cell.scratch + 3 * len(fields) + 1
            room.ask((blocks, T + 1, B, window.hidden), dtype)
            given = (
                np.zeros((B, window.hidden), dtype) if state is None else state[index]
                for state in window.initial
            )
            state: State = cell.state_type(*given)
            if T == 0 or B == 0 or window.hidden == 0:
                outputs.append(np.zeros((T, B, window.hidden), dtype))
                last.append(state)
                continue
            rows = None if window.live is None else Rows(None, window.live, dtype)
            tape = layer.forward(weights.params[index], window.x, state, Workspace(), rows)
            outputs.append(np.array(tape.h))  # zero where a step does not count
            last.append(tape.leaving(T))
        return outputs, last

    def _window(
        self,
        x: Value,
        r: Value,
        lengths: Value | None,
        states: Sequence[Value | None],
        dtype: np.dtype[Any],
    ) -> _Window:
        """Check what is not weights, and bring it into the order of time."""
        if x.ndim != 3 or r.ndim != 3:
            raise ShapeError(f"X and R must have three axes, not {kind_of(x)} and {kind_of(r)}")
        hidden = r.shape[2]
        if self.node.integer("hidden_size", hidden) != hidden:
            raise ShapeError(f"hidden_size is {self.node.attributes['hidden_size']}, and R has {hidden}")
        x = x.swapaxes(0, 1) if self.batch_first else x
        T, B, _ = x.shape
        initial: list[Floats | None] = []
        for name, state in zip(("initial_h", "initial_c"), states, strict=False):
            if state is not None:
                shape = (
                    (B, len(self.directions), hidden)
                    if self.batch_first
                    else (len(self.directions), B, hidden)
                )
                expect_shape(name, state, shape)
                state = state.swapaxes(0, 1) if self.batch_first else state
                state = np.ascontiguousarray(state, dtype)
            initial.append(state)
        return _Window(np.ascontiguousarray(x, dtype), _live(lengths, T, B), tuple(initial), hidden)

    def _load(
        self,
        w: Value,
        r: Value,
        b: Value | None,
        p: Value | None,
        inputs: int,
        dtype: np.dtype[Any],
        room: Room,
    ) -> Weights:
        """Return the parameters of the layers; of constants, those made the last time."""
        given = (w, r, b, p)
        known = self._weights
        if known is not None and all(a is b for a, b in zip(known.given, given, strict=True)):
            return known
        count, rows, hidden = len(self.directions), self.family.gates * r.shape[2], r.shape[2]
        expect_shape("W", w, (count, rows, inputs))
        expect_shape("R", r, (count, rows, hidden))
        if b is not None:
            expect_shape("B", b, (count, 2 * rows))
        if p is not None:
            expect_shape("P", p, (count, 3 * hidden))
        room.ask((2, count, rows, inputs + hidden), dtype)
        params = [
            layer_params(
                self.family, cell, *(None if value is None else value[index].astype(dtype) for value in given)
            )
            for index, cell in enumerate(self.cells)
        ]
        weights = Weights(params, given)
        if not any(value is not None and value.flags.writeable for value in given):
            self._weights = weights
        return weights


def expect_shape(name: str, value: Value, shape: tuple[int, ...]) -> None:
    """Raise ShapeError if a value is of another shape."""
    if value.shape != shape:
        raise ShapeError(f"{name} must have shape {shape}, not {value.shape}")


def _live(lengths: Value | None, T: int, B: int) -> Any:
    """Return which steps count, ``(T, B)``; None if all do."""
    if lengths is None:
        return None
    expect_shape("sequence_lens", lengths, (B,))
    if lengths.dtype != np.int32:
        raise ShapeError(f"sequence_lens must be int32, not {lengths.dtype}")
    if B and not (lengths.min() >= 0 and lengths.max() <= T):
        raise ShapeError(f"sequence_lens must be from 0 to {T}, and has {lengths.min()} to {lengths.max()}")
    return None if (lengths == T).all() else np.arange(T)[:, None] < lengths

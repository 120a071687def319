"""A model made ready: checked once, then run as often as wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx

from elman.errors import ConfigError, DataError, ElmanError, ShapeError
from elman.interop.onnx.checks import check_whole, opset_of, read_nodes
from elman.interop.onnx.operators import OPERATORS
from elman.interop.onnx.operators.node import Node, Room, Run, Value, kind_of
from elman.interop.onnx.types import array_of, dtype_of, text_of

MAX_BYTES = 2**31
"""What the values computed in a run may hold at once, if nothing else is said."""


class Port(NamedTuple):
    """An input or an output, as the model declares it."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str | None, ...] | None  # None: of any rank; a size: a number, a name, or any


class Step(NamedTuple):
    """A node in the order of the run."""

    node: Node
    run: Run
    frees: tuple[str, ...]  # values that nobody reads after it


class Graph:
    """The nodes of a model, in order, with their constants.

    Parameters
    ----------
    model : onnx.ModelProto
        The whole of it is checked here.
    max_bytes : int
        What the values computed in a run may hold at once.

    Raises
    ------
    ConfigError
        If the model is sound, and has what is not run.
    DataError
        If it is not sound.
    """

    def __init__(self, model: onnx.ModelProto, max_bytes: int = MAX_BYTES) -> None:
        if not isinstance(model, onnx.ModelProto):
            raise ConfigError(
                f"a model is an onnx.ModelProto, which load_model reads, not {type(model).__name__}"
            )
        self.max_bytes, self.opset = max_bytes, opset_of(model)
        nodes = read_nodes(model, self.opset)
        graph = model.graph
        self.constants: dict[str, Value] = {
            tensor.name: array_of(tensor, f"initializer {tensor.name!r:.60}") for tensor in graph.initializer
        }
        self.inputs = [_port(value, "input") for value in graph.input]
        self.outputs = [_port(value, "output") for value in graph.output]
        check_whole(model)
        self.steps = _steps(nodes, {port.name for port in self.outputs})

    def run(self, given: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the outputs for these inputs, by name; one with a value in the model may be left out."""
        values: dict[str, Value] = dict(self.constants)
        names = [port.name for port in self.inputs]
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise ShapeError(
                f"the model has no input {unknown[0]!r:.60}: its inputs are {', '.join(names):.200}"
            )
        bound: dict[str, int] = {}
        for port in self.inputs:
            if port.name in given:
                array = np.asarray(given[port.name])
                # What cannot be written to is taken for a constant of the model: see `Recurrent`.
                values[port.name] = array if array.flags.writeable else array.copy()
            elif port.name not in values:
                raise ShapeError(f"input {port.name!r:.60} is missing")
            _check(port, values[port.name], bound)
        fixed = dict(values)
        room = Room(self.max_bytes)
        with np.errstate(all="ignore"):  # what overflows is infinite, as in any other runtime
            for step in self.steps:
                inputs = [values[name] if name else None for name in step.node.inputs]
                made = zip(step.node.outputs, run_node(step.node, step.run, inputs, room), strict=False)
                for name, value in made:
                    if name:
                        assert value is not None
                        values[name] = value
                        room.held += value.nbytes
                for name in step.frees:
                    freed = values.pop(name)
                    room.held -= 0 if name in fixed else freed.nbytes
        kept = {id(value) for value in fixed.values()}
        return tuple(self._result(port, values[port.name], kept) for port in self.outputs)

    def _result(self, port: Port, value: Value, kept: set[int]) -> Value:
        if value.dtype != port.dtype:
            raise DataError(
                f"output {port.name!r:.60} is declared as {port.dtype}, and came as {value.dtype}"
            )
        # The caller may write to it: not to the memory of the model, or of an input.
        own = value.base is None and value.flags.writeable and id(value) not in kept
        return value if own else value.copy()


def run_node(node: Node, run: Run, inputs: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
    """Run one node; what goes wrong is told with its name."""
    try:
        return run(inputs, room)
    except ElmanError as error:
        raise type(error)(f"{node.label}: {error}") from error
    except MemoryError as error:
        raise DataError(f"{node.label}: there is not enough memory for its result") from error
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise ShapeError(f"{node.label}: {error}") from error


def made_ready(node: Node) -> Run:
    """Return what runs a node; an attribute that makes no sense is told with the node's name."""
    try:
        return OPERATORS[node.operator](node)
    except ElmanError as error:
        raise type(error)(f"{node.label}: {error}") from error


def _steps(nodes: Sequence[Node], outputs: set[str]) -> list[Step]:
    """Make the nodes ready, and see which values each of them is the last to read."""
    steps: list[Step] = []
    read_later = set(outputs)
    for node in reversed(nodes):
        names = {name for name in (*node.inputs, *node.outputs) if name}
        steps.append(Step(node, made_ready(node), tuple(names - read_later)))
        read_later |= names
    return steps[::-1]


def _port(value: onnx.ValueInfoProto, what: str) -> Port:
    name = text_of(value.name, what)
    label = f"{what} {name!r:.60}"
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise ConfigError(f"{label} is of the kind {kind or 'none'}, and elman runs tensors alone")
    tensor = value.type.tensor_type
    shape: tuple[int | str | None, ...] | None = None
    if tensor.HasField("shape"):
        shape = tuple(
            dim.dim_value if dim.HasField("dim_value") else text_of(dim.dim_param, label) or None
            for dim in tensor.shape.dim
        )
    if any(isinstance(size, int) and size < 0 for size in shape or ()):
        raise DataError(f"{label} has a negative size in its shape")
    return Port(name, dtype_of(tensor.elem_type, label), shape)


def _check(port: Port, value: Value, bound: dict[str, int]) -> None:
    """Raise ShapeError if a value is not what the port declares; a name is one size in all of them."""
    sizes = port.shape
    fits = value.dtype == port.dtype and (sizes is None or len(sizes) == value.ndim)
    for size, found in zip(sizes or (), value.shape, strict=False):
        fits = fits and (not isinstance(size, int) or size == found)
    if not fits:
        expected = f"{port.dtype} {'of any shape' if sizes is None else _shown(sizes)}"
        raise ShapeError(f"input {port.name!r:.60} must be {expected:.200}, not {kind_of(value):.200}")
    for size, found in zip(sizes or (), value.shape, strict=False):
        if isinstance(size, str) and bound.setdefault(size, found) != found:
            raise ShapeError(
                f"{size!r:.40} is {found} in input {port.name!r:.60}, and {bound[size]} in one before it"
            )


def _shown(shape: Sequence[int | str | None]) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"

"""Shape, Expand, ConstantOfShape: sizes as numbers, and tensors of sizes that a model computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.errors import DataError, ShapeError
from elman.interop.onnx.operators.node import MAX_RANK, Node, Room, Run, Value, kind_of


def shape(node: Node) -> Run:
    """Give the sizes of the axes, or of those from ``start`` to ``end``, beyond which there are none."""
    start, end = node.integer("start", 0), node.attributes.get("end")
    end = None if end is None else node.integer("end")

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        (x,) = values
        assert x is not None
        # A slice of Python counts from the end, and clamps to it, as the specification does.
        return (np.array(x.shape[start:end], np.int64),)

    return run


def expand(node: Node) -> Run:
    """Broadcast to a shape, and to the value's own sizes where the shape has 1 or no axis."""

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        x, wanted = values
        assert x is not None
        sizes = _broadcast(x.shape, _sizes(wanted))
        room.ask(sizes, x.dtype)
        # A copy: what broadcast_to gives cannot be written to, and would pass for a constant of the model.
        return (np.broadcast_to(x, sizes).copy(),)

    return run


def constant_of_shape(node: Node) -> Run:
    """Fill a shape with the one number of ``value``, a float32 zero if it is left out."""
    value = node.attributes.get("value", np.zeros(1, np.float32))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise DataError(f"value must be a tensor of one number, not {value!r:.40}")
    number = value.reshape(())

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        sizes = _sizes(values[0])
        room.ask(sizes, number.dtype)
        return (np.full(sizes, number),)

    return run


def _sizes(value: Value | None) -> tuple[int, ...]:
    """Return the sizes that an int64 vector holds."""
    assert value is not None
    if value.dtype != np.int64 or value.ndim != 1:
        raise ShapeError(f"the shape must be a vector of int64, not {kind_of(value)}")
    if value.size > MAX_RANK:
        raise ShapeError(f"a result of rank {value.size} is asked for; the limit is {MAX_RANK}")
    if value.size and value.min() < 0:
        raise ShapeError(f"sizes are at least 0, and the shape has {value.min()}")
    return tuple(value.tolist())


def _broadcast(old: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Return the common shape; NumPy's own function makes arrays of it, which the largest sizes are not."""
    rank = max(len(old), len(wanted))
    pairs = zip(*((1,) * (rank - len(sizes)) + sizes for sizes in (old, wanted)), strict=True)
    result = []
    for a, b in pairs:
        if a != b and 1 not in (a, b):
            raise ShapeError(
                f"shape {old!s:.80} cannot be expanded to {list(wanted)!s:.80}: {a} is neither {b} nor 1"
            )
        result.append(b if a == 1 else a)
    return tuple(result)

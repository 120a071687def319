"""Reshape, Transpose, Squeeze, Unsqueeze, Identity, Constant: the numbers stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from elman.errors import DataError, ShapeError
from elman.interop.onnx.operators.node import (
    MAX_RANK,
    Node,
    Room,
    Run,
    Value,
    axes_of,
    unsupported,
    whole_numbers,
)


def reshape(node: Node) -> Run:
    """Lay the numbers out anew: -1 is what is left, 0 keeps a size (or, with ``allowzero``, is none)."""
    allow_zero = node.switch("allowzero")

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        x, wanted = values
        assert x is not None
        sizes = whole_numbers(wanted, "the shape")
        assert sizes is not None
        room.ask(x.shape, x.dtype)  # of a transposed value a copy is made
        return (x.reshape(_new_shape(x.shape, sizes, allow_zero=allow_zero)),)

    return run


def transpose(node: Node) -> Run:
    """Bring the axes into another order; the reverse one if none is given."""
    order = node.integers("perm")

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        (x,) = values
        assert x is not None
        if order is None:
            return (x.T,)
        if len(order) != x.ndim:
            raise ShapeError(f"perm {list(order)!s:.80} does not order the axes of shape {x.shape}")
        return (x.transpose(axes_of(order, x.ndim, signed=False)),)

    return run


def squeeze(node: Node) -> Run:
    """Drop axes of size 1: those given, or all."""
    fixed = _fixed_axes(node)

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        x, axes = _with_axes(values, fixed)
        if axes is None:
            return (x.squeeze(),)
        dropped = axes_of(axes, x.ndim, signed=node.opset >= 11)
        for axis in dropped:
            if x.shape[axis] != 1:
                raise ShapeError(f"axis {axis} of shape {x.shape} is of size {x.shape[axis]}, and not of 1")
        return (x.squeeze(dropped),)

    return run


def unsqueeze(node: Node) -> Run:
    """Put in axes of size 1, which are counted in the result."""
    fixed = _fixed_axes(node)

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        x, axes = _with_axes(values, fixed)
        if axes is None:
            raise DataError("axes are missing")
        rank = x.ndim + len(axes)
        if rank > MAX_RANK:
            raise ShapeError(f"a result of rank {rank} is asked for; the limit is {MAX_RANK}")
        new = set(axes_of(axes, rank, signed=node.opset >= 11))
        old = iter(x.shape)
        return (x.reshape([1 if axis in new else next(old) for axis in range(rank)]),)

    return run


def identity(node: Node) -> Run:
    """Hand the value on."""
    return lambda values, room: (values[0],)


def constant(node: Node) -> Run:
    """Give the value of the one attribute there is."""
    if len(node.attributes) != 1:
        raise DataError(f"it must have one attribute that is its value, not {len(node.attributes)}")
    ((name, given),) = node.attributes.items()
    if name == "value":
        value = np.asarray(given)
    elif name in ("value_float", "value_floats"):
        value = np.array(given, np.float32)
    elif name in ("value_int", "value_ints"):
        value = np.array(given, np.int64)
    else:
        raise unsupported(f"its value is a {name}")
    value.flags.writeable = False
    return lambda values, room: (value,)


def _fixed_axes(node: Node) -> tuple[int, ...] | None:
    """Return the axes that are an attribute, as they are before opset 13."""
    return node.integers("axes") if node.opset < 13 else None


def _with_axes(
    values: Sequence[Value | None], fixed: tuple[int, ...] | None
) -> tuple[Value, tuple[int, ...] | None]:
    x = values[0]
    assert x is not None
    return x, fixed if len(values) < 2 else whole_numbers(values[1], "axes")


def _new_shape(old: tuple[int, ...], wanted: tuple[int, ...], *, allow_zero: bool) -> tuple[int, ...]:
    def impossible(why: str) -> ShapeError:
        return ShapeError(f"shape {old} cannot become {list(wanted)!s:.80}: {why}")

    if len(wanted) > MAX_RANK:
        raise ShapeError(f"a result of rank {len(wanted)} is asked for; the limit is {MAX_RANK}")
    if min(wanted, default=0) < -1 or wanted.count(-1) > 1:
        raise impossible("sizes are at least 0, and one of them may be -1")
    sizes = list(wanted)
    if not allow_zero:
        for axis, size in enumerate(wanted):
            if size == 0:
                if axis >= len(old):
                    raise impossible(f"there is no axis {axis} to keep")
                sizes[axis] = old[axis]
    if -1 in sizes:
        rest = prod(size for size in sizes if size != -1)
        if rest == 0 or prod(old) % rest:
            raise impossible(f"{prod(old)} numbers do not divide into the sizes that are given")
        sizes[sizes.index(-1)] = prod(old) // rest
    if prod(sizes) != prod(old):
        raise impossible(f"{prod(old)} numbers do not fill it")
    return tuple(sizes)

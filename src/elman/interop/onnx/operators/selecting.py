"""Gather, Slice, Concat: parts of tensors, and tensors of parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.errors import DataError, ShapeError
from elman.interop.onnx.operators.node import (
    Node,
    Room,
    Run,
    Value,
    axes_of,
    axis_of,
    kind_of,
    one_type,
    whole_numbers,
)

INDICES = (np.dtype(np.int32), np.dtype(np.int64))


def gather(node: Node) -> Run:
    """Take slices along an axis, by their indices: the embedding of words, with axis 0."""
    axis = node.integer("axis", 0)
    signed = node.opset >= 11

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        data, indices = values
        assert data is not None
        assert indices is not None
        if indices.dtype not in INDICES:
            raise ShapeError(f"indices must be int32 or int64, not {kind_of(indices)}")
        if data.ndim == 0:
            raise ShapeError("the data is a scalar, and has no axis to take from")
        along = axis_of(axis, data.ndim)
        size = data.shape[along]
        low, high = -size if signed else 0, size - 1
        if indices.size and not (low <= indices.min() and indices.max() <= high):
            bad = indices.min() if indices.min() < low else indices.max()
            raise ShapeError(f"index {bad} is out of range: expected {low} to {high}")
        room.ask((*data.shape[:along], *indices.shape, *data.shape[along + 1 :]), data.dtype)
        return (np.asarray(data.take(indices, axis=along)),)

    return run


def concat(node: Node) -> Run:
    """Join tensors along an axis that exists."""
    axis = node.integer("axis")

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        parts = [value for value in values if value is not None]
        one_type(parts)
        first = parts[0]
        along = axis_of(axis, first.ndim)
        for part in parts:
            if part.ndim != first.ndim or _without(part.shape, along) != _without(first.shape, along):
                raise ShapeError(
                    f"shapes {first.shape} and {part.shape} cannot be joined along axis {along}: "
                    f"all other sizes must agree"
                )
        total = sum(part.shape[along] for part in parts)
        room.ask((*first.shape[:along], total, *first.shape[along + 1 :]), first.dtype)
        return (np.concatenate(parts, axis=along),)

    return run


def slice_(node: Node) -> Run:
    """Cut along axes; starts and ends beyond the edges mean the edges, negative steps go backwards."""
    fixed: list[tuple[int, ...] | None] = []
    if node.opset < 10:
        fixed = [node.integers(name) for name in ("starts", "ends", "axes")]

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        x, given = values[0], fixed
        assert x is not None
        if node.opset >= 10:
            names = ("starts", "ends", "axes", "steps")
            given = [whole_numbers(value, name) for value, name in zip(values[1:], names, strict=False)]
        starts, ends, axes, steps = [*given, None, None][:4]
        if starts is None or ends is None:
            raise DataError("starts and ends are missing")
        axes = tuple(range(len(starts))) if axes is None else axes
        steps = (1,) * len(starts) if steps is None else steps
        if not len(starts) == len(ends) == len(axes) == len(steps):
            raise ShapeError("starts, ends, axes and steps must be of one length")
        cut = [slice(None)] * x.ndim
        for axis, start, end, step in zip(axes_of(axes, x.ndim), starts, ends, steps, strict=True):
            cut[axis] = _cut(x.shape[axis], start, end, step)
        part = x[tuple(cut)]
        room.ask(part.shape, part.dtype)
        return (part.copy(),)  # a view would hold the whole, which nobody then counts

    return run


def _cut(size: int, start: int, end: int, step: int) -> slice:
    """Return the slice of an axis of that size: indices counted from the end first, then clamped."""
    if step == 0:
        raise ShapeError("a step of 0 does not advance")
    start, end = (place + size if place < 0 else place for place in (start, end))
    if step > 0:
        return slice(min(max(start, 0), size), min(max(end, 0), size), step)
    start, end = min(max(start, 0), size - 1), min(max(end, -1), size - 1)
    return slice(start, None if end < 0 else end, step)  # to Python, -1 as the end is the last one


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]

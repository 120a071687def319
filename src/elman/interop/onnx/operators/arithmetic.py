"""Add, Mul, Tanh, Relu, MatMul, Gemm, Softmax, LogSoftmax, Cast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.errors import ShapeError
from elman.interop.onnx.operators.node import Node, Room, Run, Value, axis_of, kind_of, one_type
from elman.interop.onnx.types import FLOATS, dtype_of


def add(node: Node) -> Run:
    """Add with the broadcasting of NumPy."""
    return _of_pairs(np.add)


def mul(node: Node) -> Run:
    """Multiply number by number, with the broadcasting of NumPy."""
    return _of_pairs(np.multiply)


def tanh(node: Node) -> Run:
    """Take the hyperbolic tangent."""

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        (x,) = values
        assert x is not None
        _floating(x)
        room.ask(x.shape, x.dtype)
        return (np.asarray(np.tanh(x)),)

    return run


def relu(node: Node) -> Run:
    """Put 0 for what is below it; of integers, which have a sign, from opset 14 on."""

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        (x,) = values
        assert x is not None
        if node.opset < 14 or x.dtype.kind != "i":
            _floating(x)
        room.ask(x.shape, x.dtype)
        return (np.asarray(np.maximum(x, x.dtype.type(0))),)

    return run


def matmul(node: Node) -> Run:
    """Multiply matrices as ``numpy.matmul`` does: stacks of them, and vectors at the ends."""

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        a, b = _two(values)
        _not_boolean(a)
        room.ask(_product_shape(a.shape, b.shape), _wide(a.dtype))
        return (_product(a, b),)

    return run


def gemm(node: Node) -> Run:
    """``alpha A' B' + beta C``, where A and B may be transposed and C is broadcast."""
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    # Any number but 0 transposes.
    trans_a, trans_b = (bool(node.integer(name, 0)) for name in ("transA", "transB"))

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        a, b = _two(values[:2])
        dtype = one_type(values)
        _not_boolean(a)
        if a.ndim != 2 or b.ndim != 2:
            raise ShapeError(f"A and B must be matrices, not {kind_of(a)} and {kind_of(b)}")
        a, b = a.T if trans_a else a, b.T if trans_b else b
        shape = _product_shape(a.shape, b.shape)
        wide = _wide(dtype)
        c = values[2] if len(values) > 2 else None
        if c is not None and np.broadcast_shapes(c.shape, shape) != shape:
            raise ShapeError(f"C of shape {c.shape} cannot be broadcast to {shape}")
        room.ask(shape, wide, copies=1 + (alpha != 1.0) + 2 * (c is not None))
        result = np.matmul(a.astype(wide, copy=False), b.astype(wide, copy=False))
        if alpha != 1.0:
            result = (result * alpha).astype(wide, copy=False)
        if c is not None:
            wide_c = c.astype(wide, copy=False)
            result = result + (wide_c if beta == 1.0 else (wide_c * beta).astype(wide, copy=False))
        return (np.asarray(result.astype(dtype, copy=False)),)

    return run


def softmax(node: Node) -> Run:
    """Normalise exponentials along an axis; before opset 13, along all axes from that one on."""
    return _normalised(node, logarithm=False)


def log_softmax(node: Node) -> Run:
    """The logarithm of what :func:`softmax` gives, without its underflow."""
    return _normalised(node, logarithm=True)


def cast(node: Node) -> Run:
    """Convert to another type as NumPy does: towards zero from floats to integers, not 0 to true."""
    dtype = dtype_of(node.integer("to"), "the type to cast to")

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        (x,) = values
        assert x is not None
        room.ask(x.shape, dtype)
        return (x.astype(dtype),)

    return run


def _normalised(node: Node, *, logarithm: bool) -> Run:
    coerced = node.opset < 13
    axis = node.integer("axis", 1 if coerced else -1)

    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        (x,) = values
        assert x is not None
        _floating(x)
        first = axis_of(axis, x.ndim)
        axes = tuple(range(first, x.ndim)) if coerced else (first,)
        wide = _wide(x.dtype)
        room.ask(x.shape, wide, copies=2)
        shifted = x.astype(wide, copy=False) - x.max(axis=axes, keepdims=True, initial=-np.inf)
        powers = np.exp(shifted)
        total = powers.sum(axis=axes, keepdims=True)
        result = shifted - np.log(total) if logarithm else np.divide(powers, total, out=powers)
        return (result.astype(x.dtype, copy=False),)

    return run


def _of_pairs(function: np.ufunc) -> Run:
    def run(values: Sequence[Value | None], room: Room) -> Sequence[Value | None]:
        a, b = _two(values)
        _not_boolean(a)
        room.ask(np.broadcast_shapes(a.shape, b.shape), a.dtype)
        return (np.asarray(function(a, b)),)

    return run


def _floating(value: Value) -> None:
    if value.dtype not in FLOATS:
        raise ShapeError(f"the input must be of floats, not {kind_of(value)}")


def _two(values: Sequence[Value | None]) -> tuple[Value, Value]:
    a, b = values
    assert a is not None
    assert b is not None
    one_type(values)
    return a, b


def _not_boolean(value: Value) -> None:
    if value.dtype == np.bool_:
        raise ShapeError("inputs must be numbers, not bool")


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type to compute in: there is no arithmetic of float16 in BLAS."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _product(a: Value, b: Value) -> Value:
    wide = _wide(a.dtype)
    product = np.matmul(a.astype(wide, copy=False), b.astype(wide, copy=False))
    return np.asarray(product).astype(a.dtype, copy=False)


def _product_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    if not a or not b:
        raise ShapeError(f"there is no matrix product of the shapes {a} and {b}: a scalar is none")
    left, right = ((1, *a) if len(a) == 1 else a), ((*b, 1) if len(b) == 1 else b)
    if left[-1] != right[-2]:
        raise ShapeError(
            f"there is no matrix product of the shapes {a} and {b}: {left[-1]} is not {right[-2]}"
        )
    rows = () if len(a) == 1 else (left[-2],)
    columns = () if len(b) == 1 else (right[-1],)
    return (*np.broadcast_shapes(left[:-2], right[:-2]), *rows, *columns)

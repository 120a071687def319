"""Shape, Expand, ConstantOfShape, Mul, Tanh, Relu: what exporters write for states that a model makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from elman.errors import ConfigError, DataError, ElmanError, ShapeError
from elman.interop.onnx import Backend
from elman.interop.onnx.operators import OPERATORS
from elman.interop.onnx.operators.node import Node, Room, Run
from tests.interop.onnx.models import model_of, of_sizes, one_node
from tests.interop.onnx.test_bad_models import bounded
from tests.interop.onnx.test_plain_operators import F32, I64, agree, ints, numbers

ANY_SIZES = st.lists(st.integers(0, 3), max_size=4)
EDGES = st.one_of(st.none(), st.integers(-6, 6), st.sampled_from([-(2**63), 2**63 - 1]))


def run_one(operator: str, *inputs: Any, **more: Any) -> Any:
    names = [f"x{index}" for index in range(len(inputs))]
    options = {"opset_version": more.pop("opset")} if "opset" in more else {}
    return Backend.run_node(onnx.helper.make_node(operator, names, ["y"], **more), inputs, **options)[0]


@settings(max_examples=60)
@given(ANY_SIZES, EDGES, EDGES, st.sampled_from([np.float16, np.float32, np.bool_, np.int8, np.int64]))
def test_shape(sizes: list[int], start: int | None, end: int | None, dtype: Any) -> None:
    x = np.ones(sizes, dtype)
    given_ends = {name: value for name, value in (("start", start), ("end", end)) if value is not None}
    y = agree(one_node("Shape", {"x": x}, {"y": I64}, 15, **given_ends), {"x": x}, reference=False)
    at = [
        min(max(i + len(sizes) if i < 0 else i, 0), len(sizes))
        for i in (start or 0, 9 if end is None else end)
    ]
    assert y.tolist() == [size for axis, size in enumerate(sizes) if at[0] <= axis < at[1]]
    assert_array_equal(run_one("Shape", x, opset=7), sizes)


def test_parts_of_a_shape_are_of_opset_15() -> None:
    for ends, sizes in (
        ((-1, 64), [4]),
        ((0, -1), [2, 3]),
        ((-9, 9), [2, 3, 4]),
        ((2, 1), []),
        ((1, 2), [3]),
    ):
        found = run_one("Shape", np.ones((2, 3, 4)), opset=15, start=ends[0], end=ends[1])
        assert found.tolist() == sizes
    for name in ("start", "end"):
        with pytest.raises(DataError, match=f"not valid ONNX: .*{name}"):
            run_one("Shape", np.ones((2, 3)), opset=14, **{name: 1})


@pytest.mark.parametrize(("operator", "first"), [("Expand", 8), ("ConstantOfShape", 9)])
def test_operators_begin_with_their_opset(operator: str, first: int) -> None:
    inputs = [np.ones(1, np.float32), ints(2)][-2 if operator == "Expand" else -1 :]
    assert run_one(operator, *inputs, opset=first).shape == (2,)
    with pytest.raises(DataError, match=f"not valid ONNX: .*{operator}"):
        run_one(operator, *inputs, opset=first - 1)


@settings(max_examples=60)
@given(ANY_SIZES, st.data())
def test_expand_broadcasts_both_ways(sizes: list[int], data: st.DataObject) -> None:
    """Sizes of 1 give way on either side, and either may have fewer axes."""
    x_sizes, shape = ([data.draw(st.sampled_from([1, size])) for size in sizes] for _ in range(2))
    x_sizes, shape = (part[data.draw(st.integers(0, len(sizes))) :] for part in (x_sizes, shape))
    x = numbers(x_sizes, data.draw(st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.bool_])))
    inputs = {"x": np.asarray(x), "s": np.array(shape, np.int64)}
    y = agree(one_node("Expand", inputs, {"y": inputs["x"]}, data.draw(st.sampled_from([8, 13]))), inputs,
              reference=False)  # fmt: skip
    assert_array_equal(y, np.broadcast_arrays(x, np.empty(shape))[0])


@pytest.mark.parametrize(
    ("old", "wanted", "result"),
    [
        ((), [], ()),
        ((), [2, 3], (2, 3)),
        ((3, 1), [], (3, 1)),
        ((3, 1), [1], (3, 1)),
        ((3, 1), [4], (3, 4)),
        ((3, 1), [2, 1, 6], (2, 3, 6)),
        ((1, 3), [0, 3], (0, 3)),
        ((0, 3), [1, 3], (0, 3)),
        ((0,), [2], None),
        ((2,), [0], None),
        ((2, 3), [2], None),
        ((2,), [2, 3], None),
    ],
)
def test_expand_of_scalars_and_of_nothing(old: Any, wanted: list[int], result: Any) -> None:
    x, shape = np.ones(old, np.float32), np.array(wanted, np.int64)
    if result is None:
        with pytest.raises(
            ShapeError, match=r"Expand node: shape .* cannot be expanded to .*: \d is neither"
        ):
            run_one("Expand", x, shape)
    else:
        assert_array_equal(run_one("Expand", x, shape), np.ones(result))


def test_what_is_expanded_is_no_view() -> None:
    """A layer takes what cannot be written to for weights of the model, and keeps what it made of them."""
    x = np.ones(1, np.float32)
    y = OPERATORS["Expand"](Node("Expand", "here", ("x", "s"), ("y",), {}, 14))([x, ints(1)], Room(2**20))[0]
    assert y is not None
    assert y.flags.writeable
    assert not np.shares_memory(x, y)


@settings(max_examples=40)
@given(ANY_SIZES, st.sampled_from([9, 14]), st.data())
def test_constant_of_shape(sizes: list[int], opset: int, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([None, "float16", "float64", "int32", "int64", "int8", "bool"]))
    value = np.array([1.5 if kind in ("float16", "float64") else 1], kind) if kind else None
    more = {} if value is None else {"value": onnx.numpy_helper.from_array(value)}
    inputs = {"s": np.array(sizes, np.int64)}
    y = np.zeros(1, np.float32) if value is None else value
    found = agree(one_node("ConstantOfShape", inputs, {"y": y}, opset, **more), inputs)
    assert_array_equal(found, np.full(sizes, y))
    assert found.dtype == y.dtype
    found += found.dtype.type(1)  # the caller's, and not the model's


def test_the_number_of_constant_of_shape() -> None:
    assert run_one("ConstantOfShape", ints(2)).dtype == np.float32
    for numbers_of in ((), (1,), (1, 1, 1)):  # "a one-element tensor"
        value = onnx.numpy_helper.from_array(np.full(numbers_of, 7, np.int32))
        assert_array_equal(run_one("ConstantOfShape", ints(2), value=value), np.array([7, 7], np.int32))
    for size in (0, 2):
        value = onnx.numpy_helper.from_array(np.ones(size, np.float32))
        with pytest.raises(DataError, match="ConstantOfShape node: value must be a tensor of one number"):
            run_one("ConstantOfShape", ints(2), value=value)
    value = onnx.helper.make_tensor("v", onnx.TensorProto.BFLOAT16, [1], [1.0])
    with pytest.raises(ConfigError, match="is bfloat16"):
        run_one("ConstantOfShape", ints(2), value=value)


@pytest.mark.parametrize("operator", ["Expand", "ConstantOfShape"])
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (ints(2, -1), "sizes are at least 0, and the shape has -1"),
        (ints(-(2**63)), "sizes are at least 0"),
        (np.ones(2, np.int32), r"the shape must be a vector of int64, not int32 \(2\)"),
        (np.ones(2, np.float32), "must be a vector of int64"),
        (np.ones((1, 1), np.int64), "must be a vector of int64"),
        (np.array(3), "must be a vector of int64"),
        (np.ones(65, np.int64), "rank 65 is asked for; the limit is 64"),
        (np.full(10**6, 2**62), "rank 1000000 is asked for"),
    ],
)
def test_shapes_that_are_none(operator: str, shape: Any, message: str) -> None:
    inputs = [shape] if operator == "ConstantOfShape" else [np.ones(1, np.float32), shape]
    with pytest.raises(ShapeError, match=message) as caught:
        run_one(operator, *inputs)
    assert len(str(caught.value)) < 200


HOSTILE = [(10**12,), (10**6, 10**6), (2**62, 4), (2**63 - 1,) * 64, (2**31, 1, 2**31)]


@pytest.mark.parametrize("operator", ["Expand", "ConstantOfShape"])
@pytest.mark.parametrize("sizes", HOSTILE, ids=lambda sizes: f"{len(sizes)} of {sizes[0]}")
def test_huge_shapes_are_refused_before_memory_is_taken(operator: str, sizes: tuple[int, ...]) -> None:
    model = of_sizes(operator, sizes)
    bounded(lambda: Backend.prepare(model).run([]), megabytes=2, seconds=5)
    with pytest.raises(DataError) as caught:
        Backend.run_model(model, [])
    assert len(str(caught.value)) < 300  # found by the fuzzer: 64 of the largest sizes made a long line


def test_no_numbers_of_the_largest_sizes_are_an_error_or_none() -> None:
    for operator in ("Expand", "ConstantOfShape"):
        with pytest.raises(ShapeError, match=f"^{operator} node"):
            Backend.run_model(of_sizes(operator, (0, 2**62, 2**62)), [])
        assert Backend.run_model(of_sizes(operator, (0, 10**12)), [])[0].shape == (0, 10**12)


def test_memory_is_asked_for_what_is_held_and_wanted() -> None:
    sizes = (2**18,)  # a megabyte of float32
    for operator in ("Expand", "ConstantOfShape"):
        model = of_sizes(operator, sizes)
        assert Backend.run_model(model, [], max_bytes=2**20)[0].shape == sizes
        with pytest.raises(DataError, match="and the limit is"):
            Backend.run_model(model, [], max_bytes=2**20 - 1)
    for operator in ("Tanh", "Relu", "Mul"):
        x = np.ones(sizes, np.float32)
        model = one_node(operator, {"x": x}, {"y": x}, names=["x", "x"][: 1 + (operator == "Mul")])
        with pytest.raises(DataError, match="and the limit is"):
            Backend.run_model(model, [x], max_bytes=2**20 - 1)


@settings(max_examples=40)
@given(ANY_SIZES, st.data())
def test_mul_broadcasts(sizes: list[int], data: st.DataObject) -> None:
    other = [data.draw(st.sampled_from([1, size])) for size in sizes][data.draw(st.integers(0, len(sizes))) :]
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64, np.int32, np.int64]))
    inputs = {"a": np.asarray(numbers(sizes, dtype)), "b": np.asarray(numbers(other, dtype, seed=1))}
    opset = data.draw(st.sampled_from([7, 13, 14]))
    assert_array_equal(
        agree(one_node("Mul", inputs, {"y": inputs["a"]}, opset), inputs), inputs["a"] * inputs["b"]
    )


def test_a_product_of_integers_wraps() -> None:
    assert run_one("Mul", np.array(2**62), np.array(6)).tolist() == -(2**63)
    assert run_one("Mul", np.array([3, 100], np.int8), np.array(3, np.int8)).tolist() == [9, 44]


@settings(max_examples=30)
@given(ANY_SIZES, st.sampled_from(["Tanh", "Relu"]), st.sampled_from([7, 13, 14]), st.data())
def test_tanh_and_relu(sizes: list[int], operator: str, opset: int, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    x = np.asarray(numbers(sizes, dtype))
    agree(one_node(operator, {"x": x}, {"y": x}, opset), {"x": x})


def test_relu_of_integers_and_of_what_is_no_number() -> None:
    assert run_one("Relu", np.array([-3, 0, 5], np.int8)).tolist() == [0, 0, 5]
    assert np.isnan(run_one("Relu", np.array(np.nan, np.float32)))
    for bad, opset in ((ints(1), 13), (np.ones(2, np.uint8), 14), (np.ones(2, np.bool_), 14)):
        with pytest.raises(ShapeError, match="Relu node: the input must be of floats, not"):
            run_one("Relu", bad, opset=opset)
    with pytest.raises(ShapeError, match="Tanh node: the input must be of floats, not int64"):
        run_one("Tanh", ints(1))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([np.ones(2, np.float32), np.ones(2, np.int64)], "of one type, not float32, int64"),
        ([np.ones(2, np.bool_), np.ones(2, np.bool_)], "numbers, not bool"),
        ([np.ones(2), np.ones(3)], "broadcast"),
    ],
)
def test_mul_of_what_does_not_go_together(inputs: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=f"Mul node: .*{message}"):
        run_one("Mul", *inputs)


# Known ways to write them wrongly: the checks above must see each


def as_numpy_broadcasts(node: Node) -> Run:
    """Expand as ``broadcast_to``, which takes no shape with fewer axes or with sizes of 1."""
    return lambda values, room: (np.broadcast_to(values[0], values[1].tolist()).copy(),)


def as_a_view(node: Node) -> Run:
    """Expand without a copy."""
    return lambda values, room: (np.broadcast_to(values[0], np.broadcast_shapes(values[0].shape, values[1])),)


def without_asking(operator: str) -> Callable[[Node], Run]:
    """Leave out the question for memory."""
    made = OPERATORS[operator]

    def make(node: Node) -> Run:
        run = made(node)
        return lambda values, room: run(values, type(room)(2**60))

    return make


def of_integers(node: Node) -> Run:
    """ConstantOfShape whose number, if none is given, is an integer."""
    return lambda values, room: (np.full(values[0].tolist(), node.attributes.get("value", 0)),)


def from_the_front(node: Node) -> Run:
    """Shape whose ends are not counted from the back."""
    start, end = (max(node.attributes.get(name, default), 0) for name, default in (("start", 0), ("end", 64)))
    return lambda values, room: (np.array(values[0].shape[start:end], np.int64),)


PLANTED: dict[str, tuple[str, Callable[[Node], Run], Callable[[], None]]] = {
    "numpy's broadcasting": (
        "Expand", as_numpy_broadcasts, lambda: test_expand_of_scalars_and_of_nothing((3, 1), [1], (3, 1))
    ),
    "a view": ("Expand", as_a_view, lambda: test_what_is_expanded_is_no_view()),
    "Expand takes any memory": (
        "Expand", without_asking("Expand"), lambda: test_memory_is_asked_for_what_is_held_and_wanted()
    ),
    "ConstantOfShape takes any memory": (
        "ConstantOfShape", without_asking("ConstantOfShape"),
        lambda: test_memory_is_asked_for_what_is_held_and_wanted(),
    ),
    "integers": ("ConstantOfShape", of_integers, lambda: test_the_number_of_constant_of_shape()),
    "ends from the front": ("Shape", from_the_front, lambda: test_parts_of_a_shape_are_of_opset_15()),
    "add for multiply": ("Mul", OPERATORS["Add"], lambda: test_a_product_of_integers_wraps()),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, wrong, check = PLANTED[name]
    check()
    monkeypatch.setitem(OPERATORS, operator, wrong)
    with pytest.raises((AssertionError, ElmanError, pytest.fail.Exception, BaseExceptionGroup)):
        check()


def test_zeros_as_large_as_the_batch_make_the_states_of_a_layer() -> None:
    """The chain of TorchScript's exporter: Shape, Gather, Unsqueeze, Concat, ConstantOfShape, GRU."""
    make, H = onnx.helper.make_node, 3
    nodes = [
        make("Shape", ["x"], ["sizes"]), make("Gather", ["sizes", "one"], ["batch"], axis=0),
        make("Unsqueeze", ["batch", "zero"], ["b"]), make("Concat", ["layers", "b", "width"], ["s"], axis=0),
        make("ConstantOfShape", ["s"], ["h"]),
        make("GRU", ["x", "W", "R", "", "", "h"], ["", "y"], hidden_size=H),
    ]  # fmt: skip
    constants = {"W": numbers((1, 3 * H, 2)), "R": numbers((1, 3 * H, H), seed=1), "one": np.array(1),
                 "zero": ints(0), "layers": ints(1), "width": ints(H)}  # fmt: skip
    x = numbers((4, 5, 2), seed=2)
    y = agree(model_of(nodes, {"x": x}, {"y": F32}, constants), {"x": x}, reference=False)
    assert y.shape == (1, 5, H)

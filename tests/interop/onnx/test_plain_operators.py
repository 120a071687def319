"""The plain operators, by their specification, beside ONNX Runtime and onnx's reference evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from elman.errors import ShapeError
from elman.interop.onnx import Backend
from tests.interop.onnx.models import model_of, one_node, run_by_ort, run_by_reference

F32, I64 = np.zeros(0, np.float32), np.zeros(0, np.int64)
SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4)


def numbers(shape: Any, dtype: Any = np.float32, seed: int = 0) -> Any:
    return (np.random.default_rng(seed).normal(size=shape) * 3).astype(dtype)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def agree(model: onnx.ModelProto, inputs: Mapping[str, Any], *, reference: bool = True) -> Any:
    """Run a model of one output here and elsewhere; return the output, which is the same."""
    (mine,) = Backend.run_model(model, inputs)
    for others in (run_by_ort, run_by_reference) if reference else (run_by_ort,):
        (theirs,) = others(model, inputs)
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        tight = {"rtol": 2e-3, "atol": 2e-3} if mine.dtype == np.float16 else {"rtol": 2e-5, "atol": 2e-6}
        assert_allclose(mine, theirs, **tight)
    return mine


@settings(max_examples=60)
@given(SIZES, st.data())
def test_slices(sizes: list[int], data: st.DataObject) -> None:
    x = numbers(sizes)
    axes = data.draw(st.lists(st.integers(0, len(sizes) - 1), unique=True, min_size=1))
    signed = [axis - len(sizes) if data.draw(st.booleans()) else axis for axis in axes]
    bound = st.one_of(st.integers(-6, 6), st.sampled_from([-(2**63), -(2**31) - 1, 2**31, 2**62]))
    starts, ends = ([data.draw(bound) for _ in axes] for _ in range(2))
    steps = [data.draw(st.sampled_from([1, 2, 3, -1, -2])) for _ in axes]
    constants = {"s": ints(*starts), "e": ints(*ends), "a": ints(*signed), "t": ints(*steps)}
    node = onnx.helper.make_node("Slice", ["x", *constants], ["y"])
    # Not the reference evaluator: it slices as Python does, where a start before the front, going backwards,
    # gives nothing. The specification clamps it to the first index.
    agree(model_of([node], {"x": x}, {"y": F32}, constants), {"x": x}, reference=False)


@pytest.mark.parametrize("end", [2**31 - 1, 2**63 - 1])
def test_the_largest_integer_is_no_end_going_backwards(end: int) -> None:
    # The specification clamps it to the last index, and recommends the smallest integer for "to the front".
    # ONNX Runtime takes it for that too; the reference evaluator does not.
    inputs = {"x": numbers(4), "s": ints(2), "e": ints(end), "a": ints(0), "t": ints(-1)}
    model = one_node("Slice", inputs, {"y": F32})
    assert Backend.run_model(model, inputs)[0].shape == run_by_reference(model, inputs)[0].shape == (0,)
    assert run_by_ort(model, inputs)[0].shape == (3,)


def test_slices_before_opset_10_have_attributes() -> None:
    x = numbers((4, 5))
    model = one_node("Slice", {"x": x}, {"y": F32}, opset=9, starts=[1, -2], ends=[1000, 5], axes=[0, 1])
    assert_array_equal(agree(model, {"x": x}, reference=False), x[1:, -2:])


@settings(max_examples=40)
@given(SIZES, SIZES, st.data())
def test_gather(sizes: list[int], of_indices: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(sizes), len(sizes) - 1))
    size = sizes[axis]
    drawn = data.draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=6))
    indices = np.resize(np.array(drawn, data.draw(st.sampled_from([np.int32, np.int64]))), of_indices)
    inputs = {"x": numbers(sizes), "i": indices}
    agree(one_node("Gather", inputs, {"y": F32}, axis=axis), inputs)


@pytest.mark.parametrize(("opset", "index"), [(13, 3), (13, -4), (7, -1)])
def test_gather_names_an_index_out_of_range(opset: int, index: int) -> None:
    inputs = {"x": numbers(3), "i": ints(0, index)}
    with pytest.raises(ShapeError, match=rf"Gather node 0: index {index} is out of range: expected .* to 2"):
        Backend.run_model(one_node("Gather", inputs, {"y": F32}, opset=opset), inputs)


@settings(max_examples=40)
@given(SIZES, st.data())
def test_reshape(sizes: list[int], data: st.DataObject) -> None:
    x = numbers(sizes)
    factors = [*data.draw(st.permutations(sizes)), *data.draw(st.lists(st.just(1), max_size=2))]
    shape = [0 if i < len(sizes) and size == sizes[i] and data.draw(st.booleans()) else size
             for i, size in enumerate(factors)]  # fmt: skip
    if data.draw(st.booleans()):
        shape[data.draw(st.integers(0, len(shape) - 1))] = -1
    agree(one_node("Reshape", {"x": x, "s": ints(*shape)}, {"y": F32}), {"x": x, "s": ints(*shape)})


@pytest.mark.parametrize(
    ("old", "new", "allowzero", "result"),
    [
        ((0, 3), [3, 0], 1, (3, 0)),
        ((0, 3), [0, 4], 1, (0, 4)),
        ((2, 0), [0, -1], 0, (2, 0)),
        ((2, 0), [0, 0, 5], 0, (2, 0, 5)),
        ((0, 3), [0, -1], 0, None),  # how many nothings make nothing?
        ((2, 3), [2, 3, 0], 0, None),
        ((2, 3), [0, -1], 1, None),
        ((2, 3), [-1, -1], 0, None),
        ((2, 3), [-2, 3], 0, None),
        ((2, 3), [4, -1], 0, None),
        ((2, 3), [7], 0, None),
        ((2, 3), [], 0, None),
        ((1,), [], 0, ()),
    ],
)
def test_reshape_of_zeros_and_what_cannot_be(old: Any, new: Any, allowzero: int, result: Any) -> None:
    inputs = {"x": np.zeros(old, np.float32), "s": np.array(new, np.int64)}
    model = one_node("Reshape", inputs, {"y": F32}, allowzero=allowzero)
    if result is None:
        with pytest.raises(ShapeError, match=r"Reshape node 0: shape .* cannot become"):
            Backend.run_model(model, inputs)
    else:
        assert Backend.run_model(model, inputs)[0].shape == result


@settings(max_examples=40)
@given(SIZES, st.data())
def test_squeeze_and_unsqueeze(sizes: list[int], data: st.DataObject) -> None:
    x = numbers(sizes)
    count = data.draw(st.integers(1, 3))
    rank = len(sizes) + count
    axes = data.draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=count, max_size=count))
    signed = [axis - rank if data.draw(st.booleans()) else axis for axis in axes]
    for opset in (11, 13):
        constants = {} if opset == 11 else {"a": ints(*signed)}
        attribute = {"axes": signed} if opset == 11 else {}
        wide = np.expand_dims(x, tuple(signed))
        for operator, before, after in (("Unsqueeze", x, wide), ("Squeeze", wide, x)):
            node = onnx.helper.make_node(operator, ["x", *constants], ["y"], **attribute)
            model = model_of([node], {"x": before}, {"y": F32}, constants, opset)
            # The reference evaluator puts axes in one after another, and mistakes those of either sign.
            assert_array_equal(agree(model, {"x": before}, reference=False), after)
    assert_array_equal(agree(one_node("Squeeze", {"x": wide}, {"y": F32}), {"x": wide}), x.squeeze())


@pytest.mark.parametrize("operator", ["Squeeze", "Unsqueeze"])
def test_axes_are_counted_from_the_end_from_opset_11_on(operator: str) -> None:
    x = numbers((3, 1))
    for opset in (10, 11):
        node = onnx.helper.make_node(operator, ["x"], ["y"], axes=[-1])
        if opset == 11:
            assert Backend.run_node(node, [x], opset_version=opset)[0].shape == (
                (3,) if operator == "Squeeze" else (3, 1, 1)
            )
            continue
        with pytest.raises(ShapeError, match="axis -1 is out of range"):
            Backend.run_node(node, [x], opset_version=opset)


@settings(max_examples=30)
@given(SIZES, st.data())
def test_transpose_and_concat(sizes: list[int], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(sizes))))
    x = numbers(sizes, data.draw(st.sampled_from([np.float32, np.int64])))
    agree(one_node("Transpose", {"x": x}, {"y": x}, perm=order), {"x": x})
    agree(one_node("Transpose", {"x": x}, {"y": x}), {"x": x})
    axis = data.draw(st.integers(-len(sizes), len(sizes) - 1))
    inputs = {"x": x, "z": np.repeat(x, 2, axis)}
    assert_array_equal(agree(one_node("Concat", inputs, {"y": x}, axis=axis), inputs), np.repeat(x, 3, axis)
                       if sizes[axis] == 1 else np.concatenate([x, np.repeat(x, 2, axis)], axis))  # fmt: skip


@settings(max_examples=40)
@given(SIZES, st.sampled_from(["Softmax", "LogSoftmax"]), st.sampled_from([7, 11, 13]), st.data())
def test_softmax_coerces_before_opset_13(sizes: list[int], operator: str, opset: int, data: Any) -> None:
    x = numbers(sizes, data.draw(st.sampled_from([np.float32, np.float64])))
    axis = data.draw(st.one_of(st.none(), st.integers(0 if opset < 11 else -len(sizes), len(sizes) - 1)))
    if axis is None and opset < 13 and len(sizes) == 1:
        axis = 0  # the default is 1, and there is no such axis
    model = one_node(operator, {"x": x}, {"y": x}, opset, **({} if axis is None else {"axis": axis}))
    y = agree(model, {"x": x}, reference=opset == 13)
    along = (1 if axis is None else axis) % len(sizes) if opset < 13 else -1 if axis is None else axis
    total = np.exp(y) if operator == "LogSoftmax" else y
    assert_allclose(total.sum(tuple(range(along, len(sizes))) if opset < 13 else along), 1, rtol=1e-5)


def test_softmax_of_large_and_of_no_numbers() -> None:
    x = np.array([[1e4, -1e4, 0], [-np.inf, 0, 0]], np.float32)
    assert_allclose(agree(one_node("Softmax", {"x": x}, {"y": x}), {"x": x}), [[1, 0, 0], [0, 0.5, 0.5]])
    none = np.zeros((2, 0), np.float32)
    assert Backend.run_model(one_node("LogSoftmax", {"x": none}, {"y": none}), {"x": none})[0].shape == (2, 0)


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.data(),
)
def test_matmul(stack: list[int], m: int, k: int, n: int, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([np.float32, np.float64, np.int32]))
    left = data.draw(st.sampled_from([(k,), (m, k), (*stack, m, k), (*(1 for _ in stack), m, k)]))
    right = data.draw(st.sampled_from([(k,), (k, n), (*stack, k, n)]))
    inputs = {"a": numbers(left, dtype), "b": numbers(right, dtype, seed=1)}
    agree(one_node("MatMul", inputs, {"y": inputs["a"]}), inputs)


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.booleans(), st.booleans(), st.data())
def test_gemm(m: int, k: int, n: int, trans_a: bool, trans_b: bool, data: st.DataObject) -> None:
    inputs = {
        "a": numbers((k, m) if trans_a else (m, k)),
        "b": numbers((n, k) if trans_b else (k, n), seed=1),
    }
    shape = data.draw(st.sampled_from([None, (), (n,), (1, n), (m, 1), (m, n)]))
    if shape is not None:
        inputs["c"] = np.asarray(numbers(shape, seed=2))
    alpha, beta = (data.draw(st.sampled_from([1.0, 0.5, -2.0, 0.0])) for _ in range(2))
    model = one_node(
        "Gemm", inputs, {"y": F32}, alpha=alpha, beta=beta, transA=int(trans_a), transB=int(trans_b)
    )
    agree(model, inputs)


@settings(max_examples=30)
@given(SIZES, st.data())
def test_add_broadcasts(sizes: list[int], data: st.DataObject) -> None:
    other = [data.draw(st.sampled_from([1, size])) for size in sizes][data.draw(st.integers(0, len(sizes))) :]
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64, np.int32, np.int64]))
    inputs = {"a": numbers(sizes, dtype), "b": np.asarray(numbers(other, dtype, seed=1))}
    agree(one_node("Add", inputs, {"y": inputs["a"]}), inputs)


KINDS = [np.dtype(t) for t in ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool")]


@pytest.mark.parametrize("source", KINDS, ids=str)
@pytest.mark.parametrize("target", KINDS, ids=str)
def test_cast(source: Any, target: Any) -> None:
    x = np.array([0, 1, 2.75, 100], source)
    model = one_node(
        "Cast", {"x": x}, {"y": np.zeros(0, target)}, to=onnx.helper.np_dtype_to_tensor_dtype(target)
    )
    assert_array_equal(agree(model, {"x": x}), x.astype(target))


@pytest.mark.parametrize(
    ("attribute", "result"),
    [
        ({"value": onnx.numpy_helper.from_array(np.array([[True, False]]))}, np.array([[True, False]])),
        ({"value_float": 0.1}, np.float32(0.1)),
        ({"value_floats": [0.5, 2.0]}, np.array([0.5, 2], np.float32)),
        ({"value_int": -3}, np.int64(-3)),
        ({"value_ints": [2**40, 0]}, np.array([2**40, 0])),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_constant(attribute: dict[str, Any], result: Any) -> None:
    model = model_of(
        [onnx.helper.make_node("Constant", [], ["y"], **attribute)], {}, {"y": np.asarray(result)}
    )
    assert_array_equal(agree(model, {}), result)


def test_half_precision_is_computed_in_single() -> None:
    inputs = {"a": numbers((8, 600), np.float16), "b": numbers((600, 8), np.float16, seed=1)}
    y = agree(one_node("MatMul", inputs, {"y": inputs["a"]}), inputs)
    assert_allclose(y, inputs["a"].astype(np.float64) @ inputs["b"].astype(np.float64), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("operator", "shapes", "attributes"),
    [
        ("Add", [(2, 3), (2,)], {}),
        ("MatMul", [(2, 3), (2, 3)], {}),
        ("MatMul", [(2, 3), ()], {}),
        ("MatMul", [(3, 2, 3), (2, 3, 2)], {}),
        ("Gemm", [(2, 3, 1), (3, 2)], {}),
        ("Gemm", [(2, 3), (3, 2), (3,)], {}),
        ("Concat", [(2, 3), (3, 3)], {"axis": 1}),
        ("Concat", [(2, 3), (2, 3, 1)], {"axis": 1}),
        ("Concat", [(2,), (2,)], {"axis": 1}),
        ("Transpose", [(2, 3)], {"perm": [0, 0]}),
        ("Transpose", [(2, 3)], {"perm": [0]}),
        ("Softmax", [(2, 3)], {"axis": 2}),
    ],
)
def test_shapes_that_do_not_fit_are_errors_that_name_the_node(
    operator: str, shapes: Any, attributes: Any
) -> None:
    inputs = {f"x{i}": np.asarray(numbers(shape)) for i, shape in enumerate(shapes)}
    node = onnx.helper.make_node(operator, list(inputs), ["y"], name="here", **attributes)
    with pytest.raises(ShapeError, match=f"^{operator} node 'here': "):
        Backend.run_node(node, list(inputs.values()))

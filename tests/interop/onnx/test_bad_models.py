"""Truncated, corrupted and hostile models: an error that says what is wrong, before anything is run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from elman.errors import ConfigError, DataError, ElmanError, ShapeError
from elman.interop.onnx import Backend, load_model
from tests.interop.onnx.models import model_of, one_node

F32 = np.zeros((2, 3), np.float32)
X = {"x": F32}


def node(operator: str, inputs: Sequence[str] = ("x",), output: str = "y", **more: Any) -> onnx.NodeProto:
    return helper.make_node(operator, list(inputs), [output], **more)


def good() -> onnx.ModelProto:
    """Identity, an addition of weights, Identity."""
    return model_of([node("Identity", output="a"), node("Add", "aw")], X, {"y": F32}, {"w": F32[0]})


def test_the_model_that_the_others_damage_is_good() -> None:
    assert Backend.is_compatible(good())
    assert Backend.run_model(good(), [F32])[0].shape == (2, 3)


# Files


def test_a_file_is_read_and_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    data = good().SerializeToString()
    path.write_bytes(data)
    assert load_model(path) == load_model(str(path)) == good()
    with pytest.raises(DataError, match=r"model\.onnx has \d+ bytes, and the limit is 10"):
        load_model(path, max_bytes=10)
    for other, message in (
        (tmp_path, "is not a file|cannot be read"),
        (tmp_path / "no", "cannot be read: No such"),
    ):
        with pytest.raises(DataError, match=message):
            load_model(other)
    for bad in (b"", b"\x00", b"PK\x03\x04", b"{}", data[: len(data) // 2], data[1:], b"\xff" * 100):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=r"model\.onnx is not an ONNX model, or is damaged"):
            load_model(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(DataError, match="is not a file"):
        load_model(tmp_path / "pipe.onnx")


def test_every_cut_and_many_flips_end_in_an_error_of_ours_or_in_a_model(tmp_path: Path) -> None:
    path, messages = tmp_path / "model.onnx", set()
    data, draw = good().SerializeToString(), random.Random(0)
    damaged = [data[:length] for length in range(len(data))]
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(draw.randint(1, 3)):
            changed[draw.randrange(len(data))] = draw.randrange(256)
        damaged.append(bytes(changed))
    for one in damaged:
        path.write_bytes(one)
        try:
            Backend.run_model(load_model(path), [F32])
        except ElmanError as error:
            messages.add(str(error))
    assert len(messages) > 20
    assert all(message.isprintable() and 10 < len(message) < 500 for message in messages)


# Models


def changed(change: Callable[[onnx.ModelProto], Any]) -> onnx.ModelProto:
    model = good()
    change(model)
    return model


def of_tensor(**fields: Any) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        for name, value in fields.items():
            field = getattr(tensor, name)
            if name in ("dims", "float_data", "int64_data"):
                del field[:]
                field.extend(value)
            else:
                setattr(tensor, name, value)

    return change


def external(model: onnx.ModelProto, location: str) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


def deep(model: onnx.ModelProto) -> None:
    """Put graph into graph; nothing may follow them down."""
    graph = onnx.GraphProto()
    for _ in range(40):
        outer = onnx.GraphProto()
        outer.node.add(op_type="If").attribute.add(
            name="then_branch", type=onnx.AttributeProto.GRAPH
        ).g.CopyFrom(graph)
        graph = outer
    model.graph.node.add(op_type="If", name="branch").attribute.add(
        name="then_branch", type=onnx.AttributeProto.GRAPH
    ).g.CopyFrom(graph)


DAMAGED: dict[str, tuple[Callable[[onnx.ModelProto], Any], type[ElmanError], str]] = {
    "no opset": (
        lambda m: m.ClearField("opset_import"),
        DataError,
        "one version of the default operator set, not 0",
    ),
    "two opsets": (lambda m: m.opset_import.add(version=13), DataError, "not 2"),
    "opset 6": (
        lambda m: setattr(m.opset_import[0], "version", 6),
        ConfigError,
        "opset 6, and elman runs 7 to 28",
    ),
    "opset of the future": (
        lambda m: setattr(m.opset_import[0], "version", 10**6),
        ConfigError,
        "opset 1000000",
    ),
    "no IR version": (lambda m: m.ClearField("ir_version"), DataError, "not valid ONNX"),
    "no graph": (lambda m: m.ClearField("graph"), DataError, "not valid ONNX"),
    "functions": (lambda m: m.functions.add(name="f"), ConfigError, "functions of its own"),
    "training": (lambda m: m.training_info.add(), ConfigError, "training steps"),
    "sparse weights": (lambda m: m.graph.sparse_initializer.add(), ConfigError, "sparse initializers"),
    "custom domain": (
        lambda m: setattr(m.graph.node[0], "domain", "com.microsoft"),
        ConfigError,
        "Identity node 0 is of the domain 'com.microsoft'",
    ),
    "unknown operator": (
        lambda m: setattr(m.graph.node[0], "op_type", "Conv"),
        ConfigError,
        "Conv node 0: elman does not",
    ),
    "an operator that is none": (
        lambda m: setattr(m.graph.node[0], "op_type", "__init__"),
        ConfigError,
        "does not run",
    ),
    "If": (deep, ConfigError, "If node 'branch' has a graph within"),
    "cycle": (
        lambda m: m.graph.node[0].input.__setitem__(0, "y"),
        DataError,
        "reads 'y', which a node further on",
    ),
    "a node that reads itself": (
        lambda m: m.graph.node[1].input.__setitem__(0, "y"),
        DataError,
        "as in a cycle",
    ),
    "reads nothing": (
        lambda m: m.graph.node[1].input.__setitem__(0, "z"),
        DataError,
        "Add node 1 reads 'z', which nothing gives",
    ),
    "output twice": (lambda m: m.graph.node[0].output.__setitem__(0, "y"), DataError, "reads 'a'"),
    "value twice": (
        lambda m: m.graph.node[1].output.__setitem__(0, "a"),
        DataError,
        "gives 'a', which there is already",
    ),
    "writes an input": (
        lambda m: m.graph.node[1].output.__setitem__(0, "x"),
        DataError,
        "gives 'x', which there",
    ),
    "output that nobody gives": (
        lambda m: setattr(m.graph.output[0], "name", "q"),
        DataError,
        "output 'q' is given by no",
    ),
    "two inputs of a name": (
        lambda m: m.graph.input.append(m.graph.input[0]),
        DataError,
        "two inputs named 'x'",
    ),
    "two outputs of a name": (
        lambda m: m.graph.output.append(m.graph.output[0]),
        DataError,
        "two outputs named 'y'",
    ),
    "two weights of a name": (
        lambda m: m.graph.initializer.append(m.graph.initializer[0]),
        DataError,
        "two initializers named 'w'",
    ),
    "input without a name": (
        lambda m: setattr(m.graph.input[0], "name", ""),
        DataError,
        "an input without a name",
    ),
    "too many inputs": (lambda m: m.graph.node[0].input.append("w"), DataError, "not valid ONNX"),
    "attribute unknown": (
        lambda m: m.graph.node[0].attribute.append(helper.make_attribute("speed", 3)),
        DataError,
        "not valid ONNX: .*speed",
    ),
    "attribute twice": (
        lambda m: m.graph.node[0].attribute.extend([helper.make_attribute("axis", 3)] * 2),
        DataError,
        "has the attribute 'axis' twice",
    ),
    "attribute of a function": (
        lambda m: m.graph.node[0].attribute.add(name="axis", type=onnx.AttributeProto.INT, ref_attr_name="p"),
        DataError,
        "refers to one of a function",
    ),
    "10^12 weights, no data": (of_tensor(dims=[10**6, 10**6], raw_data=b""), DataError, "0 numbers|0 bytes"),
    "10^12 weights, little data": (
        of_tensor(dims=[10**12]),
        DataError,
        "and 12 bytes of data: it is damaged",
    ),
    "2^64 weights": (of_tensor(dims=[2**62, 4]), DataError, "12 bytes of data"),
    "negative size": (of_tensor(dims=[-3]), DataError, r"negative size in its shape \[-3\]"),
    "1000 axes": (of_tensor(dims=[1] * 999 + [3]), DataError, "1000 axes"),
    "data too short": (of_tensor(raw_data=b"\0" * 11), DataError, "11 bytes of data"),
    "data too long": (of_tensor(raw_data=b"\0" * 13), DataError, "13 bytes of data"),
    "data in two fields": (of_tensor(float_data=[1, 2, 3]), DataError, "float_data and raw_data"),
    "data in another's field": (
        of_tensor(raw_data=b"", int64_data=[1, 2, 3]),
        DataError,
        "int64_data: one field",
    ),
    "type 0": (of_tensor(data_type=0), DataError, r"no known element type \(0\)"),
    "type 99": (of_tensor(data_type=99), DataError, r"no known element type \(99\)"),
    "bfloat16": (
        of_tensor(data_type=TensorProto.BFLOAT16),
        ConfigError,
        "'w' is bfloat16, and elman runs float32",
    ),
    "float8": (of_tensor(data_type=TensorProto.FLOAT8E5M2), ConfigError, "'w' is float8e5m2"),
    "string": (of_tensor(data_type=TensorProto.STRING), ConfigError, "'w' is string"),
    "segment": (
        lambda m: setattr(m.graph.initializer[0].segment, "begin", 1),
        ConfigError,
        "stored in segments",
    ),
    "external data": (lambda m: external(m, "w.bin"), ConfigError, "'w' keeps its data in another file"),
    "external data elsewhere": (lambda m: external(m, "../../../etc/passwd"), ConfigError, "in another file"),
    "input of strings": (
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.STRING),
        ConfigError,
        "input 'x' is string",
    ),
    "input of no type": (
        lambda m: m.graph.input[0].ClearField("type"),
        ConfigError,
        "input 'x' is of the kind none",
    ),
    "input that is a sequence": (
        lambda m: m.graph.input[0].type.sequence_type.SetInParent(),
        ConfigError,
        "of the kind sequence_type",
    ),
    "input of negative size": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", -2),
        DataError,
        "input 'x' has a negative size",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_model_that_is_wrong_is_refused_when_it_is_prepared(name: str) -> None:
    change, kind, message = DAMAGED[name]
    with pytest.raises(kind, match=message) as caught:
        Backend.prepare(changed(change))
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert not Backend.is_compatible(changed(change))


WRONG_WHEN_RUN = {
    "shapes that do not fit": (of_tensor(dims=[4], raw_data=b"\0" * 16), ShapeError, "Add"),
    "types that do not fit": (of_tensor(data_type=TensorProto.INT32), ShapeError, "Add"),
    "output declared as another type": (
        lambda m: setattr(m.graph.output[0].type.tensor_type, "elem_type", TensorProto.DOUBLE),
        DataError,
        "is declared as float64, and came as float32",
    ),
}


@pytest.mark.parametrize("name", WRONG_WHEN_RUN)
def test_types_and_shapes_are_seen_when_the_model_is_run(name: str) -> None:
    change, kind, message = WRONG_WHEN_RUN[name]
    prepared = Backend.prepare(changed(change))
    with pytest.raises(kind, match=message) as caught:
        prepared.run([F32])
    assert "\n" not in str(caught.value)


def test_a_negative_size_does_not_end_the_process(tmp_path: Path) -> None:
    """Found by changed files: inferring shapes of these ends the process in onnx 1.23, in Slice."""
    starts, ends = (numpy_helper.from_array(np.array([n]), name) for n, name in ((0, "s"), (1, "e")))
    for sizes in ([-5], [-(2**31)], [0, -1]):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
        between = helper.make_tensor_value_info("between", TensorProto.FLOAT, sizes)
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m"])
        nodes = [
            helper.make_node("Identity", ["x"], ["between"]),
            helper.make_node("Slice", ["between", "s", "e"], ["y"]),
        ]
        graph = helper.make_graph(nodes, "g", [x], [y], [starts, ends], value_info=[between])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        # In a process of its own: if it ends, this one must not.
        told = subprocess.run(
            [sys.executable, "-m", "elman", "info", str(path)], capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
        assert "Slice" in told.stdout
        (found,) = Backend.prepare(load_model(path)).run([np.array([3.0, 4.0], np.float32)])
        assert found.tolist() == [3.0]


@pytest.mark.parametrize(
    "operator", ["If", "Loop", "Scan", "SequenceMap", "Sigmoid", "Conv", "Einsum", "DynamicQuantizeLSTM"]
)
def test_an_operator_that_is_not_run_is_named_with_its_node(operator: str) -> None:
    model = changed(lambda m: m.graph.node.append(node(operator, output="z", name="here")))
    with pytest.raises(
        ConfigError, match=f"^{operator} node 'here': elman does not run this operator; it runs Add"
    ):
        Backend.prepare(model)
    with pytest.raises(ConfigError, match=f"^{operator} node 'here'"):
        Backend.run_node(node(operator, name="here"), [F32])


def test_names_of_any_kind_make_one_short_line() -> None:
    name = "a\n\x1b[31m" * 1000
    with pytest.raises(ConfigError) as caught:
        Backend.prepare(changed(lambda m: m.graph.node.append(node("Conv", output="z", name=name))))
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    with pytest.raises(DataError) as other:
        Backend.prepare(changed(lambda m: m.graph.node[1].input.__setitem__(0, name)))
    assert len(str(other.value)) < 400
    assert str(other.value).isprintable()


def test_what_the_checker_of_onnx_says_is_made_printable() -> None:
    # Found by the fuzzer: names of the model stand in its messages as they are.
    attribute = helper.make_attribute("ax\x16is", 1)
    with pytest.raises(DataError, match=r"Unrecognized attribute: ax\?is"):
        Backend.prepare(changed(lambda m: m.graph.node[0].attribute.append(attribute)))


def test_long_shapes_make_short_lines() -> None:
    with pytest.raises(ShapeError) as caught:
        Backend.run_node(node("Reshape", "xs"), [F32, np.full(60, 7)])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("what", ["value_string", "value_strings", "sparse_value"])
def test_constants_that_are_no_numbers_are_refused(what: str) -> None:
    value: Any = {"value_string": "a", "value_strings": ["a"]}.get(what)
    if what == "sparse_value":
        ones = onnx.numpy_helper.from_array(np.ones(1, np.float32))
        value = helper.make_sparse_tensor(ones, onnx.numpy_helper.from_array(np.zeros(1, np.int64)), [3])
    model = changed(lambda m: m.graph.node.append(helper.make_node("Constant", [], ["z"], **{what: value})))
    with pytest.raises(ConfigError, match="Constant node 2"):
        Backend.prepare(model)


# Inputs


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], r"the model has 1 inputs \(x\), and 0 were given"),
        ([F32, F32], "and 2 were given"),
        ({}, "input 'x' is missing"),
        ({"z": F32}, "the model has no input 'z': its inputs are x"),
        ([F32.astype(np.float64)], r"'x' must be float32 \(2, 3\), not float64 \(2, 3\)"),
        ([F32[0]], r"must be float32 \(2, 3\), not float32 \(3\)"),
        ([F32.T], "must be"),
        ([None], "must be"),
        ([["a"]], "must be"),
        (F32, "a list or a dict of arrays, not ndarray"),
        (3, "a list or a dict of arrays, not int"),
    ],
)
def test_inputs_that_are_wrong_are_named(inputs: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Backend.run_model(good(), inputs)


def test_a_named_size_is_one_size_in_all_inputs() -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 3]) for name in "xz"]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 3])
    graph = helper.make_graph([node("Add", "xz")], "test", values, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    assert Backend.run_model(model, [F32, F32])[0].shape == (2, 3)
    with pytest.raises(ShapeError, match="'B' is 1 in input 'z', and 2 in one before it"):
        Backend.run_model(model, [F32, F32[:1]])


def test_what_comes_out_is_the_callers_and_what_went_in_is_not_touched() -> None:
    model = model_of([node("Identity")], X, {"y": F32})
    given = np.ones((2, 3), np.float32)
    (y,) = Backend.run_model(model, [given])
    y += 1
    assert (given == 1).all()
    model = model_of([node("Identity", "w")], {}, {"y": F32}, {"w": given})
    prepared = Backend.prepare(model)
    first = prepared.run([])[0]
    first += 1
    assert (prepared.run([])[0] == 1).all()


def test_an_input_may_have_a_value_in_the_model() -> None:
    model = good()
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]))
    prepared = Backend.prepare(model)
    assert (prepared.run([F32])[0] == 0).all()
    assert (prepared.run([F32, np.ones(3, np.float32)])[0] == 1).all()
    assert (prepared.run({"x": F32, "w": np.ones(3, np.float32)}).y == 1).all()


@pytest.mark.parametrize("call", ["prepare", "run_model", "run_node", "run"])
def test_options_and_devices_that_there_are_not(call: str) -> None:
    calls: dict[str, Callable[..., Any]] = {
        "prepare": lambda **options: Backend.prepare(good(), **options),
        "run_model": lambda **options: Backend.run_model(good(), [F32], **options),
        "run_node": lambda **options: Backend.run_node(node("Identity"), [F32], **options),
        "run": lambda **options: Backend.prepare(good()).run([F32], **options),
    }
    with pytest.raises(ConfigError, match="option 'speed'"):
        calls[call](speed=1)
    if call != "run":
        with pytest.raises(ConfigError, match="no device 'CUDA'"):
            calls[call](device="CUDA")
    assert Backend.supports_device("CPU")
    assert not Backend.supports_device("CUDA:0")


# Memory and time


def bounded(run: Callable[[], Any], megabytes: float = 20, seconds: float = 20) -> None:
    """Run what must fail, and see that it took little memory and time."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises(DataError, match="and the limit is"):
            run()
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
        assert time.monotonic() - started < seconds
    finally:
        tracemalloc.stop()


BIG = 70_000
HUGE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "MatMul": ({"a": np.zeros((BIG, 1), np.float32), "b": np.zeros((1, BIG), np.float32)}, {}),
    "Gemm": ({"a": np.zeros((BIG, 1), np.float32), "b": np.zeros((BIG, 1), np.float32)}, {"transB": 1}),
    "Add": ({"a": np.zeros((BIG, 1), np.float32), "b": np.zeros((1, BIG), np.float32)}, {}),
    "Mul": ({"a": np.zeros((BIG, 1), np.float32), "b": np.zeros((1, BIG), np.float32)}, {}),
    "Gather": ({"a": np.zeros((2, BIG), np.float32), "b": np.zeros(BIG, np.int64)}, {}),
    "Concat": (dict.fromkeys("a", np.zeros((1000, 100), np.float32)), {"axis": 0}),
}  # fmt: skip


@pytest.mark.parametrize("operator", HUGE)
def test_a_huge_result_is_refused_before_it_is_made(operator: str) -> None:
    inputs, attributes = HUGE[operator]
    names = ["a"] * 6000 if operator == "Concat" else None
    model = one_node(operator, inputs, {"y": F32}, names=names, **attributes)
    prepared = Backend.prepare(model)
    bounded(lambda: prepared.run(inputs))


def test_very_many_nodes_sizes_and_axes_take_a_moment() -> None:
    started = time.monotonic()
    nodes = [node("Identity", [f"x{i}" if i else "x"], f"x{i + 1}") for i in range(5000)]
    assert Backend.run_model(model_of(nodes, X, {"x5000": F32}), [F32])[0].shape == (2, 3)
    model = changed(of_tensor(dims=[2**62] * 100_000))
    with pytest.raises(DataError, match="100000 axes"):
        Backend.prepare(model)
    with pytest.raises(ShapeError, match="cannot become"):
        Backend.run_node(node("Reshape", "xs"), [F32, np.full(64, 2**62)])
    assert time.monotonic() - started < 20


def test_a_long_chain_of_doublings_is_refused_in_time() -> None:
    nodes = [node("Concat", [f"x{i}" if i else "x"] * 2, f"x{i + 1}", axis=0) for i in range(60)]
    model = model_of(nodes, X, {"x60": F32})
    bounded(lambda: Backend.prepare(model, max_bytes=2**20).run([F32]))


def test_values_that_are_kept_count_and_those_that_are_freed_do_not() -> None:
    x = np.zeros((256, 256), np.float32)  # a quarter of a megabyte
    chain = [node("Add", [f"x{i}" if i else "x", "x"], f"x{i + 1}") for i in range(40)]
    freed = model_of(chain, {"x": x}, {"x40": x})
    assert Backend.run_model(freed, [x], max_bytes=2**20)[0].shape == x.shape
    kept = model_of([*chain, node("Concat", [f"x{i + 1}" for i in range(40)], axis=0)], {"x": x}, {"y": x})
    bounded(lambda: Backend.run_model(kept, [x], max_bytes=2**20))


def test_a_small_part_of_a_large_value_does_not_keep_it() -> None:
    x = np.zeros((512, 512), np.float32)  # a megabyte
    nodes: list[onnx.NodeProto] = []
    for i in range(30):
        nodes += [node("Add", "xx", f"a{i}"), node("Slice", [f"a{i}", "zero", "one"], f"b{i}")]
    nodes.append(node("Concat", [f"b{i}" for i in range(30)], axis=0))
    constants = {"zero": np.zeros(1, np.int64), "one": np.ones(1, np.int64)}
    prepared = Backend.prepare(model_of(nodes, {"x": x}, {"y": x}, constants), max_bytes=2 * 2**20)
    tracemalloc.start()
    try:
        assert prepared.run([x])[0].shape == (30, 512)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_ranks_beyond_the_limit_are_refused() -> None:
    for operator, second in (("Reshape", np.ones(65, np.int64)), ("Unsqueeze", np.arange(65))):
        with pytest.raises(ShapeError, match=r"rank 6[56] is asked for; the limit is 64"):
            Backend.run_node(node(operator, "xs"), [np.ones(1, np.float32), second])

"""Small models for tests, and what else can run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
from onnx import TensorProto, helper

ELEMENT = {
    np.dtype(name): code
    for name, code in (
        ("float16", TensorProto.FLOAT16), ("float32", TensorProto.FLOAT), ("float64", TensorProto.DOUBLE),
        ("int32", TensorProto.INT32), ("int64", TensorProto.INT64), ("bool", TensorProto.BOOL),
        ("int8", TensorProto.INT8), ("uint8", TensorProto.UINT8),
    )
}  # fmt: skip


def declared(name: str, value: Any, shape: Sequence[int | str | None] | None = ()) -> onnx.ValueInfoProto:
    """Return the declaration of an array; shape None leaves the shape out, and () takes the array's."""
    sizes = value.shape if shape == () else shape
    return helper.make_tensor_value_info(name, ELEMENT[value.dtype], sizes)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    initializers: Mapping[str, Any] | None = None,
    opset: int = 14,
) -> onnx.ModelProto:
    """Return a model; inputs are declared with the shapes of the arrays, those of outputs are inferred."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [declared(name, value) for name, value in inputs.items()],
        [declared(name, value, None) for name, value in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in (initializers or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8  # of opset 14; every runtime that is asked here knows it
    return onnx.shape_inference.infer_shapes(model)


def one_node(
    operator: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    opset: int = 14,
    names: Sequence[str] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """Return a model of one node that reads all inputs, or those named, with "" where one is left out."""
    node = helper.make_node(operator, list(names or inputs), list(outputs), **attributes)
    return model_of([node], inputs, {name: value for name, value in outputs.items() if name}, opset=opset)


def of_sizes(operator: str, sizes: Sequence[int]) -> onnx.ModelProto:
    """Return a model without inputs that makes a value of those sizes, by Expand or ConstantOfShape."""
    constants = {"s": np.array(sizes, np.int64)}
    if operator == "Expand":
        constants = {"x": np.ones(1, np.float32), **constants}
    node = helper.make_node(operator, list(constants), ["y"])
    # Not by `model_of`: that would infer the sizes of the output, and say them.
    graph = helper.make_graph(
        [node], "test", [], [declared("y", np.zeros(0, np.float32), [None] * len(sizes))],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def run_by_ort(model: onnx.ModelProto, inputs: Mapping[str, Any]) -> list[Any]:
    """Return what ONNX Runtime computes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, dict(inputs)))


def run_by_reference(model: onnx.ModelProto, inputs: Mapping[str, Any]) -> list[Any]:
    """Return what onnx's own reference evaluator computes."""
    from onnx.reference import ReferenceEvaluator

    return list(ReferenceEvaluator(model).run(None, dict(inputs)))

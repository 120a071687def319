"""From a model to a graph: words, recurrent operators, logits."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import TensorProto, helper

import elman
from elman.errors import ConfigError
from elman.interop.onnx.out.builder import GraphBuilder
from elman.interop.onnx.out.outputs import add_output
from elman.interop.onnx.out.weights import DTYPE, LayerPlan, plans_of, tensors_of
from elman.network import LanguageModel
from elman.network.connections import Connection, Highway

OPSET = 17
"""Version of the operators: ONNX 1.12 of 2022, which ONNX Runtime reads from 1.12 on."""

IR_VERSION = 8
"""Version of the file's format, that of ONNX 1.12."""

LARGEST = 2_000_000_000
"""Bytes of weights; a protocol buffer as a whole holds no more than 2**31 - 1."""

TIME, BATCH = "time", "batch"


def build(
    model: LanguageModel, metadata: Mapping[str, str], *, log_probabilities: bool = False
) -> onnx.ModelProto:
    """Build the graph of a model.

    Parameters
    ----------
    model : LanguageModel
        What to build.
    metadata : mapping of str to str
        Kept in the file, to be read without running it.
    log_probabilities : bool
        Add these as a last output.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    ConfigError
        If a cell has no operator, an output cannot be written, or the model is too large for one file.
    """
    plans = plans_of(model)
    graph, K = GraphBuilder(), model.vocab_size
    graph.declare(graph.inputs, "tokens", TensorProto.INT64, TIME, BATCH)
    graph.declare(graph.outputs, "logits", TensorProto.FLOAT, TIME, BATCH, K)
    E = graph.constant("embedding.E", model.params["embedding.E"].astype(DTYPE))
    x = graph.node("Gather", [E, "tokens"], "embedding.x", axis=0)
    for plan, joint in zip(plans, model.stack.joints, strict=True):
        h = _layer(graph, plan, model, x)
        x = h if joint is None else _joined(graph, joint, model, x, h)
    add_output(graph, model, x, E)
    if log_probabilities:
        graph.declare(graph.outputs, "log_probabilities", TensorProto.FLOAT, TIME, BATCH, K)
        graph.node("LogSoftmax", ["logits"], "log_probabilities", axis=-1)
    return _model(graph, metadata)


def _layer(graph: GraphBuilder, plan: LayerPlan, model: LanguageModel, x: str) -> str:
    """Add a layer; return the name of its output, (time, batch, width)."""
    name, operator, axis = plan.name, plan.operator, graph.whole([0])
    for state in plan.states:
        graph.declare(graph.inputs, state.name, TensorProto.FLOAT, BATCH, state.width)
        graph.declare(graph.outputs, state.out, TensorProto.FLOAT, BATCH, state.width)
    tensors = {
        letter: graph.constant(f"{name}.{letter}", array)
        for letter, array in tensors_of(plan, model.params).items()
        if letter != "projection"
    }
    each = len(plan.states) // len(plan.prefixes)  # states of a direction: h, or h and c
    entering, leaving = [], []
    for field in range(each):
        ones = [
            graph.node("Unsqueeze", [state.name, axis], f"{state.name}.row")
            for state in plan.states[field::each]
        ]
        joined = graph.node("Concat", ones, f"{name}.entering.{field}", axis=0) if len(ones) > 1 else ones[0]
        entering.append(joined)
        leaving.append(f"{name}.leaving.{field}")
    given = [x, tensors["W"], tensors["R"], tensors["B"], "", *entering]
    if "P" in tensors:
        given.append(tensors["P"])
    graph.node(
        operator.kind, given, [f"{name}.y", *leaving], hidden_size=plan.hidden, direction=plan.direction,
        **operator.all_attributes(len(plan.prefixes)),
    )  # fmt: skip
    for field, together in enumerate(leaving):
        apart = plan.states[field::each]
        if len(apart) == 1:
            graph.node("Squeeze", [together, axis], apart[0].out)
            continue
        for number, state in enumerate(apart):
            graph.node("Gather", [together, graph.whole(number)], state.out, axis=0)
    return _output(graph, plan, model)


def _output(graph: GraphBuilder, plan: LayerPlan, model: LanguageModel) -> str:
    """Bring an operator's output (time, directions, batch, H) into the form (time, batch, width)."""
    name, y = plan.name, f"{plan.name}.y"
    if plan.projected:
        R = graph.constant(f"{name}.projection", tensors_of(plan, model.params)["projection"])
        y = graph.node("MatMul", [y, R], f"{name}.projected")  # each direction by its own
    if len(plan.prefixes) == 1:
        return graph.node("Squeeze", [y, graph.whole([1])], f"{name}.h")
    turned = graph.node("Transpose", [y], f"{name}.turned", perm=[0, 2, 1, 3])
    width = len(plan.prefixes) * plan.width
    return graph.node("Reshape", [turned, graph.whole([0, 0, width])], f"{name}.h")


def _joined(graph: GraphBuilder, joint: Connection, model: LanguageModel, x: str, h: str) -> str:
    """Join a layer's input to its output, (time, batch, width)."""
    name = f"{joint.name}.joined"
    if not isinstance(joint, Highway):
        return graph.node("Add", [h, x], name)
    T, b_T = (
        graph.constant(f"{joint.name}.{letter}", model.params[f"{joint.name}.{letter}"].astype(DTYPE))
        for letter in ("T", "b_T")
    )
    product = graph.node("MatMul", [x, T], f"{joint.name}.transfer.product")
    t = graph.node(
        "Sigmoid", [graph.node("Add", [product, b_T], f"{joint.name}.transfer.a")], f"{joint.name}.transfer"
    )
    change = graph.node("Sub", [h, x], f"{joint.name}.change")
    return graph.node("Add", [x, graph.node("Mul", [t, change], f"{joint.name}.let_in")], name)


def _model(graph: GraphBuilder, metadata: Mapping[str, str]) -> onnx.ModelProto:
    size = sum(len(tensor.raw_data) for tensor in graph.constants)
    if size > LARGEST:
        raise ConfigError(
            f"the graph has {size / 1e9:.1f} GB of weights, and an ONNX file of one piece holds "
            f"{LARGEST / 1e9:.1f} GB: export a smaller model"
        )
    made = helper.make_graph(graph.nodes, "elman", graph.inputs, graph.outputs, graph.constants)
    proto = helper.make_model(
        made, producer_name="elman", producer_version=elman.__version__,
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
    )  # fmt: skip
    helper.set_model_props(proto, dict(metadata))
    return proto

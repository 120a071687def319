"""The cells of the fast path are the operators RNN, LSTM and GRU as ONNX Runtime computes them."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from elman.network import get_cell
from elman.network.cells.activations import RULES, Activation
from elman.network.layers import new_layer
from elman.network.workspace import Workspace

T, B, D, H = 4, 3, 2, 5

ORDER = {"rnn": (0,), "lstm": (0, 2, 1, 3), "gru": (1, 0, 2)}
"""Our gate block in each place of ONNX's: i, o, f, c and z, r, h."""

SPECS = [
    "rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before",
    "rnn[tanh;clip=0.6]",
    *(f"rnn[{Activation(name, rule.defaults)}]" for name, rule in RULES.items()),
    "rnn[affine:0.3:0.2]", "rnn[scaled-tanh:0.8:1.3]", "rnn[elu:0.4]", "rnn[thresholded-relu:0.3]",
    "lstm[sigmoid,tanh,tanh;clip=0.5]", "lstm[sigmoid,tanh,tanh;peepholes;clip=0.5]",
    "lstm[hard-sigmoid,softsign,scaled-tanh:0.9:0.7;peepholes;coupled]",
    "lstm[sigmoid,elu:0.5,leaky-relu:0.2;peepholes;coupled;clip=0.7]",
    "gru[hard-sigmoid:0.3:0.4,softsign;clip=0.8]", "gru-before[hard-sigmoid,relu]",
    "gru-before[sigmoid,scaled-tanh:0.8:1.1;clip=0.5]",
]  # fmt: skip


def attributes(cell):
    """Return the operator's name and attributes for a cell, from its name."""
    family, _, rest = cell.name.partition("[")
    kind = family.split("-")[0]
    attributes = {"linear_before_reset": int(family == "gru")} if kind == "gru" else {}
    if kind == "lstm":
        attributes["input_forget"] = int(cell.gates == 3)
    if not rest:
        return kind, attributes | ({"activations": ["Relu"]} if family == "rnn-relu" else {})
    names, alphas, betas = [], [], []
    for activation in cell.activations:
        names.append("".join(part.capitalize() for part in activation.name.split("-")))
        alphas += activation.parameters[:1]  # ONNX reads them in order, of those that have any
        betas += activation.parameters[1:]
    lists = {"activations": names, "activation_alpha": alphas, "activation_beta": betas}
    clip = {} if cell.clip is None else {"clip": cell.clip}
    return kind, attributes | {key: values for key, values in lists.items() if values} | clip


def operator_inputs(cell, kind, params, rng):
    """Return W, R, B and P as ONNX has them; of a coupled LSTM its f is noise, which nothing may read."""

    def in_order(array):
        if cell.gates == 3 and kind == "lstm":  # i, o, g
            array = np.insert(array, 1, rng.normal(size=array.shape[1:]), axis=0)
        return array[list(ORDER[kind])]

    matrices = {
        letter: in_order(params[ours]).transpose(0, 2, 1) for letter, ours in (("W", "U"), ("R", "W"))
    }
    blocks = {letter: array.reshape(1, -1, array.shape[2]) for letter, array in matrices.items()}
    bias = in_order(params["b"]).reshape(1, -1)
    recurrent = np.zeros_like(bias)
    if cell.gated_bias:
        recurrent[:, -H:] = params["b_candidate"]
    blocks["B"] = np.concatenate([bias, recurrent], axis=1)
    if cell.peepholes:
        p = params["p"]
        rows = [p[0], p[1], rng.normal(size=H)] if cell.gates == 3 else [p[0], p[2], p[1]]  # i, o, f
        blocks["P"] = np.concatenate(rows)[None]
    return {key: array.astype("f4") for key, array in blocks.items()}


def run(kind, places, outputs, settings, feed):
    """Run a model of that one operator."""
    node = helper.make_node(kind.upper(), places, outputs, hidden_size=H, **settings)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in feed.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feed)


@pytest.mark.parametrize("spec", SPECS)
def test_a_layer_is_the_operator(spec):
    cell, rng = get_cell(spec), np.random.default_rng(0)
    layer = new_layer("l", cell, D, H, np.dtype("float64"))
    params = {name: rng.normal(0.0, 0.7, shape) for name, shape in layer.shapes().items()}
    short = {name.removeprefix("l."): array for name, array in params.items()}
    x = rng.normal(size=(T, B, D))
    state = type(layer.initial_state(B))(*(rng.normal(size=(B, H)) for _ in layer.initial_state(B)))
    tape = layer.forward(params, x, state, Workspace())

    kind, settings = attributes(cell)
    feed = {"X": x.astype("f4"), **operator_inputs(cell, kind, short, rng)}
    feed |= {f"initial_{name}": field[None].astype("f4") for name, field in zip("hc", state, strict=False)}
    places = ["X", "W", "R", "B", "", "initial_h"]
    places += ["initial_c", "P" if cell.peepholes else ""] if kind == "lstm" else []
    outputs = ["Y", "Y_h", "Y_c"][: 1 + len(state)]
    y, *last = run(kind, places, outputs, settings, feed)
    np.testing.assert_allclose(y[:, 0], tape.h, rtol=1e-4, atol=1e-5)
    for found, expected in zip(last, tape.leaving(T), strict=True):
        np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)

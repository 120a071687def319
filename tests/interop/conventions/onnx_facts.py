"""Single nodes of ONNX, run in ONNX Runtime; what it refuses, in onnx's own reference."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import defs, helper
from onnx.reference import ReferenceEvaluator

from tests.interop.conventions.facts import B, D, H, T
from tests.interop.conventions.formulas import Array

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
ORDER = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
OPSETS = (1, 3, 7, 14, 22)
OPSET = 22


def model_of(operator: str, given: dict[str, Array], attributes: dict[str, Any]) -> onnx.ModelProto:
    """Return a model of one node."""
    outs = ["Y", "Y_h", "Y_c"][: 3 if operator == "LSTM" else 2]
    names = ORDER if operator == "LSTM" else ORDER[:6]
    node = helper.make_node(
        operator, [n if n in given else "" for n in names], outs, hidden_size=H, **attributes
    )
    kinds = {name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in given.items()}
    ins = [
        helper.make_tensor_value_info(name, kinds[name], given[name].shape) for name in names if name in given
    ]
    ranks = {"Y": 4, "Y_h": 3, "Y_c": 3}
    values = [
        helper.make_tensor_value_info(name, kinds["X"], [f"{name}_{axis}" for axis in range(ranks[name])])
        for name in outs
    ]
    graph = helper.make_graph([node], "one", ins, values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def in_runtime(operator: str, given: dict[str, Array], attributes: dict[str, Any]) -> dict[str, Array]:
    """Run one node in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    data = model_of(operator, given, attributes).SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [out.name for out in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


def inputs_of(
    operator: str, rng: np.random.Generator, *, ways: int = 1, state: bool = True, dtype: str = "float32"
) -> dict[str, Array]:
    """Draw what a node is given."""
    G = GATES[operator]
    shapes = {"X": (T, B, D), "W": (ways, G * H, D), "R": (ways, G * H, H), "B": (ways, 2 * G * H)}
    if state:
        shapes |= {"initial_h": (ways, B, H)} | ({"initial_c": (ways, B, H)} if operator == "LSTM" else {})
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def onnx_facts(seed: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and sayings of ONNX."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}
    cases: dict[str, tuple[str, dict[str, Any]]] = {}

    def case(
        name: str, operator: str, *, ways: int = 1, state: bool = True, more: Any = None, **attributes: Any
    ) -> None:
        given = inputs_of(operator, rng, ways=ways, state=state) | (more or {})
        made = in_runtime(operator, given, attributes)
        cases[name] = (operator, attributes)
        arrays.update({f"{name}/{key}": array for key, array in (given | made).items()})

    case("rnn", "RNN")
    case("lstm", "LSTM")
    case("gru", "GRU")
    case("gru_after", "GRU", linear_before_reset=1)
    case("lstm_peephole", "LSTM", more={"P": rng.normal(size=(1, 3 * H)).astype("f")})
    case("lstm_coupled", "LSTM", input_forget=1)
    case("lstm_clip", "LSTM", clip=0.6)
    case("lstm_reverse", "LSTM", direction="reverse")
    case("lstm_both", "LSTM", ways=2, direction="bidirectional")
    lengths = {"sequence_lens": np.array([T, 2], "i4")}
    case("lstm_padded", "LSTM", ways=2, more=lengths, direction="bidirectional")
    case("lstm_empty", "LSTM", more={"sequence_lens": np.array([T, 0], "i4")})
    case("zero_state", "RNN", state=False)
    case("rnn_hard", "RNN", activations=["HardSigmoid"])
    case("rnn_hard_other", "RNN", activations=["HardSigmoid"], activation_alpha=[0.3], activation_beta=[0.5])
    # With the batch in front: by onnx's reference, since ONNX Runtime has not got it.
    given = inputs_of("LSTM", rng, ways=1)
    plain = in_runtime("LSTM", given, {})
    turned = {n: a.swapaxes(0, 1) if n in ("X", "initial_h", "initial_c") else a for n, a in given.items()}
    made = ReferenceEvaluator(model_of("LSTM", turned, {"layout": 1})).run(None, turned)
    arrays |= {f"batch_first/{name}": array for name, array in zip(("Y", "Y_h", "Y_c"), made, strict=True)}
    cases |= {"batch_first": ("LSTM", {"layout": 1}), "time_first": ("LSTM", {})}
    arrays |= {f"time_first/{name}": array for name, array in given.items()}
    arrays |= {f"batch_first/{name}": array for name, array in turned.items()}
    arrays |= {f"time_first/{name}": array for name, array in plain.items()}
    return arrays, {
        "cases": cases,
        "layout_refused": _refusal("LSTM", turned, {"layout": 1}),
        "float64_refused": [_refusal(o, inputs_of(o, rng, dtype="float64"), {}) for o in GATES],
        "attributes": {o: {v: sorted(defs.get_schema(o, v).attributes) for v in OPSETS} for o in GATES},
        "inputs": {o: [slot.name for slot in defs.get_schema(o, OPSET).inputs] for o in GATES},
        "types": {v: sorted(t[7:-1] for t in defs.get_schema("LSTM", v).inputs[0].types) for v in OPSETS},
        "functions": re.findall(r"^\* (\w+)\(x\)", str(defs.get_schema("LSTM", OPSET).doc), re.MULTILINE),
        "lengths": defs.get_schema("LSTM", OPSET).inputs[4].description,
    }  # fmt: skip


def _refusal(operator: str, given: dict[str, Array], attributes: dict[str, Any]) -> str:
    try:
        in_runtime(operator, given, attributes)
    except Exception as error:  # those of ONNX Runtime have no base of their own
        return str(error)
    return ""

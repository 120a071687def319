"""ONNX out: directions, projections, activations, clips and coupled gates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from elman.errors import ConfigError, DivergenceError, ElmanError
from elman.interop.onnx import export
from elman.interop.onnx.out.graph import build
from elman.interop.onnx.out.verify import verify
from elman.network import LanguageModel
from tests.interop.onnx.exported import CELLS, KINDS, WAYS, agreement, model_of, session_of


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("direction", WAYS)
def test_every_direction(cell: str, direction: str) -> None:
    model = model_of(cell, direction=direction)
    assert agreement(model).disagreement < 1e-5
    proto = build(model, {})
    nodes = [node for node in proto.graph.node if node.op_type == KINDS[cell[0]]]
    found = [onnx.helper.get_node_attr_value(node, "direction").decode() for node in nodes]
    assert found == (direction.split(",") * 2)[:2]
    assert ("h_0_reverse" in [port.name for port in proto.graph.input]) == ("bi" in direction)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if KINDS[cell[0]] != "GRU"])
@pytest.mark.parametrize("direction", WAYS)
def test_a_projection_is_merged_and_said(cell: str, direction: str, tmp_path: Path) -> None:
    model = model_of(cell, scale=0.4, projection=3, direction=direction)
    card = export(model, tmp_path / "model.onnx")
    assert ("m_0", "float32", ("batch", 6)) in card.inputs
    assert not any(port.name.startswith("h_") for port in card.inputs)
    assert any("h = m R" in said for said in card.said)
    # The states that came out, projected, are the model's.
    given = {port.name: np.zeros((1, 6), np.float32) for port in card.inputs[1:]}
    tokens = np.array([[1], [5], [2]])
    outputs = session_of(tmp_path / "model.onnx").run(None, {"tokens": tokens, **given})
    logits, state = model.logits(tokens, model.initial_state(1))
    np.testing.assert_allclose(outputs[0], logits, atol=1e-5)
    np.testing.assert_allclose(outputs[1] @ model.params["layers.0.R"], state[0].h, atol=1e-5)


ACTIVATIONS = (
    "relu", "tanh", "sigmoid", "affine:0.5:0.1", "leaky-relu:0.2", "thresholded-relu:0.3",
    "scaled-tanh:0.8:0.6", "hard-sigmoid:0.3:0.4", "elu:0.5", "softsign", "softplus",
    "affine", "leaky-relu", "thresholded-relu", "scaled-tanh", "hard-sigmoid", "elu",
)  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("spec", "scale"),  # small weights where a gate may leave [0, 1]: states grow, and with them what is off
    [
        ("rnn[{}]", 0.3), ("gru[sigmoid,{}]", 0.3), ("gru[{},tanh]", 0.1),
        ("gru-before[{},hard-sigmoid:0.3]", 0.1), ("lstm[{},{},tanh]", 0.1),
        ("lstm[hard-sigmoid:0.25,elu:0.3,{}]", 0.3), ("lstm[{},tanh,elu:0.7;coupled]", 0.05),
    ],
)  # fmt: skip
def test_other_activations(spec: str, scale: float, activation: str) -> None:
    model = model_of(spec.replace("{}", activation), scale, layers=1, direction="bidirectional")
    assert agreement(model).disagreement < 1e-5


@pytest.mark.parametrize("options", ["", ";peepholes", ";coupled", ";peepholes;coupled"])
@pytest.mark.parametrize(
    "family", ["rnn[tanh", "gru[sigmoid,tanh", "gru-before[sigmoid,tanh", "lstm[sigmoid,relu,tanh"]
)
def test_a_clip(family: str, options: str) -> None:
    if options and "lstm" not in family:
        return
    clipped, free = (model_of(f"{family}{options}{clip}]") for clip in (";clip=0.5", ""))
    assert agreement(clipped).disagreement < 1e-5
    proto = build(free, {})
    with pytest.raises(ElmanError, match="disagrees"):  # it is felt
        verify(proto, proto.SerializeToString(), clipped)


@pytest.mark.parametrize(
    ("gate", "rewritten"), [("sigmoid", True), ("hard-sigmoid", True), ("softsign", False)]
)
def test_a_coupled_gate_is_rewritten_where_that_is_exact(gate: str, rewritten: bool, tmp_path: Path) -> None:
    card = export(model_of(f"lstm[{gate},tanh,tanh;coupled]", scale=0.2), tmp_path / "model.onnx")
    assert any("coupled forget gate" in said for said in card.said) == rewritten
    nodes = [node for node in onnx.load(tmp_path / "model.onnx").graph.node if node.op_type == "LSTM"]
    coupled = [a.i for node in nodes for a in node.attribute if a.name == "input_forget"]
    assert coupled == ([] if rewritten else [1, 1])


def test_a_model_that_overflows_is_not_called_wrong() -> None:
    with pytest.raises(DivergenceError, match="the model itself overflows in a window of"):
        agreement(model_of("gru[affine,affine]", scale=2.0))


def test_zoneout_has_no_operator(tmp_path: Path) -> None:
    model = model_of(CELLS[0])
    held = LanguageModel(**{**model.settings, "zoneout": 0.1})
    with pytest.raises(ConfigError, match=r"zoneout \(0.1\) cannot be exported"):
        export(held, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()

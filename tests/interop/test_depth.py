"""Normalised, connected and learning models on their way out: written where there is a place, or refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import elman
from elman.errors import ConfigError
from elman.interop import keras, torch
from elman.interop.onnx import export
from elman.interop.onnx.out.graph import build
from elman.interop.onnx.out.verify import verify
from tests.interop.onnx.exported import agreement, model_of, session_of

REFUSED = [
    ({"layer_norm": True}, r"the layers are normalised \(layer_norm\)"),
    ({"connections": "residual"}, "the model has residual connections past its layers"),
    ({"learn_state": True}, r"begins a text from a learnt state \(learn_state\)"),
]


@pytest.mark.parametrize(("options", "says"), REFUSED)
def test_what_others_have_not_is_refused_by_name(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    model = elman.LanguageModel(vocab_size=7, embedding=4, hidden=4, layers=2, **options)
    ways: list[Any] = [
        lambda: torch.state_dict(model),
        lambda: torch.gradients(model, model.new_grads()),
        lambda: torch.write(model, tmp_path / "model.safetensors"),
        lambda: keras.write(model, tmp_path / "model.keras"),
    ]
    if "connections" not in options:
        ways.append(lambda: export(model, tmp_path / "model.onnx"))
    for way in ways:
        with pytest.raises(ConfigError, match=says):
            way()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("embedding", [5, 6], ids=["from the second layer on", "from the first"])
@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("connections", ["residual", "highway"])
def test_onnx_has_connections(connections: str, direction: str, embedding: int, tmp_path: Path) -> None:
    model = model_of("lstm", layers=3, embedding=embedding, connections=connections, direction=direction)
    card = export(model, tmp_path / "model.onnx")
    assert card.disagreement < 1e-5
    assert f"{connections} connections" in str(card)
    joined = 3 if embedding == 6 else 2
    assert Counter(node.op_type for node in build(model, {}).graph.node)["Sigmoid"] == (
        joined if connections == "highway" else 0
    )
    tokens = np.array([[1], [5], [2]])
    session = session_of(tmp_path / "model.onnx")
    state = {port.name: np.zeros((1, 6), np.float32) for port in session.get_inputs()[1:]}
    logits = session.run(["logits"], {"tokens": tokens, **state})[0]
    np.testing.assert_allclose(logits, model.logits(tokens, model.initial_state(1))[0], atol=1e-5)
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert json.loads(metadata["elman.sizes"])["connections"] == connections


def test_a_graph_without_its_connections_is_not_the_models() -> None:
    model, other = (model_of("gru", embedding=6, connections=kind) for kind in ("residual", "none"))
    other.params.update(model.params)
    assert agreement(model).disagreement < 1e-5
    proto = build(other, {})
    with pytest.raises(elman.ElmanError, match="disagrees with the model"):
        verify(proto, proto.SerializeToString(), model)

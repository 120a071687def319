"""Models of ours, written as ONNX and run on our own backend: the same numbers, by another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from elman.interop.onnx import Backend
from elman.interop.onnx.out.graph import build
from tests.interop.onnx.exported import CELLS, WAYS, model_of


@pytest.mark.parametrize(
    "settings",
    [
        *({"cell": cell} for cell in CELLS),
        *({"cell": "lstm", "direction": way} for way in WAYS),
        {"cell": "gru-before", "direction": "reverse"},
        {"cell": "lstm", "projection": 3},
        {"cell": "lstm[hard-sigmoid:0.25:0.5,softsign,elu:0.5;peepholes;coupled;clip=2]"},
        {"cell": "gru[hard-sigmoid,scaled-tanh:1.5:0.5;clip=1]", "direction": "bidirectional"},
    ],
    ids=lambda settings: " ".join(map(str, settings.values())),
)
def test_the_backend_computes_what_the_model_computes(settings: dict[str, Any]) -> None:
    model = model_of(**settings)
    prepared = Backend.prepare(build(model, {}))
    tokens = np.random.default_rng(0).integers(0, 11, (6, 3))
    fed = {"tokens": tokens} | {
        port.name: np.zeros((3, port.shape[1]), np.float32) for port in prepared.graph.inputs[1:]
    }
    logits, _ = model.logits(tokens, model.initial_state(3))
    assert_allclose(prepared.run(fed)[0], logits, rtol=0, atol=2e-5)

"""Language models that PyTorch's exporters wrote, run here; ``vectors/make_torch_onnx.py`` made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file

from elman.interop.onnx import Backend, load_model
from tests.interop.onnx.models import run_by_ort

VECTORS = Path(__file__).parents[2] / "vectors"
MODELS = sorted(path.stem for path in VECTORS.glob("torch_onnx_*.onnx"))
TENSORS = load_file(VECTORS / "torch_onnx.safetensors")


def test_each_kind_and_exporter_is_there() -> None:
    assert MODELS == [
        "torch_onnx_gru_dynamo", "torch_onnx_gru_script", "torch_onnx_gru_zeros_dynamo",
        "torch_onnx_lstm_dynamo", "torch_onnx_lstm_script", "torch_onnx_lstm_zeros_script",
        "torch_onnx_rnn_script", "torch_onnx_rnn_zeros_dynamo",
    ]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_an_exported_model_gives_what_pytorch_gave(name: str) -> None:
    model = load_model(VECTORS / f"{name}.onnx")
    prepared = Backend.prepare(model)
    fed = {port.name: TENSORS[f"{name}/{port.name}"] for port in prepared.graph.inputs}
    results = prepared.run(fed)
    for port, mine, theirs in zip(prepared.graph.outputs, results, run_by_ort(model, fed), strict=True):
        assert_allclose(mine, TENSORS[f"{name}/{port.name}"], rtol=0, atol=2e-6, err_msg=port.name)
        assert_allclose(mine, theirs, rtol=0, atol=2e-6)
    assert prepared.run(list(fed.values()))[0].tobytes() == results.logp.tobytes()


def test_a_stream_goes_on_token_by_token() -> None:
    name = "torch_onnx_gru_script"
    prepared = Backend.prepare(load_model(VECTORS / f"{name}.onnx"))
    h, pieces = TENSORS[f"{name}/h"], []
    for token in TENSORS[f"{name}/tokens"]:
        logp, h = prepared.run({"tokens": token[None], "h": h})
        pieces.append(logp)
    assert_allclose(np.concatenate(pieces), TENSORS[f"{name}/logp"], rtol=0, atol=2e-6)
    assert_allclose(h, TENSORS[f"{name}/h_new"], rtol=0, atol=2e-6)

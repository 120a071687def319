"""``elman info FILE.onnx``: what a model takes, gives and computes with, and whether it is run here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnx
import pytest

from elman.errors import DataError
from elman.interop.onnx import Backend, summarize
from tests.cli.conftest import Command

VECTORS = Path(__file__).parents[2] / "vectors"


def test_what_is_in_a_model_is_listed(run_elman: Command) -> None:
    path = VECTORS / "torch_onnx_lstm_dynamo.onnx"
    shown = run_elman("info", str(path)).out
    for line in (
        "format          ONNX",
        "opset           ai.onnx 18",
        "nodes           16",
        "elman runs it   yes",
        "  LSTM        2",
        "  tokens  int64    4 x 2",
        "  logp   float32  4 x 2 x 13",
        "  embedding.weight  float32  13 x 5",
    ):
        assert line in shown.splitlines()
    told = json.loads(run_elman("info", str(path), "--json").out)
    assert told["operators"]["LSTM"] == 2
    assert told["outputs"][0] == {"name": "logp", "dtype": "float32", "shape": [4, 2, 13]}


def test_a_prepared_model_shows_what_it_takes_and_gives() -> None:
    model = onnx.load(VECTORS / "torch_onnx_lstm_dynamo.onnx")
    shown = repr(Backend.prepare(model))
    assert re.fullmatch(r"Prepared\(\['tokens', .*\] -> \['logp', .*\], nodes=\d+\)", shown), shown


def test_why_a_model_is_not_run_is_told(run_elman: Command, tmp_path: Path) -> None:
    model = onnx.load(VECTORS / "torch_onnx_gru_script.onnx")
    model.graph.node[0].op_type = "Sigmoid"
    model.graph.node[1].domain = "my.own"
    model.metadata_props.add(key="a\x1b[31m", value="b\nc")
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.initializer[0].dims.extend([2**62] * 100_000)
    onnx.save(model, tmp_path / "other.ONNX")
    shown = run_elman("info", str(tmp_path / "other.ONNX")).out
    assert "elman runs it   no: Sigmoid node " in shown
    assert "my.own.Constant" in shown
    assert r"a\x1b[31m  b\nc" in shown


def test_reason_and_advice_stand_on_lines_of_their_own(run_elman: Command, tmp_path: Path) -> None:
    model = onnx.load(VECTORS / "torch_onnx_gru_script.onnx")
    model.graph.node[0].op_type, model.graph.node[0].name = "Conv", "/encoder/Conv"
    onnx.save(model, tmp_path / "other.onnx")
    lines = run_elman("info", tmp_path / "other.onnx").out.splitlines()
    reason = next(i for i, line in enumerate(lines) if line.startswith("elman runs it"))
    assert lines[reason].endswith("no: Conv node '/encoder/Conv': elman does not run this operator;")
    assert lines[reason + 1].startswith(f"{'':<16}it runs ")
    assert max(map(len, lines[1:])) <= 100
    told = json.loads(run_elman("info", tmp_path / "other.onnx", "--json").out)["elman_runs_it"]
    assert "this operator; it runs " in told


@pytest.mark.parametrize("content", [b"", b"no model", b"\x80\x02}"])
def test_a_file_that_is_no_model(run_elman: Command, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not an ONNX model"):
        summarize(path)
    assert run_elman("info", str(path)).complaint().startswith(f"elman: {path} is not an ONNX model, or is")

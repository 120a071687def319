"""Outputs in ONNX: those that are written agree with the model, others are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from elman.errors import ConfigError
from elman.interop.onnx import export
from tests.interop.onnx.exported import agreement, model_of

WRITTEN: list[dict[str, Any]] = [
    {"output": "adaptive", "cutoffs": [4, 7, 8]},
    {"output": "adaptive", "cutoffs": [1]},
    {"output": "sampled"},
    {"output": "nce"},
]


@pytest.mark.parametrize("settings", WRITTEN, ids=lambda settings: settings["output"])
@pytest.mark.parametrize("tied", [False, True])
def test_the_graph_agrees_with_the_model(settings: dict[str, Any], tied: bool) -> None:
    for direction in ("forward", "reverse"):
        model = model_of("lstm", tied=tied, embedding=6, direction=direction, **settings)
        assert agreement(model).disagreement < 1e-5


@pytest.mark.parametrize("name", ["classes", "mixture"])
def test_others_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"the output '{name}' is not written as an ONNX graph"):
        export(model_of("gru", output=name), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())

"""``elman info`` of a Keras file: layers, arrays, the model that it would be, or why it is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.interop import keras
from elman.interop.keras import process
from elman.interop.keras.summary import summarize
from tests.cli.conftest import Command
from tests.interop.keras.files import HERE, config, h5, layer, members, packed, with_weights


@pytest.mark.parametrize("path", sorted(HERE.glob("*.keras")), ids=lambda path: path.stem)
def test_every_stored_model_is_the_one_that_is_read(path: Path) -> None:
    found, read = summarize(path), keras.read(path)
    assert (found.model, found.said, found.problem) == (str(read.model), read.said, "")
    assert [one.name for one in found.layers] == [
        entry["config"]["name"] for entry in config(path.stem)["config"]["layers"]
    ]


def test_layers_and_arrays_are_listed(run_elman: Command) -> None:
    shown = run_elman("info", HERE / "both.keras").out
    for line in (
        "format          Keras archive",
        "could be        LanguageModel(vocab_size=6, cell='lstm', embedding=3, hidden=4, layers=1,",
        "  embedding      Embedding            input_dim=6, output_dim=3, mask_zero=True",
        "  bidirectional  Bidirectional(LSTM)  units=4, activation=tanh, recurrent_activation=sigmoid",
        "  layers/bidirectional/forward_layer/cell/vars/0   float32  3 x 16",
    ):
        assert line in shown.splitlines()
    told = json.loads(run_elman("info", HERE / "both.keras", "--json").out)
    assert told["tensors"] == len(told["arrays"]) == 9
    assert told["parameters"] == sum(int(np.prod(a["shape"])) for a in told["arrays"].values())
    assert told["arrays"]["layers/dense/vars/0"] == {"dtype": "float32", "shape": [8, 6], "bytes": 192}
    assert told["layers"][2]["kind"] == "Bidirectional(LSTM)"
    assert told["layers"][2]["options"]["merge_mode"] == "concat"
    assert told["but"] == []


def test_of_weights_it_says_what_would_be_assumed(run_elman: Command) -> None:
    shown = run_elman("info", HERE / "weights_gru_before.weights.h5").out
    assert "cell='gru-before'" in shown
    assert "assumed: activation tanh" in shown
    assert "layers\n" not in shown
    names = [line.split()[0] for line in shown.split("arrays\n")[1].splitlines()]
    assert names == sorted(names)


def test_why_a_model_is_not_read_is_told(run_elman: Command, tmp_path: Path) -> None:
    given = config()
    given["config"]["layers"][2]["class_name"] = "ConvLSTM1D\x1b[31m" + "x" * 99
    layer(given, "Dense").update(units=float("nan"), activation={"a": ["x" * 999]})
    path = packed(tmp_path / "x.keras", {**members(), "config.json": json.dumps(given).encode()})
    shown = run_elman("info", path).out
    assert "no model that elman imports" in shown
    assert "elman imports" in shown
    assert "layers/dense/vars/0" in shown
    assert shown.replace("\n", "").isprintable()
    assert max(map(len, shown.splitlines()[1:])) < 180
    told = json.loads(run_elman("info", path, "--json").out, parse_constant=lambda name: pytest.fail(name))
    assert "is not one that elman has" in told["but"][0]
    assert told["layers"][-1]["options"]["units"] == "nan"


@pytest.mark.parametrize(
    "inner", [None, [], {"layers": 3}, {"layers": [3, {}, {"config": [], "class_name": 1}]}]
)
def test_a_config_that_is_none(inner: object, tmp_path: Path) -> None:
    broken = json.dumps({"class_name": "Sequential", "config": inner}).encode()
    found = summarize(packed(tmp_path / "x.keras", {**members(), "config.json": broken}))
    assert found.problem
    assert not found.model
    assert len(found.listing.tensors) == len(summarize(HERE / "lstm.keras").listing.tensors)


def test_other_types_and_other_files_of_hdf5(run_elman: Command, tmp_path: Path) -> None:
    def halve(file: Any) -> None:
        array = np.array(file["layers/dense/vars/1"], np.float16)
        del file["layers/dense/vars/1"]
        file["layers/dense/vars/1"] = array

    shown = run_elman("info", with_weights(tmp_path / "half.keras", halve)).out
    assert "float16 (1)" in shown
    assert "were converted to float32" in " ".join(shown.split())
    older = h5(tmp_path / "whole", lambda file: file.update({"model_weights/lstm/kernel": np.ones((2, 3))}))
    shown = run_elman("info", older).out
    assert "older HDF5 format" in " ".join(shown.split())
    assert "model_weights/lstm/kernel  float64  2 x 3" in shown


def test_without_h5py_it_is_named(run_elman: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    for name in ("lstm.keras", "weights_lstm.weights.h5"):
        said = run_elman("info", HERE / name).complaint()
        assert "holds HDF5, which h5py reads: install it with pip install 'elman[keras]'" in said

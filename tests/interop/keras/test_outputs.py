"""Stored models give the outputs that Keras gave."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.interop import keras
from elman.interop.keras.activations import ACTIVATIONS, Kind, cell_name
from elman.interop.keras.config import plan_of
from tests.interop.keras.files import HERE, OUTPUTS, TOKENS, config, with_weights

MODELS = sorted(set(OUTPUTS) - {"tokens"})
MASKED = {"backwards", "both", "functional", "gru_masked"}
TURNED = {"backwards", "turned", "swapped"}
LOGITS = {"gru_after", "hard_sigmoid", "functional"}  # the others end in a softmax
CELLS = {
    "rnn_tanh": "rnn", "rnn_relu": "rnn-relu", "gru_after": "gru", "gru_before": "gru-before",
    "gru_masked": "gru", "turned": "gru", "swapped": "rnn", "weights_gru_before": "gru-before",
}  # fmt: skip


def stored(name: str) -> Path:
    return next(HERE.glob(f"{name}.*"))


def probabilities(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_keras(name: str) -> None:
    model, said = keras.read(stored(name))
    steps = keras.mask(TOKENS) if name in MASKED else None
    logits, _ = model.logits(TOKENS, model.initial_state(TOKENS.shape[1]), lengths=steps)
    expected = OUTPUTS[name].transpose(1, 0, 2)
    if name in TURNED:
        expected = expected[::-1]
        assert any("last step first" in sentence for sentence in said)
    found = logits if name in LOGITS else probabilities(logits)
    counted = np.ones(TOKENS.shape, bool) if steps is None else steps
    np.testing.assert_allclose(found[counted], expected[counted], rtol=0, atol=1e-6)
    assert any("mask_zero)" in sentence for sentence in said) == (name in MASKED)


@pytest.mark.parametrize("name", MODELS)
def test_the_cell_is_the_plain_one_where_there_is_one(name: str) -> None:
    cell = "lstm[hard-sigmoid:0.16666666666666666:0.5,softsign,softsign]"
    if name != "hard_sigmoid":
        cell = CELLS.get(name, "lstm")
    assert keras.read(stored(name)).model.cell == cell


FORMULAS: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_keras_formulas(name: str) -> None:
    x = np.linspace(-4, 4, 9)
    cell = cell_name(Kind("SimpleRNN", name))
    model = elman.LanguageModel(
        vocab_size=9, cell=cell, embedding=1, hidden=9, layers=1, init="zeros", dtype="float64"
    )
    model.params["layers.0.b"][0] = x
    model.params["output.V"][...] = np.eye(9)
    logits, _ = model.logits(np.zeros((1, 1), int), model.initial_state(1))
    np.testing.assert_allclose(logits[0, 0], FORMULAS[name](x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["lstm", "gru_after", "rnn_tanh"])
def test_what_a_config_leaves_out_is_keras_default(name: str) -> None:
    def plan(*left_out: str) -> Any:
        given = config(name)
        for entry in given["config"]["layers"]:
            for option in left_out:
                entry["config"].pop(option, None)
        return plan_of("a file", given)

    assert plan() == plan(
        "activation", "recurrent_activation", "use_bias", "reset_after", "go_backwards", "dropout",
        "stateful", "recurrent_dropout", "return_state", "mask_zero",
    )  # fmt: skip


def test_dropout_is_kept_where_it_means_the_same() -> None:
    assert keras.read(stored("functional")).model.stack.dropout == 0.25


def test_load_warns_of_what_is_said() -> None:
    with pytest.warns(UserWarning, match="assumed: activation tanh, recurrent_activation sigmoid"):
        assert keras.load(stored("weights_lstm")).n_params > 0


def test_what_weights_cannot_tell_is_told() -> None:
    model, said = keras.read(
        stored("weights_lstm"), activation="relu", recurrent_activation="hard_sigmoid",
        go_backwards=[True, True], mask_zero=False,
    )  # fmt: skip
    assert model.cell.startswith("lstm[hard-sigmoid:")
    assert model.cell.endswith(",relu,relu]")
    assert model.direction == "reverse,forward"
    assert said == ()  # nothing was left to be assumed


def test_only_what_was_not_told_is_assumed() -> None:
    start = "a file of weights does not tell everything; assumed: "
    said = keras.read(stored("weights_lstm"), activation="relu", go_backwards=False).said
    assert said == (f"{start}recurrent_activation sigmoid, mask_zero False",)
    said = keras.read(stored("weights_lstm"), mask_zero=True).said
    assert said[0] == f"{start}activation tanh, recurrent_activation sigmoid, go_backwards False"


def test_float16_is_converted_and_said(tmp_path: Path) -> None:
    def halve(file: Any) -> None:
        half = file["layers/dense/vars/0"][()].astype(np.float16)
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = half

    model, said = keras.read(with_weights(tmp_path / "half.keras", halve))
    assert model.dtype == np.float32
    assert len(said) == 1
    assert "float16 weights" in said[0]
    assert "converted to float32" in said[0]
    exact = keras.read(stored("lstm")).model.params["output.V"].astype(np.float16)
    np.testing.assert_array_equal(model.params["output.V"], exact)


def test_bfloat16_is_converted_and_said(tmp_path: Path) -> None:
    numbers = np.array([[1.5, -2.0, 0.125, 3.0, 1e30, -1e-30]] * 4, np.float32)
    upper = (numbers.view(np.uint32) >> 16).astype(np.uint16)

    def cut(file: Any) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = upper.view("V2")  # as Keras stores it
        file["layers/dense/vars/0"].attrs["dtype"] = "bfloat16"

    model, said = keras.read(with_weights(tmp_path / "half.keras", cut))
    assert len(said) == 1
    assert said[0].startswith("bfloat16 weights")
    cut_off = (upper.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(model.params["output.V"], cut_off)


def test_float64_stays(tmp_path: Path) -> None:
    def widen(file: Any) -> None:
        found: dict[str, Any] = {}
        file.visititems(lambda name, item: found.update({name: item[()]}) if hasattr(item, "shape") else None)
        for name, array in found.items():
            del file[name]
            file[name] = array.astype(np.float64)

    model, said = keras.read(with_weights(tmp_path / "wide.keras", widen))
    assert (model.dtype, said) == (np.float64, ())


def test_a_name_is_not_what_makes_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "-model"
    shutil.copy(stored("lstm"), path)
    assert keras.read(path).model.cell == "lstm"


def test_masks() -> None:
    assert keras.mask(TOKENS).tolist() == (TOKENS != 0).tolist()
    with pytest.raises(elman.ShapeError, match="whole numbers, not float64"):
        keras.mask(np.zeros((2, 2)))

"""What reads the formats follows the conventions: the frameworks' own weights give their own outputs.

The layers of the stored facts are put into files as language models, whose word vectors are the inputs of a
sequence, one token each, and whose logits are the outputs of the layer.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import elman
from elman.interop import keras as elman_keras
from elman.interop import onnx as elman_onnx
from elman.interop import torch as elman_torch
from tests.interop.conventions.facts import B, D, H, T, facts
from tests.interop.conventions.formulas import Array
from tests.interop.conventions.onnx_facts import model_of

K = T * B
TOKENS = np.arange(K).reshape(T, B)


def reading_out(width: int) -> Array:
    """Return output weights (width, K) that copy the hidden state into the first logits."""
    return np.eye(width, K)


def run(model: elman.LanguageModel, states: list[Array], width: int, **how: Any) -> tuple[Array, list[Array]]:
    """Return the outputs of the layers, and the states they leave, in the order of the given ones."""
    given = iter(states)
    state = tuple(type(layer)(*(next(given) for _ in layer)) for layer in model.initial_state(B))
    logits, left = model.logits(TOKENS, state, **how)
    return logits[..., :width], [array for layer in left for array in layer]


TORCH = {
    "rnn": {}, "rnn_relu": {"cell": "rnn-relu"}, "lstm": {}, "gru": {}, "lstm_projected": {}, "lstm_deep": {},
    "lstm_padded": {"lengths": np.array([T, 2])},
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.filterwarnings("ignore:tanh was assumed")
def test_weights_of_torch_give_its_outputs(name, tmp_path):
    case, how = facts("torch").case(name), dict(TORCH[name])
    width = case["out"].shape[2]
    weights = {f"rnn.{key}": array for key, array in case.items() if key.startswith(("weight", "bias"))}
    weights["embedding.weight"] = case["x"].reshape(K, D)
    weights["output.weight"], weights["output.bias"] = np.array(reading_out(width).T, order="C"), np.zeros(K)
    save_file(weights, tmp_path / "theirs.safetensors")
    model = elman_torch.load(tmp_path / "theirs.safetensors", cell=how.pop("cell", None))
    names = [key for key in ("h", "c") if key in case]
    ways = len(case["h"])
    states = [case[f"{key}0"][way] for way in range(ways) for key in names]
    out, left = run(model, states, width, **how)
    np.testing.assert_allclose(out, case["out"], rtol=0, atol=1e-12)
    for found, expected in zip(left, [case[key][way] for way in range(ways) for key in names], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


KERAS = {
    "rnn": "rnn", "rnn_relu": "rnn-relu", "lstm": "lstm", "gru": "gru", "gru_before": "gru-before",
    "lstm_both": "lstm", "lstm_backwards": "lstm", "lstm_padded": "lstm", "lstm_gaps": "lstm",
    "lstm_empty": "lstm", "lstm_both_padded": "lstm",
}  # fmt: skip


def keras_file(path: Path, cell: str, case: dict[str, Array]) -> None:
    """Write a model of one layer, and put the arrays of Keras into it."""
    both = "forward/kernel" in case
    direction = "bidirectional" if both else "forward"
    sizes: dict[str, Any] = {"vocab_size": K, "embedding": D, "hidden": H, "layers": 1, "dtype": "float64"}
    elman_keras.write(elman.LanguageModel(cell=cell, direction=direction, **sizes), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    memory = io.BytesIO(members["model.weights.h5"])
    places = {"forward/": "forward_layer/", "backward/": "backward_layer/"} if both else {"": ""}
    with h5py.File(memory, "r+") as file:
        (recurrent,) = (name for name in file["layers"] if name not in ("embedding", "dense"))
        file["layers/embedding/vars/0"][...] = case["x"].swapaxes(0, 1).reshape(K, D)
        file["layers/dense/vars/0"][...] = reading_out(2 * H if both else H)
        file["layers/dense/vars/1"][...] = 0
        for theirs, place in places.items():
            for number, name in enumerate(("kernel", "recurrent_kernel", "bias")):
                file[f"layers/{recurrent}/{place}cell/vars/{number}"][...] = case[theirs + name]
    members["model.weights.h5"] = memory.getvalue()
    if path.stem == "lstm_backwards":  # which elman does not write: its outputs stand at other steps
        config = re.sub(rb'"go_backwards": *false', b'"go_backwards": true', members["config.json"])
        assert config != members["config.json"]
        members["config.json"] = config
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("name", KERAS)
@pytest.mark.filterwarnings("ignore:.*last step first")
def test_weights_of_keras_give_its_outputs(name, tmp_path):
    case = facts("keras").case(name)
    keras_file(tmp_path / f"{name}.keras", KERAS[name], case)
    model = elman_keras.load(tmp_path / f"{name}.keras")
    both = "forward/kernel" in case
    names = [f"{way}{key}" for way in (["forward/", "backward/"] if both else [""]) for key in "hc"]
    names = [key for key in names if key in case]
    live = case["mask"].T if "mask" in case else np.ones((T, B), bool)
    out, left = run(model, [case[f"{key}0"] for key in names], 2 * H if both else H, lengths=live)
    expected = case["out"].swapaxes(0, 1)
    expected = expected[::-1] if name == "lstm_backwards" else expected
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(out[live], expected[live], rtol=0, atol=1e-5 * scale)
    for found, key in zip(left, names, strict=True):
        np.testing.assert_allclose(found, case[key], rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("name", facts("onnx").said["cases"])
def test_nodes_of_onnx_give_what_its_runtime_gives(name):
    case = facts("onnx").case(name)
    operator, attributes = facts("onnx").said["cases"][name]
    given = {key: array for key, array in case.items() if key not in ("Y", "Y_h", "Y_c")}
    prepared = elman_onnx.Backend.prepare(model_of(operator, given, attributes))
    found = prepared.run(given)
    for key, array in zip(("Y", "Y_h", "Y_c"), found, strict=False):
        if name == "lstm_empty" and key != "Y":
            array, case[key] = array[:, :1], case[key][:, :1]  # of the row of no steps: see below
        np.testing.assert_allclose(array, case[key], rtol=0, atol=2e-5)


def test_the_state_of_a_row_of_no_steps_is_kept_where_the_runtime_forgets_it():
    case = facts("onnx").case("lstm_empty")
    given = {key: array for key, array in case.items() if key not in ("Y", "Y_h", "Y_c")}
    _, h, c = elman_onnx.Backend.prepare(model_of("LSTM", given, {})).run(given)
    np.testing.assert_array_equal(h[:, 1], case["initial_h"][:, 1])
    np.testing.assert_array_equal(c[:, 1], case["initial_c"][:, 1])

"""ONNX out: what ONNX Runtime computes from the file is what the model computes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import elman
from elman.data import tokenizer_from_json
from elman.errors import ConfigError, DivergenceError, ElmanError
from elman.interop.onnx import export
from elman.interop.onnx.out import exporting
from elman.interop.onnx.out.graph import build
from elman.interop.onnx.out.verify import Verified, verify
from elman.interop.onnx.out.weights import plans_of
from tests.small import CHILD_ENV

CELLS = ("rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu")
KINDS = {"r": "RNN", "l": "LSTM", "g": "GRU", "m": "GRU"}
WAYS = ("forward", "reverse", "bidirectional", "bidirectional,forward")


def model_of(cell: str, scale: float = 0.5, **settings: Any) -> elman.LanguageModel:
    """Return a small model with large, asymmetric weights."""
    sizes = {"vocab_size": 11, "embedding": 5, "hidden": 6, "layers": 2}
    model = elman.LanguageModel(cell=cell, **(sizes | settings))
    rng = np.random.default_rng(0)
    for array in model.params.values():
        array[...] = scale * rng.standard_normal(array.shape)
    return model


def agreement(model: elman.LanguageModel) -> Verified:
    """Return how well a graph agrees with its model; raise what would be raised before it is written."""
    proto = build(model, {})
    return verify(proto, proto.SerializeToString(), model)


def session_of(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "settings", [{}, {"tied": True, "embedding": 6, "dtype": "float64"}], ids=["", "tied"]
)
def test_a_stream_is_continued_as_the_model_continues_it(
    cell: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    model = model_of(cell, **settings)
    card = export(model, tmp_path / "model.onnx", log_probabilities=True)
    session = session_of(tmp_path / "model.onnx")
    names = [state.name for state in session.get_inputs()][1:]
    assert [state.name for state in session.get_outputs()] == [
        "logits", *(f"{name}_out" for name in names), "log_probabilities",
    ]  # fmt: skip
    rng = np.random.default_rng(1)
    given = {name: rng.standard_normal((4, 6)).astype(np.float32) for name in names}
    flat = iter(given.values())
    state = tuple(
        type(layer)(*(next(flat).astype(model.dtype) for _ in layer)) for layer in model.initial_state(4)
    )
    for T in (3, 1, 8):
        tokens = rng.integers(0, 11, (T, 4))
        logits, *rest, log_p = session.run(None, {"tokens": tokens, **given})
        for t in range(T):
            expected, state = model.step(tokens[t], state)
            np.testing.assert_allclose(logits[t], expected, atol=2e-5)
            np.testing.assert_allclose(np.exp(log_p[t]).sum(axis=1), 1.0, atol=1e-5)
            np.testing.assert_allclose(log_p[t] - log_p[t, :, :1], expected - expected[:, :1], atol=5e-5)
        given = dict(zip(names, rest, strict=True))
        for found, field in zip(rest, (field for layer in state for field in layer), strict=True):
            np.testing.assert_allclose(found, field, atol=2e-5)
    assert 0 < card.disagreement < 1e-5
    assert card.dtype == model.dtype.name
    assert any("float64" in said for said in card.said) == (model.dtype == np.float64)


@pytest.mark.parametrize("cell", CELLS)
def test_the_layers_are_operators(cell: str, tmp_path: Path) -> None:
    card = export(model_of(cell, layers=3), tmp_path / "model.onnx")
    kind = KINDS[cell[0]]
    assert card.operators[kind] == 3
    assert not {"Loop", "Scan"} & card.operators.keys()
    nodes = onnx.load(tmp_path / "model.onnx").graph.node
    before = [a.i for node in nodes for a in node.attribute if a.name == "linear_before_reset"]
    assert before == ([int(cell != "gru-before")] * 3 if kind == "GRU" else [])


def test_tied_weights_are_stored_once(tmp_path: Path) -> None:
    export(model_of("rnn", tied=True, embedding=6), tmp_path / "model.onnx")
    constants = onnx.load(tmp_path / "model.onnx").graph.initializer
    assert sum(list(tensor.dims) in ([11, 6], [6, 11]) for tensor in constants) == 1


@pytest.mark.parametrize("cell", CELLS)
def test_no_constant_can_be_wrong_unseen(cell: str) -> None:
    model = model_of(cell)
    right = build(model, {})
    verify(right, right.SerializeToString(), model)
    weights = [i for i, tensor in enumerate(right.graph.initializer) if tensor.data_type == 1]
    assert len(weights) == 3 + 2 * (4 if cell == "lstm-peephole" else 3)
    for index in weights:
        proto = onnx.ModelProto()
        proto.CopyFrom(right)
        tensor = proto.graph.initializer[index]
        array = onnx.numpy_helper.to_array(tensor).copy()
        array.flat[-1] += 1e-3
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        with pytest.raises(ElmanError, match=r"disagrees with the model by .* in \w+ of a window"):
            verify(proto, proto.SerializeToString(), model)


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


@pytest.mark.parametrize("before", [None, b"an older file"])
def test_what_disagrees_leaves_no_file(
    before: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = model_of("gru"), model_of("gru")
    other.params["layers.1.W"][0, 0, 0] += 0.1
    target = tmp_path / "model.onnx"
    if before is not None:
        target.write_bytes(before)
    monkeypatch.setattr(exporting, "verify", lambda proto, data, model: verify(proto, data, other))
    with pytest.raises(ElmanError, match=r"by 0\.0\d+ in .* where 1e-05 is allowed; nothing was written"):
        export(model, target, overwrite=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([before] if before else [])


def test_a_graph_that_the_checker_refuses_is_no_crash() -> None:
    model = model_of("lstm")
    proto = build(model, {})
    del proto.graph.node[-1]
    with pytest.raises(ElmanError, match="the graph is refused by onnx"):
        verify(proto, proto.SerializeToString(), model)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ElmanError, match="No space left"):
        export(model_of("rnn"), tmp_path / "model.onnx", overwrite=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_it_is_not_written_over_a_file_unasked(tmp_path: Path) -> None:
    export(model_of("rnn"), tmp_path / "model.onnx")
    with pytest.raises(ConfigError, match="is there already"):
        export(model_of("rnn"), tmp_path / "model.onnx")


@pytest.mark.parametrize("tokens", ["char", "byte", "word"])
def test_the_file_alone_says_how_to_read_it(tokens: str, tmp_path: Path) -> None:
    kinds = {"char": elman.CharTokenizer, "byte": elman.ByteTokenizer, "word": elman.WordTokenizer}
    tokenizer = kinds[tokens].from_text('a "quoted" 明月\n')
    export(model_of("rnn", vocab_size=tokenizer.vocab_size), tmp_path / "m.onnx", tokenizer=tokenizer)
    about = session_of(tmp_path / "m.onnx").get_modelmeta().custom_metadata_map
    assert about["elman.tokens"] == tokens
    vocabulary = json.loads(about["elman.vocabulary"])
    assert vocabulary == [tokenizer.token(i) for i in range(tokenizer.vocab_size)]
    assert about.get("elman.unknown") == (None if tokens == "byte" else "0")
    assert int(about["elman.start"]) == tokenizer.start
    fields = json.loads(about["elman.tokenizer"])
    listed = {"char": {"characters": vocabulary[1:]}, "byte": {}, "word": {"tokens": vocabulary}}[tokens]
    assert tokenizer_from_json(fields | listed) == tokenizer
    proto = onnx.load(tmp_path / "m.onnx")
    assert (proto.producer_name, proto.producer_version) == ("elman", elman.__version__)
    assert (proto.ir_version, proto.opset_import[0].version) == (8, 17)


def test_a_huge_vocabulary_is_left_out_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elman.interop.onnx.out.metadata.LARGEST_VOCABULARY", 10)
    tokenizer = elman.CharTokenizer.from_text("abcdefghij")
    card = export(model_of("rnn"), tmp_path / "m.onnx", tokenizer=tokenizer)
    assert not card.vocabulary
    assert any("too large" in said for said in card.said)
    about = session_of(tmp_path / "m.onnx").get_modelmeta().custom_metadata_map
    assert "elman.vocabulary" not in about


def test_a_cell_of_ones_own_is_refused_by_name(softsign: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'softsign' cannot be exported"):
        export(model_of(softsign), tmp_path / "model.onnx")
    with pytest.raises(ConfigError, match="'softsign'"):
        plans_of(model_of(softsign))
    assert list(tmp_path.iterdir()) == []


def test_a_diverged_model_is_refused(tmp_path: Path) -> None:
    model = model_of("lstm")
    model.params["layers.1.b"][0, 0] = np.nan
    with pytest.raises(DivergenceError, match=r"layers\.1\.b"):
        export(model, tmp_path / "model.onnx")


def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="256 tokens, but the model 11"):
        export(model_of("lstm"), tmp_path / "model.onnx", tokenizer=elman.ByteTokenizer())


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ElmanError, match=rf"{package} is not installed.*elman\[onnx\]"):
        export(model_of("lstm"), tmp_path / "model.onnx")


def test_the_room_is_opened_without_the_packages() -> None:
    code = (
        "import sys, elman; elman.interop.onnx; "
        "print(sorted({'onnx', 'onnxruntime', 'numpy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=CHILD_ENV, capture_output=True, check=True)
    assert done.stdout == b"[]\n"

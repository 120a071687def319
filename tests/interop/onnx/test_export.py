"""ONNX out: what ONNX Runtime computes from the file is what the model computes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import elman
from elman.data import tokenizer_from_json
from elman.errors import ConfigError, DivergenceError, ElmanError
from elman.interop.onnx import export
from elman.interop.onnx.out import exporting
from elman.interop.onnx.out.graph import build
from elman.interop.onnx.out.verify import verify
from elman.interop.onnx.out.weights import plans_of
from tests.interop.onnx.exported import CELLS, KINDS, model_of, session_of
from tests.small import CHILD_ENV


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


@pytest.mark.parametrize(
    ("output", "kind", "constants", "found"),
    [
        ("h_1_out", "Add", [np.float32(np.nan)], "nan in h_1_out"),
        ("logits", "Slice", [np.array([0]), np.array([2]), np.array([0])], "inf in logits"),
    ],
)
def test_an_output_that_is_no_number_or_of_another_shape_is_seen(
    output: str, kind: str, constants: list[Any], found: str
) -> None:
    """Also behind outputs that agree: the largest of numbers and a NaN depends on their order."""
    model = model_of("gru")
    proto = build(model, {})
    (node,) = (node for node in proto.graph.node if output in node.output)
    node.output[list(node.output).index(output)] = "before"
    names = [f"more.{number}" for number in range(len(constants))]
    proto.graph.initializer.extend(map(onnx.numpy_helper.from_array, map(np.asarray, constants), names))
    proto.graph.node.append(onnx.helper.make_node(kind, ["before", *names], [output]))
    with pytest.raises(ElmanError, match=f"disagrees with the model by {found}"):
        verify(proto, proto.SerializeToString(), model)


@pytest.mark.parametrize("log_probabilities", [False, True])
def test_a_class_that_is_masked_excuses_no_other(log_probabilities: bool) -> None:
    """Nor does it make a right graph wrong; nor do logits in the thousands, whose sums are rounded."""
    model = model_of("lstm")
    model.params["output.c"][3] = -1e9
    proto = build(model, {}, log_probabilities=log_probabilities)
    verify(proto, proto.SerializeToString(), model)
    other = model_of("lstm")
    other.params["output.c"][...] = model.params["output.c"]
    other.params["output.V"][0, 0] += 1e-3
    with pytest.raises(ElmanError, match=r"disagrees with the model by .* in log"):
        verify(proto, proto.SerializeToString(), other)
    large = model_of("lstm")
    large.params["output.c"][...] = 3000.0 * np.arange(11)
    proto = build(large, {}, log_probabilities=log_probabilities)
    verify(proto, proto.SerializeToString(), large)


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
    with pytest.raises(ConfigError, match="exists already"):
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

"""``elman export onnx``: the file, the card, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.small import CHILD_ENV, contents

SCRIPT = Path(__file__).parents[2] / "examples" / "onnx_generate.py"


def test_a_run_is_exported_beside_it_with_a_card(trained: Path, run_elman: Command) -> None:
    before = contents(trained)
    page = trained.parent / "card.html"
    shown = run_elman("export", "onnx", trained, "--card", page)
    assert shown.status == 0, shown
    file = trained.parent / "run.onnx"
    assert file.exists()
    for said in (
        str(file), str(trained), "lstm 2 x 6, embedding 5", "char, the vocabulary in", "opset 17", "2 LSTM",
        "c_1_out           float32  (batch, 6)", "tokens            int64    (time, batch)", str(page),
        "ONNX Runtime 1.", "largest disagreement", f'InferenceSession("{file}")',
    ):  # fmt: skip
        assert said in shown.out
    assert contents(trained) == before
    html = page.read_text("utf-8")
    assert "largest disagreement" in html
    assert "light-dark(" in html
    for elsewhere in ("http:", "https:", "<script", "<link", "src=", "{{"):
        assert elsewhere not in html


def test_a_run_named_by_a_dot_is_left_alone(
    trained: Path, run_elman: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(trained)
    monkeypatch.chdir(trained)
    assert run_elman("export", "onnx", ".").status == 0
    assert contents(trained) == before
    assert (trained.parent / "run.onnx").exists()


def test_the_card_as_json(trained: Path, run_elman: Command, tmp_path: Path) -> None:
    shown = run_elman(
        "export", "onnx", trained, "--out", tmp_path / "m.onnx", "--log-probabilities", "--json"
    )
    card = json.loads(shown.out)
    assert card["size"] == (tmp_path / "m.onnx").stat().st_size
    assert card["inputs"][1] == {"name": "h_0", "dtype": "float32", "shape": ["batch", 6]}
    assert card["outputs"][-1]["name"] == "log_probabilities"
    assert 0 < card["disagreement"] < 1e-5


def test_the_three_lines_of_the_card_run(trained: Path, run_elman: Command) -> None:
    card = json.loads(run_elman("export", "onnx", trained, "--json").out)
    code = ["import numpy, onnxruntime; tokens = numpy.array([[1], [2]])", *card["usage"], card["usage"][-1]]
    names: dict[str, object] = {}
    exec("\n".join([*code, "shape = logits.shape"]), names)
    assert names["shape"] == (2, 1, card["sizes"]["vocab_size"])


def test_the_example_writes_what_elman_writes(run_elman: Command, tmp_path: Path) -> None:
    """On the text that every Python carries, trained until it says more than one thing."""
    run = tmp_path / "run"
    trained = run_elman(
        "train", "--cell", "gru", "--hidden", 64, "--layers", 1, "--embedding", 32, "--steps", 400,
        "--batch", 20, "--lr", 0.01, "--out", run, "--quiet",
    )  # fmt: skip
    assert trained.status == 0, trained
    assert run_elman("export", "onnx", run).status == 0
    written = set()
    for prompt in ("B", "x", "The cat §"):
        expected = run_elman("generate", run, "--prompt", prompt, "--length", 120, "--temperature", 0)
        done = subprocess.run(
            [sys.executable, SCRIPT, tmp_path / "run.onnx", prompt, "120"],
            env={**CHILD_ENV, "PYTHONIOENCODING": "utf-8"}, capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        assert done.stdout == expected.out
        written.add(expected.out[-20:])
    assert len(written) == 3
    assert "elman" not in [line.split()[1] for line in SCRIPT.read_text().splitlines() if "import " in line]


def test_what_is_refused_leaves_everything_as_it_was(
    trained: Path, run_elman: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there.onnx").write_bytes(b"old")
    before = contents(tmp_path)

    def complaint(*arguments: object) -> str:
        line = run_elman("export", "onnx", *arguments).complaint()
        assert contents(tmp_path) == before
        return line

    assert "there is no run at" in complaint(tmp_path / "nowhere")
    assert "is a file" in complaint(tmp_path / "there.onnx")
    assert "exists already" in complaint(trained, "--out", tmp_path / "there.onnx")
    assert "is a folder" in complaint(trained, "--out", tmp_path, "--overwrite")
    assert "there is no folder" in complaint(trained, "--out", tmp_path / "no" / "m.onnx")
    assert "there is no folder" in complaint(trained, "--card", tmp_path / "no" / "card.html")
    monkeypatch.setattr("elman.interop.onnx.out.verify.TOLERANCE", 1e-12)
    assert "disagrees with the model" in complaint(trained, "--out", tmp_path / "there.onnx", "--overwrite")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "onnxruntime is not installed" in complaint(trained)

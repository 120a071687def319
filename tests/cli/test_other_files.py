"""Files of another kind than a command reads: it says of which, or what to do with them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

import elman
from elman.data import ListedWordTokenizer
from elman.interop.runs import write_run
from tests.cli.conftest import Command


def archive(*members: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for member in members:
            file.writestr(member, b"{}")
    return made.getvalue()


FILES = {
    "model.keras": archive("config.json", "metadata.json", "model.weights.h5"),
    "model.pt": archive("model/data.pkl", "model/version"),
    "model.h5": b"\x89HDF\r\n\x1a\n" + bytes(90),
    "model.onnx": b"\x08\x08\x12\x07pytorch:",
    "notes.txt": b"hello there\n" * 9,
}


@pytest.mark.parametrize(
    ("command", "name", "advice"),
    [
        ("info", "model.keras", "model.weights.h5 of model.keras cannot be read: it is damaged, or no HDF5"),
        ("import torch", "model.keras", "model.keras is a file of Keras: elman import keras reads those"),
        ("info", "model.h5", "model.h5 cannot be read: it is damaged, or no HDF5 file"),
        ("import torch", "model.h5", "elman import keras reads those"),
        ("import torch", "model.onnx", "is neither a safetensors file nor one that torch.save wrote"),
        ("import keras", "model.pt", "model.pt is a file of PyTorch: elman import torch reads those"),
        ("import keras", "notes.txt", "is neither a .keras archive nor HDF5, or is cut short"),
        ("info", "notes.txt", "torch.save wrote; an ONNX model must be called .onnx"),
        ("evaluate", "model.pt", "is a file; make one of its model: elman import torch model.pt --out RUN"),
        ("generate", "model.h5", "make one of its model: elman import keras model.h5 --out RUN"),
        ("export onnx", "model.onnx", "run from Python: elman.interop.onnx.Backend"),
        ("generate", "notes.txt", "train on it first: elman train notes.txt"),
        ("info", "nothing.pt", "there is no run at nothing.pt, nor a file"),
        ("info", "nothing", "there is no run at nothing; elman train --out nothing makes one"),
    ],
)
def test_the_right_command_is_named(
    run_elman: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    name: str,
    advice: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for file, data in FILES.items():
        Path(file).write_bytes(data)
    out = ["--out", "run"] if command.startswith("import") else []
    assert advice in run_elman(*command.split(), name, *out).complaint()


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ("import half.pt --out run", "before the file: elman import torch half.pt --out RUN"),
        ("import a/m.safetensors", "before the file: elman import torch a/m.safetensors --out RUN"),
        ("import model.KERAS", "elman import keras model.KERAS --out RUN"),
        ("import notes.txt", "elman import torch notes.txt --out RUN, or elman import keras notes.txt --out"),
        ("import onnx", "ONNX models are not imported: elman.interop.onnx.Backend runs them from Python"),
        ("import onnx model.onnx", "ONNX models are not imported"),
        ("import model.onnx", "ONNX models are not imported"),
        ("import tensorflow x", "No such command 'tensorflow'; see elman import --help"),
        ("export run", "elman export onnx run, elman export torch run or elman export keras run"),
        ("export model.onnx", "before the file: elman export onnx RUN --out model.onnx"),
        ("export m.safetensors", "elman export torch RUN --out m.safetensors"),
        ("export runs/nothing", "runs/nothing is no format, and no run: give both"),
        ("export tensorflow", "No such command 'tensorflow'; see elman export --help"),
    ],
)
def test_without_a_format_the_command_is_named(
    run_elman: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, advice: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("notes.txt").write_text("hello")
    assert advice in run_elman(*arguments.split()).complaint()


def test_without_unk_nothing_is_said_to_be_read_as_it(run_elman: Command, tmp_path: Path) -> None:
    model = elman.LanguageModel(vocab_size=2, cell="rnn", embedding=2, hidden=2, layers=1)
    write_run(model, ListedWordTokenizer(["cat", "dog"]), tmp_path / "run")
    line = run_elman("next", tmp_path / "run", "the cat").complaint()
    assert "the word 'the' is not in the vocabulary, and there is no <unk>" in line
    assert "read as" not in line

"""``elman import torch`` and ``elman export torch``: what works, and what is refused in one line."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import elman
from tests.cli.conftest import Command
from tests.small import contents

from .test_stored import VECTORS


@pytest.fixture
def vocab(tmp_path: Path) -> Path:
    """Seven characters, of which one is a line end."""
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(["<unk>", "\n", "a", "b", "c", "d", " "]))
    return path


def test_a_model_comes_in_is_used_and_goes_out(run_elman: Command, tmp_path: Path, vocab: Path) -> None:
    run, text = tmp_path / "run", tmp_path / "text.txt"
    text.write_text("a bad cab\n" * 9)
    done = run_elman("import", "torch", VECTORS / "lstm-projected.pt", "--out", run, "--vocab", vocab)
    assert done.status == 0, done.err
    assert "taken for a vocabulary of char tokens" in done.err
    assert "layers=2" in done.out
    assert "projection=3" in done.out
    assert run_elman("evaluate", run, text).status == 0
    about = json.loads(run_elman("info", run, "--json").out)
    assert (about["tokens"], about["imported"]) == ("listed-char", True)
    assert not {"batch", "lr", "optimizer"} & about.keys()  # nobody knows
    done = run_elman("export", "torch", run)
    assert done.status == 0, done.err
    assert "nn.LSTM(4, 5, 2, proj_size=3, dtype=torch.float64)" in done.out
    code = done.out.split("in PyTorch:\n\n")[1]
    assert 'logits = model["output"](' in code
    ast.parse(code)
    assert max(len(line) for line in code.splitlines() if "load_file(" not in line) <= 100
    there = load_file(tmp_path / "run.safetensors")
    assert there["rnn.weight_hr_l1"].shape == (3, 5)


def test_a_model_that_reads_both_ways(run_elman: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = run_elman("import", "torch", VECTORS / "lstm-both-ways.pt", "--out", run)
    assert "direction='bidirectional'" in done.out
    assert "it reads whole sequences" in done.out
    assert "try:" not in done.out
    assert "bidirectional=True" in run_elman("export", "torch", run).out
    there = load_file(tmp_path / "run.safetensors")
    assert there.keys() == load_file(VECTORS / "rnn-relu.safetensors").keys()


def test_a_run_generates(run_elman: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = run_elman("import", "torch", VECTORS / "gru.pt", "--out", run)
    assert "the words 0 to 6, since there is no vocabulary" in done.err
    prompt = done.out.split(" generate ")[1].split()
    assert prompt == [str(run), "--prompt", "0"]
    written = run_elman("generate", *prompt, "--length", 5).out.split()
    assert len(written) == 6
    assert all(0 <= int(word) <= 6 for word in written)
    assert len(run_elman("next", run, "1 2", "--top", 3).out.splitlines()) == 3


def test_what_was_trained_here_goes_there_and_back(run_elman: Command, tmp_path: Path) -> None:
    small = {"hidden": 4, "embedding": 4, "batch": 4, "window": 8, "sample": 0}
    elman.train(elman.Text("abba\n" * 99), out=tmp_path / "one", steps=3, cell="mgu", **small)
    done = run_elman("export", "torch", tmp_path / "one", "--out", tmp_path / "one.safetensors")
    assert "mgu is written as the nn.GRU that computes the same" in done.out
    done = run_elman(
        "import", "torch", tmp_path / "one.safetensors", "--out", tmp_path / "two",
        "--vocab", tmp_path / "one" / "tokenizer.json",
    )  # fmt: skip
    assert done.status == 0, done.err
    one, two = elman.load(tmp_path / "one"), elman.load(tmp_path / "two")
    assert two.model.cell == "gru"
    assert [t for t, _ in one.next_tokens("ab")] == [t for t, _ in two.next_tokens("ab")]
    np.testing.assert_allclose(
        [p for _, p in one.next_tokens("ab")], [p for _, p in two.next_tokens("ab")], rtol=1e-6
    )


def test_what_is_there_stays(run_elman: Command, tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "run.safetensors"
    assert run_elman("import", "torch", VECTORS / "gru.pt", "--out", run).status == 0
    file.write_bytes(b"mine")
    before = contents(run)
    assert "already holds a run" in run_elman("import", "torch", VECTORS / "gru.pt", "--out", run).complaint()
    assert "exists already" in run_elman("export", "torch", run).complaint()
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"PK\x03\x04")
    run_elman("import", "torch", bad, "--out", run, "--overwrite").complaint()
    run_elman(
        "import", "torch", VECTORS / "gru.pt", "--out", run, "--overwrite", "--tokens", "char"
    ).complaint()
    assert contents(run) == before
    assert file.read_bytes() == b"mine"
    assert run_elman("export", "torch", run, "--overwrite").status == 0
    assert run_elman("import", "torch", VECTORS / "rnn.pt", "--out", run, "--overwrite").status == 0
    assert elman.load(run).model.cell == "rnn"
    assert {path.name for path in tmp_path.iterdir()} == {"run", "run.safetensors", "bad.pt"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["import", "torch"], "Missing argument 'FILE'; see elman import torch --help"),
        (["import", "torch", "nothing.pt", "--out", "run"], "cannot read nothing.pt: No such file"),
        (["import", "torch", ".", "--out", "run"], "is a directory"),
        (["import", "torch", VECTORS / "gru.pt"], "--out"),
        (["import", "torch", VECTORS / "gru.pt", "--out", "run", "--cell", "lstm"], "cannot be the cell"),
        (["import", "torch", VECTORS / "gru.pt", "--out", "run", "--cell", "mgu"], "it can be gru"),
        (["import", "torch", VECTORS / "gru.pt", "--out", "run", "--prefix", "ema."], "begins with 'ema.'"),
        (["import", "torch", VECTORS / "gru.pt", "--out", "run", "--vocab", VECTORS / "gru.pt"], "not UTF-8"),
        (["import", "torch", VECTORS / "gru.pt", "--out", "run", "--tokens", "byte"], "256 bytes"),
        (["import", "torch", VECTORS / "results.safetensors", "--out", "run"], "12 recurrent modules"),
        (["import", "tensorflow", "x"], "No such command 'tensorflow'; see elman import --help"),
        (["export", "torch", "nowhere"], "there is no run at nowhere"),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_refused(
    run_elman: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[object],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complaint in run_elman(*arguments).complaint()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"cell": "lstm-peephole"}, "no module that computes the cell 'lstm-peephole'"),
        ({"cell": "gru-before"}, "no module that computes the cell 'gru-before'"),
        ({"direction": "bidirectional,forward"}, "the layers go bidirectional,forward"),
        ({"direction": "reverse"}, "the layers go reverse"),
        ({"cell": "rnn", "projection": 2}, "nn.RNN has no projection"),
        ({"cell": "lstm", "hidden_last": 2}, "all layers are of one width"),
        ({"output": "adaptive"}, "the output 'adaptive' is none of PyTorch's modules"),
        ({"cell": "lstm", "projection": 3}, "proj_size of nn.LSTM must be less than the 3 units"),
        ({"cell": "lstm[hard-sigmoid,tanh,tanh]"}, "no module that computes the cell 'lstm[hard-sigmoid"),
    ],
    ids=lambda value: str(value),
)
def test_a_model_that_pytorch_has_not(
    run_elman: Command, tmp_path: Path, settings: dict[str, str], complaint: str
) -> None:
    from elman.interop.runs import write_run

    model = elman.LanguageModel(**{"vocab_size": 4, "embedding": 2, "hidden": 3, "layers": 2, **settings})
    write_run(model, elman.CharTokenizer.from_text("ab\n"), tmp_path / "run")
    assert complaint in run_elman("export", "torch", tmp_path / "run").complaint()
    assert not (tmp_path / "run.safetensors").exists()


def test_info_of_a_file(run_elman: Command, tmp_path: Path) -> None:
    shown = run_elman("info", VECTORS / "lstm-projected.pt").out
    assert "nn.LSTM, 2 layers, 5 wide, projected to 3, inputs 4; embedding 7 x 4; output 7" in shown
    assert "model.rnn.weight_hr_l0  float64  3 x 5" in shown
    facts = json.loads(run_elman("info", VECTORS / "lstm-projected.pt", "--json").out)
    assert facts["tensors"] == len(facts["arrays"]) == 13
    assert facts["parameters"] == sum(int(np.prod(a["shape"])) for a in facts["arrays"].values())
    assert facts["but"] == []
    tied = json.loads(run_elman("info", VECTORS / "lstm-tied.pt", "--json").out)
    assert tied["parameters"] == 7 * 5 + 2 * 20 * 5 + 2 * 20 + 7  # the shared table once


def test_info_of_thousands_of_names_is_tidy(run_elman: Command, tmp_path: Path) -> None:
    arrays = {f"layer.{i}.{'x' * (i % 99)}\x1b[31m": np.zeros((1, i % 3), "f2") for i in range(3000)}
    save_file(
        {**arrays, "n": np.zeros(3, "i8")}, tmp_path / "many", metadata={"note": "x" * 9000, "a\n": "\t"}
    )
    shown = run_elman("info", tmp_path / "many").out
    assert len(shown.splitlines()) < 90
    assert max(map(len, shown.splitlines())) < 110
    assert "\x1b" not in shown
    assert "and 2,941 more; --json has them all" in shown
    assert "float16 (3,000), int64 (1)" in shown
    assert len(json.loads(run_elman("info", tmp_path / "many", "--json").out)["arrays"]) == 3001


def test_info_says_what_keeps_a_file_from_being_a_model(run_elman: Command, tmp_path: Path) -> None:
    weights = load_file(VECTORS / "lstm.safetensors")
    save_file({**weights, "norm.weight": np.zeros(5)}, tmp_path / "norm")
    shown = run_elman("info", tmp_path / "norm").out
    assert "nn.LSTM, 3 layers" in shown
    assert "layers that elman has not, between, before or after: norm.weight (5)" in shown


@pytest.mark.parametrize("name", ["no\x1b[31mrm\n.weight", "x" * 5000, "a\u202eb"])
def test_names_do_not_reach_the_terminal_as_they_are(name: str, run_elman: Command, tmp_path: Path) -> None:
    save_file({**load_file(VECTORS / "lstm.safetensors"), name: np.zeros(5)}, tmp_path / "file")
    line = run_elman("import", "torch", tmp_path / "file", "--out", tmp_path / "run").complaint()
    assert "too long or not printable" in line
    shown = run_elman("info", tmp_path / "file").out
    assert max(map(len, shown.splitlines())) < 110
    assert shown.replace("\n", "").isprintable()
    line = run_elman("import", "torch", tmp_path / "a\x1b[31m", "--out", tmp_path / "run").complaint()
    assert line.isprintable()

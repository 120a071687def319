"""Runs with tokens of parts of words."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

import elman
from tests.cli.conftest import Command
from tests.small import FLAGS, contents, metrics_of

BPE = ["--tokens", "bpe", "--vocab-size", "300", "--steps", "6", "--eval-every", "3", "--quiet"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, text_file: Path) -> Path:
    """A finished run."""
    path = tmp_path_factory.mktemp("bpe") / "run"
    elman.train(
        text_file, out=path, tokens="bpe", vocab_size=300, steps=6, eval_every=3, cell="gru", hidden=6,
        embedding=5, layers=1, batch=4, window=8, threads=1, sample=0,
    )  # fmt: skip
    return path


def test_from_a_text_to_predictions(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    run = tmp_path / "run"
    done = run_elman("train", text_file, *FLAGS, *BPE, "--out", run)
    assert (done.status, done.err) == (0, "")
    assert "bpe tokens, open vocabulary of 300" in done.out
    assert tomllib.loads((run / "config.toml").read_text())["max_vocab"] == 300
    assert run_elman("plot", run, "--bits", "--out", tmp_path / "bits.svg").status == 0
    assert "bits a byte" in (tmp_path / "bits.svg").read_text("utf-8")
    # Into another folder, without the text, and with neither beside it.
    moved = tmp_path / "elsewhere" / "run"
    shutil.move(run, moved)
    shutil.rmtree(moved / "data")
    assert run_elman("generate", moved, "--length", "9", "--prompt", "the").out.startswith("the")
    assert len(run_elman("next", moved, "the cat", "--top", "4").out.splitlines()) == 4
    found = json.loads(run_elman("evaluate", moved, text_file, "--json").out)
    text = text_file.read_text("utf-8")
    assert (found["chars"], found["bytes"], found["unknown"]) == (len(text), len(text.encode()), 0)
    assert found["tokens"] < len(text)
    assert elman.load(moved).score("the cat\n").total < 0


def test_resume_is_bit_for_bit(run_elman: Command, made: Path, tmp_path: Path, text_file: Path) -> None:
    half = tmp_path / "half"
    command = ["train", text_file, *FLAGS, *BPE, "--schedule", "constant", "--out"]
    assert run_elman(*command, half, "--steps", "3").status == 0
    assert run_elman("train", "--resume", half, "--steps", "6", "--quiet").status == 0
    whole = tmp_path / "whole"
    assert run_elman(*command, whole).status == 0
    assert contents(half)["model.safetensors"] == contents(whole)["model.safetensors"]
    assert metrics_of(half) == metrics_of(whole)


def test_a_tokenizer_of_ones_own(run_elman: Command, made: Path, tmp_path: Path, text_file: Path) -> None:
    own = tmp_path / "own.json"
    fields = json.loads((made / "tokenizer.json").read_text("utf-8"))["tokenizer"]
    own.write_text(json.dumps({**fields, "normalizer": {"type": "Lowercase"}}), "utf-8")
    run = tmp_path / "run"
    done = run_elman(
        "train", text_file, *FLAGS, *BPE[4:], "--tokens", "bpe", "--tokenizer", own, "--out", run
    )
    assert (done.status, done.err) == (0, "")
    assert "note    the tokenizer changes a text before it cuts it (Lowercase)" in done.out
    own.unlink()
    assert run_elman("train", "--resume", run, "--steps", "7", "--quiet").status == 0
    model = elman.load(run)
    assert model.tokenizer.decode(model.tokenizer.encode("The CAT")) == "the cat"
    again = tmp_path / "again"
    command = ["train", text_file, *FLAGS, *BPE[4:], "--tokens", "bpe", "--out", again]
    assert run_elman(*command, "--tokenizer", made / "tokenizer.json").status == 0
    assert elman.load(again).tokenizer == elman.load(made).tokenizer


def test_auto_takes_learnt_tokens_for_ranked_and_no_others(
    run_elman: Command, made: Path, tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a file have the numbers that it gives, frequent or not."""
    monkeypatch.setattr("elman.network.output.MANY", 10)
    command = ["train", text_file, *FLAGS, *BPE, "--output", "auto", "--steps", "1"]
    assert "output auto is adaptive, for " in run_elman(*command, "--out", tmp_path / "run").out
    command = ["train", text_file, *FLAGS, *BPE[4:], "--tokens", "bpe", "--output", "auto", "--steps", "1"]
    out = run_elman(*command, "--tokenizer", made / "tokenizer.json", "--out", tmp_path / "other").out
    assert "output auto is full, for " in out


def test_wrong_tokenizers_are_refused_before_a_directory_is_made(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    own, run = tmp_path / "own.json", tmp_path / "run"
    own.write_text("{}")
    command = ["train", text_file, "--tokens", "bpe", "--out", run]
    assert "own.json is no tokenizer" in run_elman(*command, "--tokenizer", own).complaint()
    line = run_elman(*command, "--tokenizer", tmp_path / "none").complaint()
    assert line == f"elman: there is no file {tmp_path / 'none'}: give a tokenizer.json of Hugging Face's"
    assert "give at least 256" in run_elman(*command, "--vocab-size", "9").complaint()
    assert not run.exists()


def test_a_damaged_tokenizer_of_a_run_is_one_line(run_elman: Command, made: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(made, tmp_path / "run"))
    fields = json.loads((run / "tokenizer.json").read_text("utf-8"))
    fields["tokenizer"]["model"]["merges"] = [["no", "such"]]
    (run / "tokenizer.json").write_text(json.dumps(fields), "utf-8")
    assert "the bpe tokenizer is damaged (tokenizers says" in run_elman("generate", run).complaint()

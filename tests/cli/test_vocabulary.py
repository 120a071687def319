"""What kind of vocabulary a figure is of is said wherever there is a figure."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

import elman
from tests.cli.conftest import Command
from tests.small import FLAGS, metrics_of

SPACE = ["--tokens", "space", "--steps", "4", "--eval-every", "2", "--quiet"]


@pytest.fixture
def corpus(tmp_path: Path) -> list[object]:
    """Flags of three files as published ones are: a sentence a line, with <unk> in them."""
    for name, text in {
        "train": " the <unk> sat on a mat \n the cat sat \n" * 40,
        "valid": " the cat <unk> \n \n the bird sat \n" * 5,
        "test": " a <unk> sat \n the mat \n" * 5,
    }.items():
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    return [part for name in ("train", "valid", "test") for part in (f"--{name}", tmp_path / f"{name}.txt")]


def test_a_published_corpus_has_its_unk_and_counts_each_line_end(
    run_elman: Command, tmp_path: Path, corpus: list[object]
) -> None:
    run = tmp_path / "run"
    done = run_elman("train", *FLAGS, *SPACE, *corpus, "--out", run)
    assert (done.status, done.err) == (0, "")
    assert "440 train, 45 valid, 35 test space tokens, closed vocabulary of 8" in done.out
    assert "note" not in done.out  # <unk> is learnt
    said = "closed, 8 tokens; 5 (14.29%) of the text are <unk>, which is so in the text"
    assert f"The vocabulary is {said}.\n" in done.out
    assert " bits a character, " in done.out
    assert " a byte.\n" in done.out
    assert f"vocabulary  {said}\n" in run_elman("evaluate", run).out
    found = json.loads(run_elman("evaluate", run, "--json").out)
    assert (found["vocabulary"], found["vocab_size"], found["unknown_learnt"]) == ("closed", 8, True)
    assert (found["tokens"], found["unknown"], found["replaced"], found["eos"]) == (35, 5, 0, True)
    lines = [line for line in metrics_of(run) if "valid_loss" in line]
    text = (tmp_path / "valid.txt").read_bytes()
    for line in lines:
        bits = line["valid_loss"] * 45 / math.log(2) / len(text)
        assert line["valid_bits_per_byte"] == pytest.approx(bits)
    assert len(lines) == 2


def test_words_that_are_replaced_are_told_from_those_that_are_unk(
    run_elman: Command, tmp_path: Path, corpus: list[object]
) -> None:
    run = tmp_path / "run"
    assert run_elman("train", *FLAGS, *SPACE, *corpus, "--out", run).status == 0
    found = json.loads(run_elman("evaluate", run, tmp_path / "valid.txt", "--json").out)
    assert (found["unknown"], found["replaced"]) == (10, 5)  # bird
    shown = run_elman("evaluate", run, tmp_path / "valid.txt").out
    assert "10 (22.22%) of the text are <unk>, 5 of them in the place of others\n" in shown
    shutil.rmtree(run / "data")
    found = json.loads(run_elman("evaluate", run, tmp_path / "valid.txt", "--json").out)
    assert found["unknown_learnt"] is None


def test_scores_tell_them_apart_too(run_elman: Command, tmp_path: Path, corpus: list[object]) -> None:
    run = tmp_path / "run"
    assert run_elman("train", *FLAGS, *SPACE, *corpus, "--out", run).status == 0
    total = json.loads(run_elman("score", run, tmp_path / "valid.txt", "--json").out)["total"]
    assert (total["unknown"], total["replaced"], total["unknown_learnt"]) == (10, 5, True)
    shown = run_elman("score", run, tmp_path / "test.txt").out
    assert (
        "vocabulary  closed, 8 tokens; 5 (14.29%) of the text are <unk>, which is so in the text\n" in shown
    )
    assert " a byte\n" in shown


def test_an_unk_that_is_not_learnt_is_said(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other.txt"
    other.write_text("the cat sat.\nthe cow sat.\n")
    parts = ["--train", text_file, "--valid", other, "--test", other]
    done = run_elman("train", *FLAGS, *SPACE, *parts, "--out", run)
    assert "2 validation tokens do not occur in the training text" not in done.out
    assert "1 validation tokens do not occur in the training text" in done.out
    assert "1 (12.50%) of the text are <unk>, all in the place of others, and not learnt" in done.out
    assert "vocabulary      closed\n" in run_elman("info", run).out


def test_every_text_can_be_written_with_an_open_vocabulary(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    run = tmp_path / "run"
    done = run_elman("train", text_file, *FLAGS, "--tokens", "byte", *SPACE[2:], "--out", run)
    assert "The vocabulary is open, 256 tokens that can write every text." in done.out
    found = json.loads(run_elman("evaluate", run, "--json").out)
    assert (found["vocabulary"], found["unknown_learnt"], found["unknown"]) == ("open", None, 0)


def test_line_ends_may_be_left_out_of_the_count(
    run_elman: Command, tmp_path: Path, corpus: list[object]
) -> None:
    run = tmp_path / "run"
    assert run_elman("train", *FLAGS, *SPACE, *corpus, "--out", run).status == 0
    test = tmp_path / "test.txt"
    found = json.loads(run_elman("evaluate", run, "--json", "--no-eos").out)
    assert (found["tokens"], found["eos"]) == (25, False)
    text = test.read_text("utf-8")
    assert (found["chars"], found["bytes"]) == (len(text) - 10, len(text.encode()) - 10)
    assert run_elman("evaluate", run, "--no-eos").out.endswith("; line ends are not counted\n")
    # The model reads them all the same: each of the other tokens costs what it costs with them.
    scored = elman.load(run).score(text)
    counted = [p for token, p in zip(scored.tokens, scored.log_probs, strict=True) if token != "<eos>"]
    assert found["nats_per_token"] == pytest.approx(-sum(counted) / 25, rel=1e-5)


def test_line_ends_that_are_no_tokens_cannot_be_left_out(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    run, other = tmp_path / "run", tmp_path / "other.txt"
    other.write_text("abab" * 99)
    assert run_elman("train", other, *FLAGS, "--steps", "2", "--quiet", "--out", run).status == 0
    line = run_elman("evaluate", run, "--no-eos").complaint()
    assert "line ends are not tokens of their own in this vocabulary" in line
    (tmp_path / "ends.txt").write_text("\n\n\n")
    run = tmp_path / "second"
    assert run_elman("train", text_file, *FLAGS, "--steps", "2", "--quiet", "--out", run).status == 0
    line = run_elman("evaluate", run, tmp_path / "ends.txt", "--no-eos").complaint()
    assert "no token but line ends" in line

"""Outputs by name: chosen, said, stored, trained, resumed and used."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from elman.network.output import OUTPUTS, SETTINGS
from tests.cli.conftest import Command
from tests.small import FLAGS, contents, metrics_of

TRAIN = ["train", *FLAGS, "--tokens", "word"]


def settings_of(run: Path) -> dict[str, object]:
    return tomllib.loads((run / "config.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", ["adaptive", "sampled"])
def test_a_run_is_stopped_and_resumed_bit_for_bit(
    run_elman: Command, tmp_path: Path, text_file: Path, name: str
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    command = [*TRAIN, text_file, "--output", name, "--quiet", "--eval-every", "3", "--lr", "0.01"]
    assert run_elman(*command, "--steps", "9", "--schedule", "constant", "--out", one).status == 0
    assert run_elman(*command, "--steps", "6", "--schedule", "constant", "--out", two).status == 0
    assert run_elman("train", "--resume", two, "--steps", "9", "--quiet").status == 0
    assert contents(one)["model.safetensors"] == contents(two)["model.safetensors"]
    assert [r["train_loss"] for r in metrics_of(one)] == [r["train_loss"] for r in metrics_of(two)]


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_was_trained_is_used(run_elman: Command, tmp_path: Path, text_file: Path, name: str) -> None:
    run = tmp_path / "run"
    out = run_elman(*TRAIN, text_file, "--output", name, "--steps", "4", "--out", run).out
    assert (f"output {name}" in out) == (name != "full")
    assert ("the training loss of output" in out) == OUTPUTS[name].random
    assert f"output          {name}" in run_elman("info", run).out
    facts = json.loads(run_elman("info", run, "--json").out)
    stored = settings_of(run)
    for setting in ("cutoffs", "samples", "experts"):
        assert facts[setting] == stored.get(setting)
        assert (setting in stored) == (name in SETTINGS[setting])
    assert run_elman("generate", run, "--length", "5", "--seed", "1").status == 0
    result = json.loads(run_elman("evaluate", run, "--json").out)
    assert 0 < result["nats_per_token"] < 10


def test_auto_chooses_by_the_vocabulary_and_says_so(
    run_elman: Command, tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    out = run_elman(*TRAIN, text_file, "--output", "auto", "--steps", "1", "--out", run).out
    assert "output auto is full, for " in out
    assert settings_of(run)["output"] == "full"
    monkeypatch.setattr("elman.network.output.MANY", 10)
    command = [*TRAIN, text_file, "--output", "auto", "--steps", "1", "--overwrite", "--out", run]
    out = run_elman(*command).out
    assert "output auto is adaptive, for " in out
    words = settings_of(run)["vocab_size"]
    assert f"{words} word tokens" in out
    assert settings_of(run)["output"] == "adaptive"
    assert settings_of(run)["cutoffs"] == f"1,{int(str(words)) // 3}"
    out = run_elman(*command, "--tokens", "char").out  # whose numbers say nothing of their frequency
    assert "output auto is full, for " in out
    out = run_elman(*command, "--tokens", "char", "--output", "classes").out
    assert "takes tokens for numbered by falling frequency, which" in out


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--output", "soft"], "output must be one of full, adaptive, sampled, nce, classes, mixture, auto"),
        (["--output", "auto", "--cutoffs", "3"], "cutoffs (3) has no effect with output auto"),
        (["--output", "adaptive", "--cutoffs", "3,900"], "the last word of this vocabulary, not 3,900"),
        (["--output", "adaptive", "--cutoffs", "3;5"], "whole numbers joined by commas, not '3;5'"),
        (["--output", "nce", "--samples", "0"], "samples must be at least 1, not 0"),
    ],
)
def test_what_is_refused(
    run_elman: Command, tmp_path: Path, text_file: Path, flags: list[str], says: str
) -> None:
    command = [*TRAIN, text_file, "--quiet", "--steps", "1", *flags, "--out", tmp_path / "run"]
    assert says in run_elman(*command).complaint()
    assert not (tmp_path / "run" / "config.toml").exists()


def test_more_samples_than_words_are_named(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    command = [*TRAIN, text_file, "--steps", "1", "--output", "sampled", "--out", tmp_path / "run"]
    many = run_elman(*command, "--samples", "5000").out
    assert re.search(r"5,000 samples of [\d,]+ \w+ tokens: output full computes fewer, and is exact", many)
    assert "computes fewer" not in run_elman(*command, "--samples", "2", "--overwrite").out


def test_gradients_are_proven_of_any(run_elman: Command) -> None:
    command = ["gradcheck", "--layers", "1", "--hidden", "3", "--vocab-size", "20", "--projections", "1"]
    assert run_elman(*command, "--output", "adaptive", "--cutoffs", "3,9").status == 0
    shown = run_elman(*command, "--output", "nce", "--samples", "4").out
    assert "output.V" in shown

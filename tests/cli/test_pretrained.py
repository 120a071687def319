"""Runs that begin with the word vectors of others."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import elman
from elman.data import place_vectors
from tests.cli.conftest import Command
from tests.small import FLAGS, metrics_of

WORDS = ["--tokens", "word", "--steps", "6", "--eval-every", "3", "--quiet"]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Of some words of the text, as wide as its model."""
    rng = np.random.default_rng(0)
    path = tmp_path / "vectors.txt"
    with path.open("w", encoding="utf-8") as file:
        for word in ("the", "cat", "dog", "sat", ".", "moonlight"):
            file.write(f"{word} {' '.join(f'{x:.6f}' for x in rng.standard_normal(5))}\n")
    return path


def embedding_of(run: Path) -> np.ndarray:
    return load_file(run / "model.safetensors")["embedding.E"]


def test_vectors_to_begin_with_are_trained_on_or_left_alone(
    run_elman: Command, tmp_path: Path, text_file: Path, vectors: Path
) -> None:
    command = ["train", text_file, *FLAGS, *WORDS, "--vectors", vectors]
    trained, frozen = tmp_path / "trained", tmp_path / "frozen"
    done = run_elman(*command, "--out", trained)
    assert (done.status, done.err) == (0, "")
    assert "note    vectors (text without a header): 5 of 22 tokens found, 22.7%; the others" in done.out
    assert run_elman(*command, "--freeze-vectors", "--out", frozen).status == 0
    tokenizer = elman.load(frozen).tokenizer
    given = np.full((tokenizer.vocab_size, 5), np.nan, np.float32)
    place_vectors(vectors, tokenizer, given)
    found = ~np.isnan(given[:, 0])
    assert found.sum() == 5
    assert embedding_of(frozen)[found].tobytes() == given[found].tobytes()
    assert (embedding_of(trained)[found] != given[found]).all()
    # Those that are not in the file were drawn at random, and frozen too.
    drawn = model_of(frozen, tokenizer.vocab_size).params["embedding.E"]
    assert embedding_of(frozen)[~found].tobytes() == drawn[~found].tobytes()
    shown = run_elman("info", frozen).out
    assert f"vectors         {vectors}\n" in shown
    assert "freeze vectors  True\n" in shown
    assert "freeze" not in run_elman("info", trained).out


def model_of(run: Path, vocab_size: int) -> elman.LanguageModel:
    """The model of a run as it was drawn."""
    settings = tomllib.loads((run / "config.toml").read_text("utf-8"))
    names = ("cell", "embedding", "hidden", "layers", "dtype", "seed")
    return elman.LanguageModel(vocab_size=vocab_size, **{name: settings[name] for name in names})


def test_a_run_goes_on_without_the_file(
    run_elman: Command, tmp_path: Path, text_file: Path, vectors: Path
) -> None:
    half, whole = tmp_path / "half", tmp_path / "whole"
    command = ["train", text_file, *FLAGS, *WORDS, "--vectors", vectors, "--freeze-vectors", "--lr", "0.01"]
    command += ["--schedule", "constant"]
    assert run_elman(*command, "--steps", "3", "--out", half).status == 0
    assert run_elman(*command, "--out", whole).status == 0
    vectors.unlink()
    assert run_elman("train", "--resume", half, "--steps", "6", "--quiet").status == 0
    assert metrics_of(half) == metrics_of(whole)
    assert (half / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_vectors_that_do_not_fit_are_refused_before_a_directory_is_made(
    run_elman: Command, tmp_path: Path, text_file: Path, vectors: Path
) -> None:
    run = tmp_path / "run"
    command = ["train", text_file, "--tokens", "word", "--out", run, "--vectors"]
    assert (
        "vectors of 5 numbers, where embedding is 64: give --embedding 5"
        in run_elman(*command, vectors).complaint()
    )
    (tmp_path / "no.txt").write_text("hello\n")
    assert "has no word vectors" in run_elman(*command, tmp_path / "no.txt").complaint()
    assert not run.exists()


def test_from_python_with_a_text_in_memory(tmp_path: Path, vectors: Path) -> None:
    text = elman.Text("the cat sat . the dog sat .\n" * 30)
    model = elman.train(
        text, out=tmp_path / "run", tokens="space", vectors=str(vectors), freeze_vectors=True, steps=3,
        cell="gru", hidden=4, embedding=5, layers=1, batch=2, window=5, threads=1, sample=0,
    )  # fmt: skip
    E = np.zeros((model.tokenizer.vocab_size, 5), np.float32)
    placed = place_vectors(vectors, model.tokenizer, E)
    assert placed.found == 5
    found = E.any(axis=1)
    assert model.model.params["embedding.E"][found].tobytes() == E[found].tobytes()

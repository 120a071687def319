"""Models and runs of arrays from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.errors import CheckpointError, ConfigError, DataError
from elman.interop.building import assemble
from elman.interop.runs import write_run
from tests.small import contents

SIZES: dict[str, Any] = {
    "vocab_size": 4, "cell": "gru", "embedding": 2, "hidden": 3, "layers": 1, "dtype": "float32",
}  # fmt: skip


def arrays() -> dict[str, Any]:
    return {name: array.copy() for name, array in elman.LanguageModel(**SIZES, seed=1).params.items()}


def test_arrays_are_copied() -> None:
    given = arrays()
    model = assemble("f", SIZES, given)
    for name, array in given.items():
        np.testing.assert_array_equal(model.params[name], array)
        array[...] = 7
        assert not (model.params[name] == 7).any()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"output.c": None}, r"f lacks output.c, an array of 4"),
        ({"norm": np.zeros(3)}, r"f gave norm, which a model of .*cell gru.* has no place for"),
        ({"output.c": np.zeros(5, "f4")}, r"output.c of f must be 4, not 5"),
        ({"output.V": np.zeros((4, 3), "f4")}, r"output.V of f must be 3 x 4, not 4 x 3"),
        ({"output.c": np.zeros(4, "f8")}, r"output.c of f is float64, which float32 cannot hold exactly"),
        ({"output.c": np.zeros(4, "i8")}, r"output.c of f is int64, which float32 cannot hold exactly"),
        (
            {"layers.0.b": np.full((3, 3), np.nan, "f4")},
            r"layers.0.b of f holds nan at index \(0, 0\), the first of 9",
        ),
    ],
    ids=range(7),
)
def test_arrays_that_do_not_fit(change: dict[str, Any], complaint: str) -> None:
    given = {name: array for name, array in {**arrays(), **change}.items() if array is not None}
    with pytest.raises(DataError, match=complaint):
        assemble("f", SIZES, given)


def test_a_model_larger_than_memory() -> None:
    with pytest.raises(DataError, match=r"does not fit into memory"):
        assemble("f", {**SIZES, "hidden": 10**9, "embedding": 10**9}, {})
    with pytest.raises(ConfigError, match=r"unknown cell"):
        assemble("f", {**SIZES, "cell": "grew"}, {})


def test_a_run_can_be_used_and_not_resumed(tmp_path: Path) -> None:
    model, tokenizer = assemble("f", SIZES, arrays()), elman.CharTokenizer.from_text("ab\n")
    run = write_run(model, tokenizer, tmp_path / "run")
    loaded = elman.load(tmp_path / "run")
    assert loaded.model.settings == model.settings
    assert loaded.tokenizer == tokenizer
    assert loaded.evaluate(elman.Text("abba")).tokens == 4
    with pytest.raises(CheckpointError):
        elman.train(resume=run.path)
    with pytest.raises(CheckpointError, match=r"already holds a run"):
        write_run(model, tokenizer, tmp_path / "run")


def test_what_was_there_stays_until_the_new_run_is_whole(tmp_path: Path) -> None:
    model, tokenizer = assemble("f", SIZES, arrays()), elman.CharTokenizer.from_text("ab\n")
    write_run(model, tokenizer, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"has 3 symbols, the model 4 classes"):
        write_run(model, elman.CharTokenizer.from_text("ab"), tmp_path / "run", overwrite=True)
    assert contents(tmp_path / "run") == before
    model.params["output.c"][0] = 9
    write_run(model, tokenizer, tmp_path / "run", overwrite=True)
    assert elman.load(tmp_path / "run").model.params["output.c"][0] == 9

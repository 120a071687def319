"""Runs of the version before the regularisers: their settings and checkpoints lack what came since."""

from __future__ import annotations

from pathlib import Path

import pytest

from elman.cli.settings import collect
from elman.storage.run import Run
from elman.storage.tensors import read_tensors, write_tensors
from elman.storage.toml import parse_toml, toml_value
from tests.small import assert_same_run
from tests.training.test_fit import go_on, train

WRITTEN = (
    "format", "vocab_size", "text", "tokens", "split", "min_count", "lowercase", "documents", "cell",
    "embedding", "hidden", "layers", "direction", "dropout", "tied", "init", "forget_bias", "dtype",
    "batch", "window", "optimizer", "lr", "momentum", "nesterov", "weight_decay", "clip", "schedule",
    "warmup", "decay", "patience", "lr_min", "seed", "threads", "steps", "eval_every", "sample",
)  # fmt: skip
"""The settings that such a run has written down."""


def make_older(run: Path) -> None:
    """Take out of a run what that version did not write, and put in the weight decay that it always wrote."""
    path = run / "config.toml"
    values = {"weight_decay": 0.01} | parse_toml(path.read_text(), path)
    values["weight_decay"] = values["weight_decay"] or 0.01
    path.write_text("".join(f"{name} = {toml_value(values[name])}\n" for name in WRITTEN))
    path = run / "last" / "checkpoint.safetensors"
    arrays, note = read_tensors(path)
    write_tensors(path, arrays, {name: note[name] for name in note.keys() - {"averaged", "penalty_sum"}})


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_older_runs_go_on_as_they_would_have(tmp_path: Path, optimizer: str) -> None:
    train(tmp_path / "whole", optimizer=optimizer)
    train(tmp_path / "older", optimizer=optimizer, stop_at=13)
    make_older(tmp_path / "older")
    go_on(tmp_path / "older")
    assert_same_run(tmp_path / "whole", tmp_path / "older")
    decay = 0.01 if optimizer == "adamw" else None
    assert Run.existing(tmp_path / "older").config.weight_decay == decay
    again, _ = collect(tmp_path / "older" / "config.toml", None, {}, {"recipe": None})
    assert again.weight_decay == decay

"""Small texts and small runs that several rooms' tests share."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import elman

SOURCE = Path(elman.__file__).parents[1]
"""Where a child process finds the package, installed or not."""

CHILD_ENV = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])}

SETTINGS: dict[str, Any] = {
    "cell": "lstm", "embedding": 5, "hidden": 6, "layers": 2, "batch": 4, "window": 8, "threads": 1,
    "sample": 12,
}  # fmt: skip
"""Of a model that trains a step in about a millisecond."""

REGULARISED: dict[str, Any] = {
    "dropout": 0.3, "dropout_between": 0.2, "dropout_input": 0.1, "dropout_embedding": 0.2,
    "dropout_weights": 0.25, "variational": True, "zoneout": 0.15, "activation_reg": 2.0, "temporal_reg": 1.0,
}  # fmt: skip
"""All that is dropped, held back and penalised in a model of any cell."""

DEEP: dict[str, Any] = {"layer_norm": True, "connections": "highway", "learn_state": True}
"""All that changes what goes past, into and before the layers of a model of any cell."""

FLAGS = [part for name, value in SETTINGS.items() for part in (f"--{name}", str(value))]
"""The same for the command line."""


def sentences(lines: int, seed: int = 0) -> str:
    """Return lines of words drawn so that the next depends on the last; about 25 characters a line."""
    rng = random.Random(seed)
    follows = {
        "the": ["cat", "dog", "tree", "moon"],
        "a": ["cat", "dog", "mat", "bird"],
        "cat": ["sat", "ran", "slept"],
        "dog": ["ran", "dug", "sat"],
        "bird": ["sang", "flew"],
        "tree": ["fell", "stood"],
        "moon": ["rose", "fell"],
        "mat": ["lay"],
    }
    made = []
    for _ in range(lines):
        words = []
        for _ in range(rng.randint(1, 3)):
            words.append(rng.choice(["the", "a"]))
            while words[-1] in follows:
                words.append(rng.choice(follows[words[-1]]))
        made.append(" ".join(words) + rng.choice(".!"))
    return "\n".join(made) + "\n"


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder but the lock, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def metrics_of(run: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl without the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def checkpoint_of(run: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the bytes of every array of the last checkpoint, and its note without the clock."""
    from elman.storage.tensors import read_tensors

    arrays, note = read_tensors(run / "last" / "checkpoint.safetensors")
    note.pop("seconds")
    return {name: array.tobytes() for name, array in arrays.items()}, note


def assert_same_run(one: Path, other: Path) -> None:
    """Two runs ended alike: parameters, moments, carried state, counters, best model, metrics."""
    arrays, note = checkpoint_of(one)
    other_arrays, other_note = checkpoint_of(other)
    assert note == other_note
    assert arrays.keys() == other_arrays.keys()
    assert [name for name in arrays if arrays[name] != other_arrays[name]] == []
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert metrics_of(one) == metrics_of(other)

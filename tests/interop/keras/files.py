"""The stored files of Keras, and changed copies of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import load_file

import elman

HERE = Path(__file__).parents[2] / "vectors" / "keras"
OUTPUTS = load_file(HERE / "outputs.safetensors")
TOKENS = OUTPUTS["tokens"].T  # (T, B)
WEIGHTS = HERE / "weights_lstm.weights.h5"


def members(name: str = "lstm") -> dict[str, bytes]:
    """Return the members of a stored ``.keras`` file."""
    with zipfile.ZipFile(HERE / f"{name}.keras") as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def config(name: str = "lstm") -> dict[str, Any]:
    """Return the config of a stored ``.keras`` file."""
    loaded: dict[str, Any] = json.loads(members(name)["config.json"])
    return loaded


def layer(config: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the config of the first layer of a kind, to be changed."""
    found: dict[str, Any] = next(
        entry["config"] for entry in config["config"]["layers"] if entry["class_name"] == kind
    )
    return found


def packed(path: Path, content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write members as a zip archive."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def with_weights(path: Path, change: Callable[[h5py.File], None], name: str = "lstm") -> Path:
    """Write a stored ``.keras`` file with changed weights."""
    content = members(name)
    memory = io.BytesIO(content["model.weights.h5"])
    with h5py.File(memory, "r+") as file:
        change(file)
    return packed(path, {**content, "model.weights.h5": memory.getvalue()})


def h5(path: Path, make: Callable[[h5py.File], None]) -> Path:
    """Write an HDF5 file with one good array and what is made."""
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.ones((2, 3), np.float32)
        make(file)
    return path


def refusal(work: Callable[[], Any]) -> str:
    """Return the message of the error of elman's that comes of it, or nothing; any other error passes."""
    try:
        work()
    except elman.ElmanError as error:
        return str(error)
    return ""

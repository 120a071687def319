"""``elman info FILE.keras``: the layers and arrays of a Keras file, and the model that it would be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from elman.cli.files import fact, short, table, totals

USUAL = {"return_sequences": True, "reset_after": True, "merge_mode": "concat"}
"""Options that a terminal is not shown where they are so; other flags where they are false."""


def is_keras(path: Path) -> bool:
    """Whether a file is one of Keras, by its name, or by its first bytes, which are those of HDF5."""
    if path.suffix.lower() in (".keras", ".h5", ".hdf5"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x89HDF"
    except OSError:  # to be said by who reads it
        return False


def describe_keras(path: Path, as_json: bool) -> None:
    """Print what a file of Keras holds."""
    from elman.interop.keras.summary import summarize

    found = summarize(path)
    tensors = found.listing.tensors
    facts: dict[str, Any] = {
        "file": str(path),
        "format": found.listing.kind,
        "tensors": len(tensors),
        **totals(found.listing),
        "could_be": found.model or "no model that elman imports",
        "but": [found.problem] if found.problem else [],
        "said": list(found.said),
    }
    if as_json:
        layers = [layer._asdict() for layer in found.layers]
        arrays = {
            name: {"dtype": t.dtype, "shape": list(t.shape), "bytes": t.nbytes} for name, t in tensors.items()
        }
        print(json.dumps({**facts, "metadata": {}, "layers": layers, "arrays": arrays}))
        return
    for name, value in facts.items():
        if name == "file":
            print(f"{name:<16}{value}")
        elif value not in ("", []):
            shown = "; ".join(value) if isinstance(value, list) else value
            fact(name, f"{value:,}" if isinstance(value, int) else _plain(str(shown)))
    table(
        "layers",
        [(short(layer.name), short(layer.kind), _options(layer.options)) for layer in found.layers],
    )
    table(
        "arrays",
        [(short(name), t.dtype, " x ".join(map(str, t.shape)) or "a number") for name, t in tensors.items()],
    )


def _options(options: dict[str, Any]) -> str:
    """Return options in words, but those that are as usual."""
    told = (f"{name}={value}" for name, value in options.items() if USUAL.get(name, False) != value)
    return f"{', '.join(told):.80}"


def _plain(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]

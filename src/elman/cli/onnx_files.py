"""``elman info FILE.onnx``: what an ONNX file takes, gives and computes with, and whether elman runs it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli.files import fact, short, table

if TYPE_CHECKING:
    from elman.interop.onnx.summary import Value


def describe_onnx(path: Path, as_json: bool) -> None:
    """Print what an ONNX file holds."""
    from elman.interop.onnx import summarize

    found = summarize(path)
    facts: dict[str, Any] = {"file": str(path), "format": "ONNX", **found.facts}
    facts["elman_runs_it"] = f"no: {found.problem}" if found.problem else "yes"
    parts = {"inputs": found.inputs, "outputs": found.outputs, "weights": found.weights}
    if as_json:
        lists = {name: [value._asdict() for value in values] for name, values in parts.items()}
        print(json.dumps({**facts, "operators": found.operators, "metadata": found.metadata, **lists}))
        return
    for name, value in facts.items():
        if name == "file":
            print(f"{name:<16}{value}")
        elif value != "":
            fact(name, f"{value:,}" if isinstance(value, int) else _plain(str(value)))
    table("operators", [(short(name), f"{count:,}") for name, count in found.operators.items()])
    table("metadata", [(short(name), short(value)) for name, value in found.metadata.items()])
    for name, values in parts.items():
        table(name, _rows(values))


def _rows(values: Sequence[Value]) -> list[tuple[str, ...]]:
    return [
        (short(value.name), value.dtype, short(" x ".join(map(str, value.shape))) or "a number")
        for value in values
    ]


def _plain(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]

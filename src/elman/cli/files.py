"""``elman info FILE``: what a file of tensors holds, and what model that could be."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.interop.files.listing import Listing

MOST_ROWS = 60
"""Tensors and metadata that a terminal shows; of more, the first ones."""

WIDTH = 100
"""Characters of a line that tells a sentence."""

LONGEST = 60
"""Characters of a name or a value that a terminal shows."""


def describe(path: Path, as_json: bool) -> None:
    """Print what a safetensors, PyTorch, Keras or ONNX file holds."""
    from elman.cli.keras_files import describe_keras, is_keras

    if path.suffix.lower() == ".onnx":
        from elman.cli.onnx_files import describe_onnx

        describe_onnx(path, as_json)
        return
    if is_keras(path):
        describe_keras(path, as_json)
        return
    from elman.interop.files.guess import guess, models_of
    from elman.interop.files.opened import open_tensors

    listing = open_tensors(path).listing
    # Of a checkpoint, the one dictionary counts that has a model's weights.
    groups = models_of(listing.tensors)
    inside = groups if len(groups) == 1 else {tensor.group for tensor in listing.tensors.values()}
    shapes = {name: tensor.shape for name, tensor in listing.tensors.items() if tensor.group in inside}
    found = guess(shapes)
    facts: dict[str, Any] = {
        "file": str(path),
        "format": listing.kind,
        "tensors": len(listing.tensors),
        **totals(listing),
        "could_be": found.text(shapes) or "no recurrent model that is known here",
        "but": found.problems,
    }
    if as_json:
        arrays = {
            name: {"dtype": t.dtype, "shape": list(t.shape), "bytes": t.nbytes}
            for name, t in listing.tensors.items()
        }
        print(json.dumps({**facts, "metadata": dict(listing.metadata), "arrays": arrays}))
        return
    facts["but"] = "; ".join(found.problems) if found.modules else ""
    for name, value in facts.items():
        if value != "":
            print(f"{name.replace('_', ' '):<16}{f'{value:,}' if isinstance(value, int) else value}")
    table("metadata", [(short(name), short(value)) for name, value in listing.metadata.items()])
    table(
        "arrays",
        [
            (short(name), t.dtype, " x ".join(map(str, t.shape)) or "a number")
            for name, t in listing.tensors.items()
        ],
    )


def totals(listing: Listing) -> dict[str, Any]:
    """Return how many numbers and bytes a file has, and of which types."""
    # Tensors that show the same numbers are counted once.
    once = {tensor.storage or name: tensor for name, tensor in listing.tensors.items()}
    kinds = Counter(tensor.dtype for tensor in listing.tensors.values())
    return {
        "parameters": sum(tensor.size for tensor in once.values()),
        "bytes": sum(tensor.nbytes for tensor in once.values()),
        "dtypes": ", ".join(f"{kind} ({count:,})" for kind, count in kinds.most_common()),
    }


def table(title: str, rows: list[tuple[str, ...]]) -> None:
    """Print rows under a title, if there are any; of many the first ones."""
    if not rows:
        return
    print(title)
    shown = rows[:MOST_ROWS]
    widths = [max(len(row[i]) for row in shown) for i in range(len(shown[0]))]
    for row in shown:
        print("  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    if len(rows) > MOST_ROWS:
        print(f"  and {len(rows) - MOST_ROWS:,} more; --json has them all")


def fact(name: str, value: str) -> None:
    """Print a value beside its name, a long one on several lines: each part of a sentence begins one."""
    lines = [value]
    if len(value) > WIDTH - 16:
        lines = [line for part in re.split(r"(?<=;) ", value) for line in wrap(part, WIDTH - 16)]
    for head, line in zip_longest([name.replace("_", " ")], lines, fillvalue=""):
        print(f"{head:<16}{line}")


def short(text: str) -> str:
    """Return a text of a file on one line and without control characters, its middle left out if long."""
    plain = text if text.isprintable() else repr(text)[1:-1]
    if len(plain) <= LONGEST:
        return plain
    return f"{plain[: LONGEST // 2 - 2]}...{plain[-(LONGEST // 2 - 1) :]}"

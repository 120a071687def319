"""Turn the docstrings of cells, and what benchmarks/cells.py kept, into the parts of docs/guide/cells.md."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from bench.pages import fill, where
from elman import LanguageModel
from elman.network import CELLS
from elman.network.cells import Cell

D, H = 64, 128  # the layer whose parameters are counted


def render(root: Path, kept: dict[str, Any]) -> None:
    """Write what stands between the marks of the page."""
    page = root / "docs" / "guide" / "cells.md"
    for name, written in (("equations", equations()), ("figures", figures(kept))):
        fill(page, written, name)


def equations() -> str:
    """Return what every registered cell of elman computes, what it costs, and who published it."""
    own = [name for name, cell in CELLS.items() if type(cell).__module__.startswith("elman.")]
    return "\n" + "\n".join(one(name, CELLS[name]) for name in own) + "\n"


def one(name: str, cell: Cell) -> str:
    """Return the part of one cell."""
    text, _, published = (inspect.getdoc(type(cell)) or "").partition("References\n----------\n")
    summary = text.split("\n")[0]
    formulas = "\n\n".join(f"```{{math}}\n{formula}\n```" for formula in math_of(text))
    layer = LanguageModel(vocab_size=2, cell=name, embedding=D, hidden=H, layers=1, init="zeros")
    size = sum(array.size for key, array in layer.params.items() if key.startswith("layers.0."))
    (kept,) = re.findall(r"(\d+) bytes in float32", " ".join(text.split()))
    products = (1 + cell.staged) if "layers.0.W" in layer.params else 0
    step = ("no product a step", "one product a step", "two products a step, one after the other")[products]
    names = [f"`{field}`" for field in cell.state_type._fields]
    states = f"State{'s' if len(names) > 1 else ''} {' and '.join(names)}"
    sources = "\n\n".join(" ".join(part.split()) for part in published.strip().split("\n\n"))
    return (
        f"### {name}\n\n{summary.replace('``', '`')}\n\n{formulas}\n\n"
        f"{states}; {step}; {size:,} parameters in a layer with {{math}}`D = {D}`, "
        f"{{math}}`H = {H}`; {kept} bytes kept for each step, row and unit in float32.\n\n{sources}\n"
    )


def math_of(text: str) -> list[str]:
    """Return the formulas of a docstring: what stands behind or below each ``.. math::``."""
    found: list[list[str]] = []
    inside = False
    for line in text.split("\n"):
        if line.startswith(".. math::"):
            inside, begun = True, line.removeprefix(".. math::").strip()
            found.append([begun] if begun else [])
        elif inside and (line.startswith(" ") or not line):
            found[-1] += [line.strip()] if line else []
        else:
            inside = False
    return ["\n".join(formula) for formula in found]


def figures(kept: dict[str, Any]) -> str:
    """Return the tables of what was measured."""
    if not kept:
        return "\nNot measured yet.\n\n"
    from bench.figures import figure

    parts = [f"\n{where(kept)}"]
    if "all" in kept:
        parts += [
            f"\nCharacters of Tiny Shakespeare ({kept['all']['K']} of them), two layers, vectors of 64, "
            "windows of 50 steps and 50 rows, Adam at 0.004; as many parameters as an LSTM of 2 x 128 has. "
            "Loss on the last tenth of the text, in nats a character: after "
            f"{kept['all']['seconds']:g} seconds of training, and after {kept['all']['characters']:,} "
            "characters.\n",
            "| cell | width | parameters | trained, tokens/s | generated, tokens/s | loss at equal time | "
            "loss at equal size |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        for row in kept["all"]["rows"]:
            losses = [
                "diverged" if row[name] is None else f"{row[name]:.3f}"
                for name in ("loss_at_time", "loss_at_size")
            ]
            parts.append(
                f"| `{row['cell']}` | 2 x {row['H']} | {row['parameters']:,} | "
                f"{figure(row['tokens_per_second'])} | {figure(row['generated_per_second'])} | "
                f"{losses[0]} | {losses[1]} |"
            )
    if "long" in kept:
        parts += ["", *long_table(kept["long"])]
    return "\n".join(parts) + "\n\n"


def long_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the cells did at long windows."""
    from bench.figures import figure

    return [
        "Training at `T = 256`, `B = 8`, `H = 256`, 65 characters, in turns with a GRU: tokens a second, "
        "and how many times as fast (median of the rounds, lowest and highest).\n",
        "| cell | layers | tokens/s | times as fast |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| `{row['cell']}` | {row['layers']} | {figure(row['tokens_per_second']['median'])} | "
            f"{row['times']['median']:.2f} ({row['times']['low']:.2f} to {row['times']['high']:.2f}) |"
            for row in rows
        ),
    ]


def long_windows(kept: dict[str, Any]) -> str:
    """Return the section of docs/results.md on cells without recurrent products."""
    if "long" not in kept:
        return ""
    table = "\n".join(long_table(kept["long"]))
    return f"""## Without a product in the loop

`python benchmarks/cells.py --pairs`, two and a half minutes. {{doc}}`guide/cells` has all cells side by side.

{table}

{where(kept)}
"""

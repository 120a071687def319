"""What a script has measured, printed, and kept as JSON for the page."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.environment import BENCHMARKS, in_words, machine
from bench.figures import figure

KEPT = BENCHMARKS / "results"
QUICK = KEPT / "quick"  # a smoke run never writes over what was measured


def keep(name: str, found: dict[str, Any], quick: bool) -> Path:
    """Write what was found, on which machine and when; return the file."""
    folder = QUICK if quick else KEPT
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    found = {**found, "quick": quick, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return path


def kept_rows(name: str, rows: Sequence[dict[str, Any]], quick: bool) -> list[dict[str, Any]]:
    """Return the new rows, dated, among those of an earlier run that this one did not measure."""
    path = (QUICK if quick else KEPT) / f"{name}.json"
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    dated = {"date": time.strftime("%Y-%m-%d"), "commit": machine()["commit"]}
    new = {row["id"]: {**row, **dated} for row in rows}
    kept = [new.pop(row["id"], row) for row in old]
    return [*kept, *new.values()]


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what is kept in a folder, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as a table: each side's median, and how many times better elman is than the best rival."""
    for row in rows:
        print(f"\n{row['question']}: {row['setting']}  ({row['unit']})")
        for side in row["sides"]:
            spread = f"{figure(side['low'])} to {figure(side['high'])}"
            how = side["label"] or (in_words(side["threads"]) if side.get("threads") else "")
            print(f"  {side['name']:<14}{figure(side['median']):>10}  {spread:<24}{how}".rstrip())
        ratio = row["ratio"]
        target = f", at least {row['least']:g}" if row.get("least") is not None else ""
        print(f"  ratio {ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f}){target}")


def lines(title: str, table: Sequence[Sequence[Any]]) -> None:
    """Print a title and the rows of a table in columns."""
    cells = [[str(cell) for cell in row] for row in table]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    print(f"\n{title}")
    for row in cells:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))

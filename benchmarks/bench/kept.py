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
QUIET = 0.05  # share of a core that other processes may take before the figures are in doubt
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
    old = load_one(name, quick).get("rows", [])
    dated = {"date": time.strftime("%Y-%m-%d"), "commit": machine()["commit"]}
    new = {row["id"]: {**row, **dated} for row in rows}
    kept = [new.pop(row["id"], row) for row in old]
    return [*kept, *new.values()]


def keep_profile(title: str, command: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    """Keep a table that says where the time of a row goes; the page shows one for each title.

    Parameters
    ----------
    title : str
        What was profiled, such as the setting of a row.
    command : str
        The command that was profiled.
    columns : sequence of str
        Heads of the table.
    rows : sequence of sequences
        Names and numbers.
    """
    profiles = {one["title"]: one for one in load_one("profile", False).get("profiles", [])}
    profiles[title] = {"title": title, "command": command, "columns": list(columns), "rows": list(rows)}
    return keep("profile", {"profiles": list(profiles.values())}, False)


def load_one(name: str, quick: bool) -> dict[str, Any]:
    """Return what an earlier run of a script kept, or nothing."""
    path = (QUICK if quick else KEPT) / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


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
        if row.get("quiet", {}).get("others", 0.0) > QUIET:
            share = f"{row['quiet']['others']:.0%}"
            print(f"  other processes took {share} of a core: these figures are in doubt")
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

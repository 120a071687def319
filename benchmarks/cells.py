"""Which cell learns how much, how fast: every registered cell beside the others.

    python benchmarks/cells.py --text input.txt [--seconds 90] [--only gru mingru ...]
    python benchmarks/cells.py --pairs [--quick]
    python benchmarks/cells.py --write

The first trains every cell on characters of Tiny Shakespeare, each model with as many parameters as an LSTM
of 2 x 128, for so many seconds, and measures its loss on the last tenth of the text twice: after these
seconds, and after as many characters as all of them read in that time. Then each generates. With 90 seconds
and two quiet cores it takes about twenty minutes. `--pairs` lets cells without recurrent products and a GRU
of the same width take turns at long windows. Both keep what they find in benchmarks/results/cells.json, and
write the tables of docs/guide/cells.md; `--write` does that alone, with the equations, which are those of the
cells' docstrings. A budget of less than 30 seconds is a smoke run, and is kept apart.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench import script
from bench.environment import ROOT
from bench.figures import figure, summary, times_better
from bench.kept import keep, lines, load_one
from bench.pairs import contest, started
from bench.side import Side
from elman import LanguageModel
from elman.network import CELLS

SIZES: dict[str, Any] = {"E": 64, "layers": 2, "B": 50, "T": 50, "lr": 0.004, "clip": 5.0}
LIKE = ("lstm", 128)  # all models have about as many parameters as this one
STEPS_A_SECOND = 15  # of training that every cell manages: so many, times the seconds, are read by all
LONG: dict[str, Any] = {"E": 256, "H": 256, "B": 8, "T": 256, "K": 65, "lr": 1e-3, "clip": 5.0}
AGAINST = "gru"
SMOKE = 30.0  # seconds: a budget below this says nothing of the cells
WINDOWS = 10_000  # more than there are: all of the text not seen


def parameters(cell: str, hidden: int, classes: int) -> int:
    """Return the number of parameters of a model of that cell and width."""
    sizes = {"embedding": SIZES["E"], "hidden": hidden, "layers": SIZES["layers"]}
    return LanguageModel(vocab_size=classes, cell=cell, init="zeros", **sizes).n_params


def width(cell: str, classes: int) -> int:
    """Return the width, a multiple of 8, at which a cell has about as many parameters as `LIKE`."""
    wanted = parameters(*LIKE, classes)
    return min(range(8, 1025, 8), key=lambda hidden: abs(parameters(cell, hidden, classes) - wanted))


def ids_of(text: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Return a text as ids: nine tenths to train on, one not to be seen, and the number of characters."""
    letters = np.array(list(text.read_text("utf-8")))
    known, ids = np.unique(letters, return_inverse=True)
    cut = len(ids) * 9 // 10
    return ids[:cut].astype(np.int32), ids[cut:].astype(np.int32), len(known)


def train(settings: dict[str, Any], seconds: float, steps: int) -> dict[str, Any]:
    """Train for so long and so far, whichever is more; return the losses at both, and the speed."""
    found: dict[str, Any] = {}
    with Side("elman", "elman_cell", settings) as side:
        side.ready()
        spent, done, at_once = 0.0, 0, 1
        while spent < seconds or done < steps:
            n = at_once if done >= steps else min(at_once, steps - done)
            spent, done = spent + side.turn("run", n)["seconds"], done + n
            at_once = max(1, round(0.01 * seconds * done / spent))
            if done == steps:
                found["loss_at_size"] = side.turn("evaluate", WINDOWS)["value"]
            if spent >= seconds and "loss_at_time" not in found:
                found |= {"loss_at_time": side.turn("evaluate", WINDOWS)["value"], "steps": done}
        found["tokens_per_second"] = done * settings["T"] * settings["B"] / spent
    # A loss that is not finite has no place in JSON: the page says that the cell diverged.
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def generate(settings: dict[str, Any], seconds: float) -> float:
    """Return the tokens that one row generates in a second."""
    with started(lambda: [Side("elman", "elman_generate", {**settings, "B": 1})]) as sides:
        return summary(contest(sides, seconds, 3).rates["elman"])["median"]


def compare_all(text: Path, cells: list[str], seconds: float) -> dict[str, Any]:
    """Measure every cell, one after the other."""
    steps = max(2, round(STEPS_A_SECOND * seconds))
    seen, unseen, K = ids_of(text)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {part: str(Path(folder) / f"{part}.npy") for part in ("train", "valid")}
        for path, ids in zip(paths.values(), (seen, unseen), strict=True):
            np.save(path, ids)
        for cell in cells:
            hidden = width(cell, K)
            settings = {**SIZES, **paths, "K": K, "cell": cell, "H": hidden}
            row = {"cell": cell, "H": hidden, "parameters": parameters(cell, hidden, K)}
            row |= train(settings, seconds, steps)
            row["generated_per_second"] = generate(settings, min(1.5, 0.05 * seconds))
            rows.append(row)
            lines(f"{cell}, 2 x {hidden}", [[name, figure(v)] for name, v in row.items() if name != "cell"])
    return {"rows": rows, "seconds": seconds, "characters": steps * SIZES["B"] * SIZES["T"], "K": K}


def compare_long(cells: list[str], quick: bool) -> list[dict[str, Any]]:
    """Let cells take turns at long windows; return how many times faster than a GRU each is."""
    rows, effort = [], script.effort(quick)
    for layers in (1, 2):
        settings = {**LONG, "layers": layers}
        with started(lambda: [Side(c, "elman_cell", {**settings, "cell": c}) for c in cells]) as sides:  # noqa: B023
            turns = contest(sides, effort.seconds, effort.rounds)
        for cell in cells:
            rates = [rate * LONG["B"] * LONG["T"] for rate in turns.rates[cell]]
            times = times_better(turns.rates[cell], turns.rates[AGAINST], higher=True)
            rows.append({
                "cell": cell, "layers": layers, "tokens_per_second": summary(rates), "times": times,
                "quiet": turns.record(),
            })  # fmt: skip
        shown = [
            [row["cell"], figure(row["tokens_per_second"]["median"]), f"{row['times']['median']:.2f}"]
            for row in rows
            if row["layers"] == layers
        ]
        lines(f"{layers} x 256, B 8, T 256: tokens a second, times as fast as {AGAINST}", shown)
    return rows


def scanned() -> list[str]:
    """Return the GRU, and the cells without recurrent products."""
    from elman.network.cells import ScanCell

    return [AGAINST, *(name for name, cell in CELLS.items() if isinstance(cell, ScanCell))]


def main() -> None:
    """Measure, print, keep and render."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, help="Tiny Shakespeare, to train on")
    parser.add_argument("--seconds", type=float, default=90.0, help="of training, for each cell")
    parser.add_argument("--only", nargs="+", choices=list(CELLS), metavar="CELL", help="cells to measure")
    parser.add_argument("--pairs", action="store_true", help="cells in turns at long windows, and no more")
    parser.add_argument("--quick", action="store_true", help="of --pairs: too short to mean anything")
    parser.add_argument("--write", action="store_true", help="write the page from what was kept, and no more")
    arguments = parser.parse_args()
    quick = arguments.quick if arguments.pairs else arguments.seconds < SMOKE
    if not arguments.write:
        kept = {name: v for name, v in load_one("cells", quick).items() if name in ("all", "long")}
        if arguments.pairs:
            kept["long"] = compare_long(scanned(), quick)
        elif not arguments.text or not arguments.text.is_file():
            parser.error("the text of Tiny Shakespeare is needed: --text input.txt")
        else:
            kept["all"] = compare_all(arguments.text, arguments.only or list(CELLS), arguments.seconds)
        keep("cells", kept, quick)
    if not quick or arguments.write:
        from render_cells import render

        render(ROOT, load_one("cells", False))


if __name__ == "__main__":
    script.run(main)

"""How much faster are several ranks than one, and than threads; and is it the same run? elman against itself.

    python benchmarks/ranks.py [--quick] [--ranks 1,2,4] [--only speed ...] [--models '1 x 64' ...]

`speed`: the same run, of a hundred steps or so, is started with one rank of one thread, with several ranks,
and with threads in place of ranks, in turns. Speed is that of all but the first quarter of its metrics.
`curves`: one run of each way in float64, in which rounding does not grow to what could be seen. Their curves
and the models at their end must agree to 1e-6. Needs mpi4py and an engine. Keeps
benchmarks/results/ranks.json, and writes its part of docs/guide/distributed.md.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import script
from bench.environment import cores, free_environment
from bench.kept import keep, lines, load_one
from bench.side import SideFailed

MODELS = {
    "LSTM 1 x 32, 16 rows x 16": ["--layers", "1", "--hidden", "32", "--batch", "16", "--window", "16"],
    "LSTM 1 x 64, 16 rows x 32": ["--layers", "1", "--hidden", "64", "--batch", "16", "--window", "32"],
    "LSTM 1 x 128, 32 rows x 32": ["--layers", "1", "--hidden", "128", "--batch", "32", "--window", "32"],
    "LSTM 2 x 128, 64 rows x 64": ["--hidden", "128", "--batch", "64", "--window", "64"],
    "LSTM 2 x 512, 64 rows x 64": ["--hidden", "512", "--batch", "64", "--window", "64"],
}
STEPS = dict(zip(MODELS, (4000, 1500, 600, 150, 40), strict=True))  # about ten seconds of two cores
SETTINGS = [
    "--embedding", "64", "--sample", "0", "--eval-every", "100000", "--split", "98/1/1", "--quiet",
    "--schedule", "constant",
]  # fmt: skip
CURVES = 100  # steps in float64, a quarter of them for the widest
QUICK = 40  # steps of a smoke run: the metrics have a line for every ten, and the last is of an evaluation
TURNS = 5
SAME = 1e-6


def speed(folder: Path) -> tuple[float, list[float]]:
    """Return the tokens a second of all but the first quarter of a run, and its losses."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    records = [record for record in records if "valid_loss" not in record]
    first, last = records[len(records) // 4], records[-1]
    tokens = (last["tokens"] - first["tokens"]) / (last["seconds"] - first["seconds"])
    return tokens, [record["train_loss"] for record in records]


def once(words: list[str], out: Path) -> None:
    """Train once."""
    subprocess.run(
        [sys.executable, "-m", "elman", "train", *words, "--out", str(out)], env=free_environment(),
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def ways(counts: list[int]) -> dict[str, list[str]]:
    """Return what is given for each way to share a batch."""
    found = {f"{n} rank{'s' * (n > 1)}": ["--workers", str(n), "--threads", "1"] for n in counts}
    return found | ({f"{cores()} threads": ["--threads", str(cores())]} if cores() > 1 else {})


def measure_speed(name: str, counts: list[int], quick: bool) -> dict[str, Any]:
    """Let all ways take turns; return their speeds."""
    steps = QUICK if quick else STEPS[name]
    rates: dict[str, list[float]] = {way: [] for way in ways(counts)}
    for _ in range(1 if quick else TURNS):
        for way, words in ways(counts).items():
            with tempfile.TemporaryDirectory() as folder:
                once([*MODELS[name], *SETTINGS, "--steps", str(steps), *words], Path(folder) / "run")
                rates[way].append(speed(Path(folder) / "run")[0])
    ratios = {
        way: statistics.median(a / b for a, b in zip(found, rates["1 rank"], strict=True))
        for way, found in rates.items()
    }
    speeds = {way: statistics.median(found) for way, found in rates.items()}
    lines(
        f"{name}: tokens a second, times that of one rank",
        [[way, f"{speeds[way]:,.0f}", f"{ratios[way]:.2f}"] for way in speeds],
    )
    return {"speeds": speeds, "ratios": ratios, "steps": steps}


def measure_curves(name: str, counts: list[int], quick: bool) -> dict[str, Any]:
    """Train in every way in float64; return how far losses and models are from those of one rank."""
    import elman

    steps = QUICK if quick else CURVES // (4 if "512" in name else 1)
    losses: dict[str, list[float]] = {}
    params: dict[str, Any] = {}
    for way, words in ways(counts).items():
        with tempfile.TemporaryDirectory() as folder:
            exact = ["--dtype", "float64", "--steps", str(steps)]
            once([*MODELS[name], *SETTINGS, *exact, *words], Path(folder) / "run")
            losses[way] = speed(Path(folder) / "run")[1]
            params[way] = elman.load(Path(folder) / "run").model.params
    apart = {
        way: max(abs(a - b) for a, b in zip(found, losses["1 rank"], strict=True))
        for way, found in losses.items()
    }
    models = {
        way: max(float(abs(array - params["1 rank"][key]).max()) for key, array in found.items())
        for way, found in params.items()
    }
    lines(
        f"{name}, {steps} steps in float64: largest difference of a loss, and of a parameter at the end",
        [[way, f"{apart[way]:.1e}", f"{models[way]:.1e}"] for way in apart],
    )
    if max(*apart.values(), *models.values()) > SAME:
        raise SideFailed(f"{name}: ranks do not train the same model")
    return {"apart": apart, "models": models, "curve_steps": steps}


PARTS = {"speed": measure_speed, "curves": measure_curves}


def main() -> None:
    """Measure, print and keep."""
    parser = script.arguments(__doc__, list(PARTS))
    parser.add_argument("--ranks", default="1,2,4", help="how many, joined by commas; 1 among them")
    parser.add_argument(
        "--models", nargs="+", default=[""], metavar="NAME", help="those with this in their names"
    )
    arguments = parser.parse_args()
    try:
        counts = [int(number) for number in arguments.ranks.split(",")]
    except ValueError:
        counts = []
    if 1 not in counts or min(counts) < 1:
        parser.error(f"--ranks {arguments.ranks}: give numbers joined by commas, 1 among them, such as 1,2,4")
    kept = {row["name"]: row for row in load_one("ranks", arguments.quick).get("rows", [])}
    chosen = [name for name in MODELS if any(part in name for part in arguments.models)]
    if not chosen:
        parser.error(f"--models {' '.join(arguments.models)}: there are {'; '.join(MODELS)}")
    for part in arguments.only or PARTS:
        for name in chosen:
            kept[name] = {"name": name, **kept.get(name, {}), **PARTS[part](name, counts, arguments.quick)}
    rows = [kept[name] for name in MODELS if name in kept]
    keep("ranks", {"rows": rows}, arguments.quick)
    if not arguments.quick:
        from render_ranks import write

        write()


if __name__ == "__main__":
    script.run(main)

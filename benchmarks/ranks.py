"""How much faster are several ranks than one, and than threads? elman against itself.

    python benchmarks/ranks.py [--quick] [--ranks 1,2,4]

The same run, of a hundred steps or so, is started with one rank of one thread, with several ranks, and
with threads in place of ranks, in turns. Speed is that of all but the first quarter of its metrics; the
curves must agree to 1e-6. Needs mpi4py and an engine. Keeps benchmarks/results/ranks.json.
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
from bench.kept import keep, lines

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
QUICK = 40  # steps of a smoke run: the metrics have a line for every ten, and the last is of an evaluation
TURNS = 5


def speed(folder: Path) -> tuple[float, list[float]]:
    """Return the tokens a second of all but the first quarter of a run, and its losses."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    records = [record for record in records if "valid_loss" not in record]
    first, last = records[len(records) // 4], records[-1]
    tokens = (last["tokens"] - first["tokens"]) / (last["seconds"] - first["seconds"])
    return tokens, [record["train_loss"] for record in records]


def once(words: list[str]) -> tuple[float, list[float]]:
    """Train once."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "run"
        subprocess.run(
            [sys.executable, "-m", "elman", "train", *words, "--out", str(out)], env=free_environment(),
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return speed(out)


def measure(name: str, counts: list[int], quick: bool) -> dict[str, Any]:
    """Let all ways take turns; return their speeds and how far their losses are apart."""
    steps = QUICK if quick else STEPS[name]
    common = [*MODELS[name], *SETTINGS, "--steps", str(steps)]
    ways = {f"{n} rank{'s' * (n > 1)}": ["--workers", str(n), "--threads", "1"] for n in counts}
    ways |= {f"{cores()} threads": ["--threads", str(cores())]} if cores() > 1 else {}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    losses: dict[str, list[float]] = {}
    for _ in range(1 if quick else TURNS):
        for way, words in ways.items():
            rate, losses[way] = once([*common, *words])
            rates[way].append(rate)
    base = losses["1 rank"]
    apart = {way: max(abs(a - b) for a, b in zip(found, base, strict=True)) for way, found in losses.items()}
    speeds = {way: statistics.median(found) for way, found in rates.items()}
    ratios = {
        way: statistics.median(a / b for a, b in zip(found, rates["1 rank"], strict=True))
        for way, found in rates.items()
    }
    return {"name": name, "speeds": speeds, "ratios": ratios, "apart": apart, "steps": steps}


def main() -> None:
    """Measure, print and keep."""
    parser = script.arguments(__doc__)
    parser.add_argument("--ranks", default="1,2,4", help="how many, joined by commas; 1 among them")
    arguments = parser.parse_args()
    try:
        counts = [int(number) for number in arguments.ranks.split(",")]
    except ValueError:
        counts = []
    if 1 not in counts or min(counts) < 1:
        parser.error(f"--ranks {arguments.ranks}: give numbers joined by commas, 1 among them, such as 1,2,4")
    rows = [measure(name, counts, arguments.quick) for name in MODELS]
    for row in rows:
        lines(
            f"{row['name']}: tokens a second, times that of one rank, largest difference of a loss",
            [
                [way, f"{row['speeds'][way]:,.0f}", f"{row['ratios'][way]:.2f}", f"{row['apart'][way]:.1e}"]
                for way in row["speeds"]
            ],
        )
    keep("ranks", {"rows": rows}, arguments.quick)
    if not arguments.quick:
        from render_ranks import write

        write()


if __name__ == "__main__":
    script.run(main)

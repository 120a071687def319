"""What is lost when a rank is killed? Nothing but the steps since the last checkpoint.

    python benchmarks/faults.py [--quick]

Ranks train together; a random one is killed at a random moment, and the run goes on with as many,
twenty times. In the end the run must be that of ranks that nobody disturbed, to the bit, and another
number of ranks goes on with it. Needs mpi4py and an engine. Keeps benchmarks/results/faults.json.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import script
from bench.environment import free_environment
from bench.kept import keep, lines

RANKS, KILLS, STEPS, EVERY = 3, 20, 4000, 10
SETTINGS = [
    "--hidden", "64", "--embedding", "32", "--batch", "24", "--window", "40", "--steps", str(STEPS),
    "--checkpoint-every", str(EVERY), "--eval-every", "2000", "--dropout", "0.2", "--sample", "0", "--quiet",
    "--threads", "1",
]  # fmt: skip
PATIENCE = 60.0  # seconds for a run to start, and for one that was struck to end


def start(*words: object) -> subprocess.Popen[str]:
    """Start ``elman train``."""
    return subprocess.Popen(
        [sys.executable, "-m", "elman", "train", *map(str, words)], env=free_environment(), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def ranks_of(run: Path) -> dict[int, int]:
    """Return the processes of the ranks that train a run, by rank."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            about = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        rank = next((a.partition(b"=")[2] for a in about if a.startswith(b"OMPI_COMM_WORLD_RANK=")), None)
        if rank is not None and str(run).encode() in words and b"mpiexec" not in words[0]:
            found[int(rank)] = int(folder.name)
    return found


def step_of(run: Path) -> int:
    """Return the step of the last checkpoint, which must be whole; 0 where there is none yet."""
    from elman.errors import CheckpointError
    from elman.storage.run import Run

    if not (run / "last" / "checkpoint.safetensors").exists():
        return 0
    try:
        return int(Run(run).load_checkpoint()[1]["step"])
    except CheckpointError as error:
        raise SystemExit(f"the last checkpoint is not whole: {error}") from error


def strike(run: Path, child: subprocess.Popen[str], rng: random.Random) -> dict[str, Any]:
    """Wait until it trains and a moment longer, kill one of its ranks, and see all of them end."""
    before, until = step_of(run), time.monotonic() + PATIENCE
    while step_of(run) == before and time.monotonic() < until and child.poll() is None:
        time.sleep(0.05)
    time.sleep(rng.uniform(0.0, 1.5))
    ranks = ranks_of(run)
    if not ranks:
        raise SystemExit(f"the run had ended: {child.communicate()}")
    rank, seen = rng.choice(sorted(ranks)), step_of(run)
    os.kill(ranks[rank], signal.SIGKILL)
    began = time.monotonic()
    said = child.communicate(timeout=PATIENCE)[1].strip()
    seconds = time.monotonic() - began
    while ranks_of(run) and time.monotonic() - began < PATIENCE:
        time.sleep(0.05)
    if (kept := step_of(run)) < seen:
        raise SystemExit(f"the checkpoint of step {seen} was there, and is lost: it is of step {kept}")
    return {
        "rank": rank, "ended_after": round(seconds, 2), "all_gone_after": round(time.monotonic() - began, 2),
        "status": child.returncode, "said": said, "kept_step": kept,
    }  # fmt: skip


def main() -> None:
    """Train undisturbed, train disturbed, compare, keep."""
    arguments = script.arguments(__doc__).parse_args()
    kills, rng = (2 if arguments.quick else KILLS), random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calm, struck = folder / "calm", folder / "struck"
        child = start(*SETTINGS, "--out", calm, "--workers", RANKS)
        if child.wait():
            raise SystemExit(child.communicate()[1])
        found = []
        for number in range(kills):
            words = (*SETTINGS, "--out", struck) if number == 0 else ("--resume", struck, "--quiet")
            found.append(strike(struck, start(*words, "--workers", RANKS), rng))
        child = start("--resume", struck, "--quiet", "--workers", RANKS)
        if child.wait():
            raise SystemExit(child.communicate()[1])
        checkpoint = Path("last") / "checkpoint.safetensors"
        from elman.storage.run import Run

        (one, _), (two, _) = (Run(path).load_checkpoint() for path in (calm, struck))
        same = all((one[key] == two[key]).all() for key in one)
        model = (calm / "model.safetensors").read_bytes() == (struck / "model.safetensors").read_bytes()
        more = start("--resume", struck, "--steps", STEPS + 50, "--quiet", "--workers", RANKS + 1)
        if more.wait():
            raise SystemExit(more.communicate()[1])
    lines(
        "rank killed, seconds until all had ended, step kept, said",
        [[row["rank"], row["all_gone_after"], row["kept_step"], row["said"]] for row in found],
    )
    print(f"arrays of {checkpoint} as undisturbed: {same}; the model's bytes: {model}")
    keep(
        "faults",
        {"ranks": RANKS, "steps": STEPS, "every": EVERY, "kills": found, "same": same, "same_model": model},
        arguments.quick,
    )
    if not (same and model):
        raise SystemExit("the run that was disturbed is another")


if __name__ == "__main__":
    script.run(main)

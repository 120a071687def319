"""Does memory grow with the text? Encode and train on a small and on a large synthetic file.

    python benchmarks/memory.py [--small 10] [--large 1000] [--steps 60] [--tokens char]

Writes two files of random words (sizes in megabytes), trains on each in a process of its own with the
command line, evaluates once on the last hundredth, and prints the peak resident memory of each process, and
their ratio. Exit status 1 if the ratio passes 1.2.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def write_text(path: Path, megabytes: float) -> None:
    """Write lines of words drawn from 5,000, in blocks."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(5_000)]
    left = int(megabytes * 1e6)
    with path.open("w") as file:
        while left > 0:
            rows = rng.integers(0, len(words), (2_000, 10))
            block = "\n".join(" ".join(words[i] for i in row) for row in rows) + "\n"
            file.write(block[:left])
            left -= len(block)


def peak_of_training(text: Path, out: Path, steps: int, tokens: str) -> tuple[float, float]:
    """Train, and return the peak resident memory in MiB and the seconds it took."""
    command = [
        sys.executable, "-m", "elman", "train", str(text), "--out", str(out), "--tokens", tokens,
        "--steps", str(steps), "--eval-every", str(steps), "--quiet", "--split", "99/1/0",
    ]  # fmt: skip
    started = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("training failed")
    return usage.ru_maxrss / 1024, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--small", type=float, default=10, help="megabytes")
    parser.add_argument("--large", type=float, default=1000, help="megabytes")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--tokens", default="char", help="char, byte or word")
    arguments = parser.parse_args()
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in (arguments.small, arguments.large):
            text = Path(folder) / "text.txt"
            write_text(text, megabytes)
            peak, seconds = peak_of_training(
                text, Path(folder) / f"run-{megabytes:g}", arguments.steps, arguments.tokens
            )
            print(f"{megabytes:>6g} MB  peak {peak:7.1f} MiB  {seconds:6.1f} s")
            peaks.append(peak)
    ratio = peaks[1] / peaks[0]
    print(f"ratio {ratio:.3f}")
    sys.exit(ratio > 1.2)


if __name__ == "__main__":
    main()

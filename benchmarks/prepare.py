"""Preparing a large text in shards, and training on it: memory of each process, and speed.

    python benchmarks/prepare.py [--megabytes 300] [--tokens word] [--shards 64] [--workers 2] [--steps 20]
    python benchmarks/prepare.py --megabytes 20000 --keep --folder FOLDER

Writes a file of random words, of which every megabyte has a thousand that no other has; prepares it by
``elman data prepare``; trains on it for some steps, by one process, and by two ranks where there is an
engine; and prints the peak resident memory of the largest process of each command, and the seconds it took.
``--keep`` keeps that for docs/results.md. With ``--beside`` it also lets ``elman train`` encode the text
itself, in turn with preparing by one process and by all, three times each, and prints the medians. Exit
status 1 if a process took a gigabyte.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from bench.kept import keep
from bench.procfs import family

GIGABYTE = 1e9
OWN_WORDS = 1000  # of each megabyte
SMALL = ["--layers", "1", "--hidden", "32", "--embedding", "32", "--threads", "1", "--quiet"]
BLOCKS = 24  # different ones, each of about a megabyte


def write_text(path: Path, megabytes: float) -> None:
    """Write lines of words drawn from 20,000, the frequent ones often, and words that occur once."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(20_000)])
    blocks = []
    for _ in range(BLOCKS):
        drawn = words[(len(words) ** rng.random((16_000, 10))).astype(int) - 1]
        blocks.append("\n".join(map(" ".join, drawn)) + "\n")
    left, number = int(megabytes * 1e6), 0
    with path.open("w") as file:
        while left > 0:
            own = " ".join(f"only{number}x{i}" for i in range(OWN_WORDS)) + "\n"
            block = (own + blocks[rng.integers(BLOCKS)])[:left]
            file.write(block)
            left, number = left - len(block), number + 1


def measured(*arguments: object) -> tuple[float, float, int]:
    """Run an ``elman`` command; return its seconds, the most bytes a process had, and how many ran."""
    command = [sys.executable, "-m", "elman", *map(str, arguments)]
    started, peaks = time.monotonic(), dict[int, int]()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        for pid in family(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), _peak(pid))
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return time.monotonic() - started, max(peaks.values()), len(peaks)


def _peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--tokens", default="word", help="char, byte, word, space or bpe")
    parser.add_argument("--vocab-size", type=int, help="by default 20,000 of words, and no limit of others")
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    parser.add_argument("--beside", action="store_true", help="compare with encoding in the run")
    parser.add_argument("--keep", action="store_true", help="keep what was found, for docs/results.md")
    parser.add_argument(
        "--note", default="", help="what the page is to say besides, such as what ran meanwhile"
    )
    arguments = parser.parse_args()
    size = arguments.vocab_size or (20_000 if arguments.tokens in ("word", "space") else None)
    valid = min(0.1, 200 / arguments.megabytes)  # percent: two megabytes at most, to be evaluated in seconds
    options = [
        "--tokens", arguments.tokens, *(["--vocab-size", size] if size else []),
        "--split", f"{100 - valid:g}/{valid:g}/0",
    ]  # fmt: skip
    rows = []

    def note(*words: object) -> None:
        seconds, peak, processes = measured(*words)
        shown = " ".join(word.name if isinstance(word, Path) else str(word) for word in ("elman", *words))
        rows.append({"command": shown, "seconds": seconds, "peak": peak, "processes": processes})
        print(f"{seconds:8.1f} s  {processes:3} processes  {peak / 1e6:8.1f} MB  {shown}", flush=True)

    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        text, out = Path(folder) / "text.txt", Path(folder) / "prepared"
        write_text(text, arguments.megabytes)
        prepare = ["data", "prepare", text, "--out", out, "--shards", arguments.shards, *options, "--workers"]
        short = ["--steps", arguments.steps, "--eval-every", arguments.steps, *SMALL, "--output", "sampled"]
        note(*prepare, arguments.workers)
        note("train", "--data", out, "--out", Path(folder) / "one", *short)
        if find_spec("mpi4py"):
            note("train", "--data", out, "--out", Path(folder) / "two", *short, "--workers", 2)
        ways = {
            "in the run": lambda: measured("train", text, "--out", Path(folder) / "own", *options, *short),
            "one process": lambda: measured(*prepare, 1, "--overwrite"),
            f"{arguments.workers} processes": lambda: measured(*prepare, arguments.workers, "--overwrite"),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(3 if arguments.beside else 0):
            for name, way in ways.items():
                times[name].append(way()[0])
                shutil.rmtree(Path(folder) / "own", ignore_errors=True)
        for name, found in times.items():
            if found:
                print(f"{name:<14}{statistics.median(found):8.1f} s")
    if arguments.keep:
        found = {"megabytes": arguments.megabytes, "shards": arguments.shards, "rows": rows}
        keep(
            "prepared",
            {**found, "options": f"--megabytes {arguments.megabytes:g} --keep", "note": arguments.note},
            False,
        )
    sys.exit(max(row["peak"] for row in rows) >= GIGABYTE)


if __name__ == "__main__":
    main()

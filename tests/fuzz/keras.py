"""Changed Keras files, read: ``python -m tests.fuzz keras --minutes 10``.

HDF5 can crash and hang, and is meant to do so in a child process only. Here a child reads thousands of
files, without the start of Python for each. A crash or a hang of HDF5 is counted and kept, and is no finding,
since a reader survives it; any other error than elman's is one.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from pathlib import Path
from typing import Any

from elman.errors import ElmanError
from elman.interop.keras.archive import opened, read_json, unpacked
from elman.interop.keras.child import limit
from elman.interop.keras.config import plan_of
from elman.interop.keras.convert import imported
from elman.interop.keras.guess import Told, guessed
from elman.interop.keras.stored import arrays

HERE = Path(__file__).parents[1] / "vectors" / "keras"
EDGES = (
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
    1 << 40,
    (1 << 63) - 1,
    (1 << 64) - 1,
)
SECONDS = 10  # for one file


def seeds() -> list[bytes]:
    """Return the stored models, and the weights of each alone."""
    found = [path.read_bytes() for path in sorted(HERE.glob("*.keras")) + sorted(HERE.glob("*.h5"))]
    for data in list(found):
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                found.append(archive.read("model.weights.h5"))
    return found


def one(path: Path) -> str:
    """Read a file as `elman.interop.keras.read` does, but in this process; return what came of it."""
    try:
        if not zipfile.is_zipfile(path):
            read = arrays(path)
            imported(str(path), guessed(str(path), read, Told()), read)
            return "read"
        with opened(path) as archive:
            plan = plan_of(str(path), read_json(archive, path))
            with unpacked(archive) as weights:
                read = arrays(weights)
        imported(str(path), plan, read)
    except ElmanError:
        return "refused"
    except MemoryError:
        return "memory"
    return "read"


def mutated(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Return a file with some bytes changed, inserted, repeated or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not changed:
            break
        place, kind = rng.randrange(len(changed)), rng.randrange(8)
        if kind < 2:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            changed[place] = rng.randrange(256)
        elif kind < 5:
            width = rng.choice((1, 2, 4, 8))
            place -= place % width
            number = (rng.choice(EDGES) + rng.randrange(-2, 3)) % (1 << 8 * width)
            changed[place : place + width] = number.to_bytes(width, "little")
        elif kind == 5:  # a piece of a file elsewhere
            start = rng.randrange(len(other))
            piece = other[start : start + rng.choice((8, 16, 40, 512))]
            changed[place : place + len(piece)] = piece
        elif kind == 6 and rng.random() < 0.2:
            del changed[place:]
        else:
            start = rng.randrange(len(changed))
            changed[place : place + 8] = changed[start : start + 8]
    return bytes(changed)


def repacked(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Return an archive one of whose members is changed, with the checksum that belongs to it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(["config.json", "model.weights.h5"])
    members[name] = mutated(members[name], rng, other)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return out.getvalue()


def worker(seed: int, folder: str, shared: Any) -> None:
    """Read changed files until told to stop; the one at hand lies in the folder."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    rng, files = random.Random(seed), seeds()
    path = Path(folder) / "at-hand"
    limit(1 << 20, 10**6)
    while True:
        data, other = rng.choice(files), rng.choice(files)
        data = (
            repacked(data, rng, other)
            if data[:2] == b"PK" and rng.random() < 0.7
            else mutated(data, rng, other)
        )
        path.write_bytes(data)
        shared[0], shared[1] = shared[0] + 1, int(time.monotonic())
        try:
            outcome = one(path)
        except Exception:
            (Path(folder) / "error").write_text(traceback.format_exc())
            os._exit(77)
        shared[{"read": 2, "refused": 3, "memory": 4}[outcome]] += 1


def run(minutes: float, seed: int, keep: Path) -> bool:
    """Run one worker after the other; keep what each ended on, and return whether there are findings."""
    end, ends = time.monotonic() + 60 * minutes, {"crashed": 0, "hung": 0, "failed": 0}
    shared = multiprocessing.Array("q", 8, lock=False)
    keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            seed += 1
            shared[1] = int(time.monotonic())
            process = multiprocessing.get_context("fork").Process(target=worker, args=(seed, folder, shared))
            process.start()
            while process.is_alive() and time.monotonic() < min(end, shared[1] + SECONDS):
                process.join(0.2)
            if process.is_alive():
                process.kill()
                process.join()
                if time.monotonic() >= end:
                    break
                kind, what = "hung", ""
            elif process.exitcode == 77:
                kind, what = "failed", (Path(folder) / "error").read_text()
            else:
                number = -(process.exitcode or 0)
                kind, what = "crashed", signal.Signals(number).name if number > 0 else str(process.exitcode)
            ends[kind] += 1
            (keep / f"{kind}-{seed}").write_bytes((Path(folder) / "at-hand").read_bytes())
            print(kind, seed, what, flush=True)
    names = ("files", "", "read", "refused", "out of memory")
    print(", ".join(f"{shared[i]:,} {name}" for i, name in enumerate(names) if name), ends)
    return ends["failed"] > 0


def main() -> None:
    """Read changed files until the time is up; the status is 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz keras")
    parser.add_argument("reader")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="where findings are kept")
    given = parser.parse_args()
    sys.exit(run(given.minutes, given.seed, given.keep))

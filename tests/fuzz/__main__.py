"""Changed files, read for minutes: ``python -m tests.fuzz READER --minutes 10``.

READER is a module of this folder with ``seeds() -> list[bytes]`` and ``read(data, folder)``; or with a
``main`` of its own, which then does it all. A reader may refuse a file with an error of elman's, and
nothing else: any other exception, more than `SECONDS` for one file, and more than `MEBIBYTES` of memory are
findings. Each is printed, and kept in the folder that ``--keep`` names, to become a test.

With atheris installed the changes are guided by the code that they reach; without, they are random.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

SECONDS = 5.0
MEBIBYTES = 4096
LONGEST = 65_536
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1)


class Watch:
    """Calls a reader, and keeps what it should not have done."""

    def __init__(self, read: Callable[[bytes, Path], None], folder: Path, keep: Path) -> None:
        self._read, self._folder, self.keep = read, folder, keep
        self.executions = self.refused = 0
        self.found: dict[str, Path] = {}

    def __call__(self, data: bytes) -> None:
        """Read one file."""
        from elman.errors import ElmanError

        self.executions += 1
        begun = time.perf_counter()
        try:
            self._read(data, self._folder)
        except ElmanError:
            self.refused += 1
        except Exception as error:  # whatever it is, it is a finding
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if "elman" in frame.filename] or frames
            self._note(f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}", data)
        if time.perf_counter() - begun > SECONDS:
            self._note("slow", data)

    def _note(self, what: str, data: bytes) -> None:
        if what in self.found:
            return
        self.keep.mkdir(parents=True, exist_ok=True)
        self.found[what] = self.keep / hashlib.sha256(data).hexdigest()[:16]
        self.found[what].write_bytes(data)
        print(f"found: {what}: {self.found[what]}", flush=True)

    def report(self, seconds: float) -> str:
        """Say what was done."""
        counts = f"{self.executions:,} files in {seconds:.0f} s, {self.refused:,} refused"
        return f"{counts}, {len(self.found)} findings"


def changed(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Return a file with a few random changes."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(made) + 1)
        kind = rng.randrange(6)
        if kind == 0 and made:
            made[at % len(made)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            made[at : at + rng.randrange(1, 9)] = b""
        elif kind == 2:
            width = rng.choice((1, 2, 4, 8))
            value = rng.choice(EDGES) & ((1 << 8 * width) - 1)
            made[at : at + width] = value.to_bytes(width, rng.choice(("little", "big")))
        elif kind == 3:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            made[at:at] = other[start : start + rng.randrange(1, 65)]
        elif kind == 4:
            del made[at:]
        else:
            made[at : at + 1] = rng.randbytes(1)
    return bytes(made[:LONGEST])


def at_random(watch: Watch, seeds: list[bytes], seconds: float, seed: int) -> None:
    """Change the seeds at random until the time is up."""
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watch(changed(rng.choice(seeds), seeds, rng))


def main() -> None:
    """Read changed files until the time is up; the status is 1 if there are findings."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("reader", help="a module of this folder: safetensors, pt, ...")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="where findings are kept")
    parser.add_argument("--random", action="store_true", help="do without atheris")
    given = parser.parse_args()
    guided = find_spec("atheris") is not None and not given.random
    name = f"tests.fuzz.{given.reader}"
    if guided:
        import atheris

        with atheris.instrument_imports(include=["elman.interop", "elman.data", "pickletools", "zipfile"]):
            reader = importlib.import_module(name)
    else:
        reader = importlib.import_module(name)
    if hasattr(reader, "main"):
        reader.main()
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MEBIBYTES << 20, MEBIBYTES << 20))
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(reader.read, Path(folder), given.keep)
        seeds = reader.seeds()
        for data in seeds:
            watch(data)
        print(f"{len(seeds)} seeds, of which {watch.refused} are refused", flush=True)
        begun = time.monotonic()
        if guided:
            guide(watch, seeds, given.minutes * 60, given.seed, Path(folder))
        else:
            at_random(watch, seeds, given.minutes * 60, given.seed)
        print(watch.report(time.monotonic() - begun), flush=True)
    sys.exit(bool(watch.found))


def guide(watch: Watch, seeds: list[bytes], seconds: float, seed: int, folder: Path) -> None:
    """Let atheris change the seeds until the time is up; half of its changes are those of `changed`."""
    import atheris

    rng = random.Random(seed)
    corpus = folder / "corpus"
    corpus.mkdir()
    watch.keep.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds):
        (corpus / str(number)).write_bytes(data)
    end = time.monotonic() + seconds

    def once(data: bytes) -> None:
        watch(data)
        if time.monotonic() > end:
            # libFuzzer ends the process itself, and this is the last that is heard of it.
            print(watch.report(seconds), flush=True)
            os._exit(bool(watch.found))

    def mutate(data: bytes, size: int, number: int) -> bytes:
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, size))
        return changed(data, seeds, rng)[:size]

    arguments = ["fuzz", str(corpus), f"-max_len={LONGEST}", f"-seed={seed + 1}", "-verbosity=0"]
    arguments += [f"-rss_limit_mb={MEBIBYTES}", "-timeout=60", f"-artifact_prefix={watch.keep}/"]
    atheris.Setup(arguments, once, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

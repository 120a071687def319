"""Measure everything, and write docs/benchmarks.md.

    python benchmarks/run.py --text input.txt [--quick]
    python benchmarks/run.py --only train generate
    python benchmarks/run.py --write

Runs the scripts one after the other, each in a process of its own, and renders the page from what they kept
in benchmarks/results/. `--write` only renders. What `--quick` keeps is rendered too, but to
benchmarks/results/quick/benchmarks.md. Run it on a quiet machine. Exit status 1 if a script failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from bench.environment import BENCHMARKS, ROOT
from bench.kept import KEPT, QUICK, load
from bench.render import render

SCRIPTS = (
    "size", "start", "generate", "train", "parts", "products", "workers", "step_memory", "time_to_loss",
    "curves",
)  # fmt: skip
OTHERS = ("torch_compile",)  # measured only when they are asked for


def run(name: str, quick: bool, text: Path | None) -> bool:
    """Run a script; say whether it succeeded."""
    command = [sys.executable, str(BENCHMARKS / f"{name}.py")]
    command += ["--quick"] if quick else []
    if name == "time_to_loss":
        if text is None:
            print("time_to_loss needs --text input.txt (Tiny Shakespeare)", file=sys.stderr)
            return False
        command += ["--text", str(text.resolve())]
    print(f"--- {name}", flush=True)
    began = time.monotonic()
    done = subprocess.run(command)
    print(f"--- {name}: {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode == 0


def write(quick: bool) -> Path:
    """Render the page; return it."""
    page = (QUICK / "benchmarks.md") if quick else (ROOT / "docs" / "benchmarks.md")
    render(load(QUICK if quick else KEPT), page)
    return page


def main() -> None:
    """Run what was asked for, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="smoke runs: too short to mean anything")
    parser.add_argument(
        "--only", nargs="+", choices=[*SCRIPTS, *OTHERS], metavar="NAME", help="these scripts"
    )
    parser.add_argument("--text", type=Path, help="Tiny Shakespeare, for time_to_loss")
    parser.add_argument("--write", action="store_true", help="only write the page from what is kept")
    arguments = parser.parse_args()
    names = [] if arguments.write else (arguments.only or SCRIPTS)
    failed = [name for name in names if not run(name, arguments.quick, arguments.text)]
    print(f"wrote {write(arguments.quick).relative_to(ROOT)}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()

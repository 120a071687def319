"""What every script begins and ends with: its arguments, and an exit status that says whether it failed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from bench.pairs import FULL, QUICK, Effort
from bench.side import SideFailed


def arguments(doc: str | None, names: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: too short to mean anything")
    if names:
        parser.add_argument(
            "--only", nargs="+", choices=list(names), metavar="NAME", help=f"of {', '.join(names)}"
        )
    return parser


def effort(quick: bool) -> Effort:
    """Return how long and how often is measured."""
    return QUICK if quick else FULL


def run(main: Callable[[], None]) -> None:
    """Run a script; a side that fails is one line on standard error, and status 1."""
    try:
        main()
    except SideFailed as error:
        sys.exit(f"error: {error}")

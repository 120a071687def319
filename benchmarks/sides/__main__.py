"""One side of a comparison, driven through its standard input.

``python -m sides NAME SETTINGS`` builds ``sides.NAME.Side(SETTINGS)`` and says that it is ready. Then every
line names a method and a number: ``run 20`` does twenty steps, and answers with the seconds they took.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import time
from pathlib import Path

METHODS = ("run", "evaluate")


def main() -> None:
    """Build the side, say so, and do what every line asks for."""
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    module = importlib.import_module(f"sides.{name}")
    imported = _memory()
    side = module.Side(settings)
    # `check` is what the side computed from the start that all sides have in common.
    print(json.dumps({"threads": side.threads, "check": side.check, "imported": imported}), flush=True)
    for line in sys.stdin:
        method, argument = line.split()
        if method not in METHODS:
            raise SystemExit(f"a side has no method {method!r}: one of {', '.join(METHODS)}")
        began = time.perf_counter()
        value = getattr(side, method)(int(argument))
        print(json.dumps({"seconds": time.perf_counter() - began, "value": value}), flush=True)


def _memory() -> int:
    """Return the bytes of this process now: the interpreter and what was imported."""
    rollup = Path("/proc/self/smaps_rollup")
    found = re.search(r"^Pss:\s+(\d+) kB", rollup.read_text(), re.MULTILINE) if rollup.exists() else None
    return int(found.group(1)) * 1024 if found else 0


if __name__ == "__main__":
    main()

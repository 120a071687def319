"""One side of a comparison, driven through its standard input: a number of steps in, seconds out."""

from __future__ import annotations

import importlib
import json
import sys
import time


def main() -> None:
    """Build the side, say so, and run it for every line that comes."""
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    side = importlib.import_module(f"sides.{name}").Side(settings)
    side.run(1)
    print(json.dumps({"threads": side.threads}), flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        value = side.run(int(line))
        print(json.dumps({"seconds": time.perf_counter() - began, "value": value}), flush=True)


if __name__ == "__main__":
    main()

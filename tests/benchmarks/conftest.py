"""The scripts are beside the package: their folder is put on the path as Python does when it runs one."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

FAKE = """
import json, sys
name, settings = sys.argv[1], json.loads(sys.argv[2])
turns = list(settings["seconds"])  # what a step takes in each turn; the last goes on
print(json.dumps({"threads": 1, "check": settings.get("check", [1.0]), "imported": 0}), flush=True)
for line in sys.stdin:
    method, n = line.split()
    step = turns.pop(0) if len(turns) > 1 else turns[0]
    if step is None:
        sys.exit(1)
    with open(settings["log"], "a") as log:
        log.write(name + " " + n + "\\n")
    print(json.dumps({"seconds": step * int(n), "value": 0.0}), flush=True)
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Return what makes a side that takes the time it is told to say, and writes down its turns."""
    from bench import side as side_module
    from bench.side import Side

    monkeypatch.setattr(side_module, "PAUSE", 0.001)
    program, sides = tmp_path / "fake.py", []
    program.write_text(FAKE)

    def make(name, *seconds, label="", **settings):
        settings = {"seconds": seconds, "log": str(tmp_path / "log"), **settings}
        side = Side(name, "", settings, label, command=[sys.executable, "-S", str(program), name])
        sides.append(side)
        return side

    make.log = tmp_path / "log"
    yield make
    for side in sides:
        side.close()

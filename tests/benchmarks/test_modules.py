"""Every script and side of the benchmarks can be loaded, also without the rival: nothing has moved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.small import CHILD_ENV

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = [path.stem for path in sorted(BENCHMARKS.glob("*.py"))]
MODULES += [f"sides.{path.stem}" for path in sorted((BENCHMARKS / "sides").glob("elman_*.py"))]


@pytest.mark.parametrize("several", [MODULES[::2], MODULES[1::2]], ids=["one-half", "the-other"])
def test_modules_can_be_loaded(several: list[str]) -> None:
    lines = "import sys\nsys.modules['torch'] = None\n" + "".join(f"import {name}\n" for name in several)
    done = subprocess.run(
        [sys.executable, "-c", lines], env=CHILD_ENV, cwd=BENCHMARKS, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

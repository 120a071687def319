"""The files that the sides of a contest start from, in a folder that lasts as long as the contest."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.environment import BENCHMARKS, free_environment
from bench.side import SideFailed
from bench.workloads import Workload


@contextmanager
def prepared(workload: Workload, *whats: str, more: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Draw the parameters, and make `whats` of them ("onnx"); yield the settings of the sides."""
    with tempfile.TemporaryDirectory(prefix="elman-bench-") as folder:
        files = {"folder": folder, "params": str(Path(folder) / "params.safetensors")}
        settings = {**workload.settings(**files), **(more or {})}
        for what in ("params", *whats):
            prepare(what, settings, folder)
        yield settings


def prepare(what: str, settings: dict[str, Any], folder: str) -> None:
    """Run ``sides.prepare``, which is talkative: what it says is shown only where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "sides.prepare", what, json.dumps(settings), folder],
        cwd=BENCHMARKS, env=free_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise SideFailed(f"{what} could not be prepared:\n{done.stdout}")

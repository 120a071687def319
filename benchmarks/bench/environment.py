"""The environment that every side runs in, and the machine as the page describes it."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
# Each of these can hold a library back, or name the kernels it uses: both sides run without any.
UNSET = ("OPENBLAS_", "GOTO_", "OMP_", "MKL_", "KMP_", "DNNL_", "ONEDNN_", "ATEN_", "TORCH_", "ORT_", "NPY_")


def free_environment() -> dict[str, str]:
    """Return the environment without what would hold a numerical library back."""
    return {name: value for name, value in os.environ.items() if not name.startswith(UNSET)}


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_counts() -> list[int]:
    """Return the numbers of threads that a rival may choose from: powers of two, and all cores."""
    counts = [1]
    while counts[-1] * 2 < cores():
        counts.append(counts[-1] * 2)
    return sorted({*counts, cores()})


def in_words(threads: int) -> str:
    """Return "1 thread", "2 threads" and so on."""
    return f"{threads} thread{'s' if threads > 1 else ''}"


@lru_cache
def machine() -> dict[str, Any]:
    """Say what is measured on, as a process in the free environment sees it."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.environment"], cwd=BENCHMARKS, env=free_environment(), check=True,
        text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def look() -> dict[str, Any]:
    """Describe the machine and the versions from within this process."""
    import numpy as np
    from threadpoolctl import threadpool_info

    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    blas: dict[str, Any] = next((info for info in threadpool_info() if info["user_api"] == "blas"), {})
    return {
        "processor": model.group(1) if model else platform.processor(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('internal_api')} {blas.get('version')}, {blas.get('architecture')} kernels",
        "elman": _version("elman"),
        "commit": _commit(),
        "torch": _version("torch"),
        "onnxruntime": _version("onnxruntime"),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the short name of the commit, with a mark where the source differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


if __name__ == "__main__":
    print(json.dumps(look()))

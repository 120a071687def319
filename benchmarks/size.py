"""How large is an installation? Fresh virtual environments, everything included.

    python benchmarks/size.py [--quick] [--torch-index URL]

Installs elman from this working tree into one environment, and PyTorch (the build without CUDA) with NumPy
into another; ONNX Runtime with NumPy, which only infers, into a third. The environments have no pip of their
own, so that each holds what its package brings and no more, compiled bytecode included. On Linux the package
index serves a PyTorch with CUDA: say with --torch-index where the build for processors is, or have pip
configured so. --quick measures elman alone, against the PyTorch that is installed beside this Python. Keeps
benchmarks/results/size.json.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from bench import script
from bench.environment import ROOT
from bench.kept import keep, show
from bench.side import SideFailed
from bench.targets import row

TORCH = "torch==2.13.0+cpu" if sys.platform == "linux" else "torch==2.13.0"
LABELS = {"PyTorch": "without CUDA", "ONNX Runtime": "infers only"}
MB = 1e6
LARGEST = 5  # folders that are listed


def installed(packages: list[str], index: str | None = None) -> dict[str, Any]:
    """Install packages into a fresh environment; return its size and its largest folders, in MB."""
    with tempfile.TemporaryDirectory(prefix="elman-bench-") as folder:
        environment = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *packages]
        command += ["--extra-index-url", index] if index else []
        done = subprocess.run(command, text=True, stderr=subprocess.PIPE)
        if done.returncode:
            raise SideFailed(f"pip could not install {' '.join(packages)}:\n{done.stderr}")
        site = next(environment.glob("**/site-packages"))
        parts = {part.name: size(part) / MB for part in site.iterdir()}
        largest = sorted(parts.items(), key=lambda part: -part[1])[:LARGEST]
        return {"total": size(environment) / MB, "largest": largest}


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; links are not followed."""
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_symlink() or file.is_file())


def beside_this_python(package: str) -> dict[str, Any]:
    """Return the size of a package that is installed here, without what it needs."""
    files = distribution(package).files or []
    places = [Path(str(file.locate())) for file in files]
    total = sum(place.stat().st_size for place in places if place.exists())
    return {"total": total / MB, "largest": [(package, total / MB)]}


def main() -> None:
    """Install, measure, print and keep."""
    parser = script.arguments(__doc__)
    parser.add_argument("--torch-index", metavar="URL", help="where pip finds PyTorch without CUDA")
    arguments = parser.parse_args()
    found = {"elman": installed([str(ROOT)])}
    if arguments.quick:
        found["PyTorch"] = beside_this_python("torch")
    else:
        found["PyTorch"] = installed([TORCH, "numpy"], arguments.torch_index)
        found["ONNX Runtime"] = installed(["onnxruntime", "numpy"])
    ratio = found["PyTorch"]["total"] / found["elman"]["total"]
    figures = {
        "sides": [
            {"name": name, "label": LABELS.get(name, ""), "threads": None, "values": [one["total"]],
             **dict.fromkeys(("median", "low", "high"), one["total"]), "largest": one["largest"]}
            for name, one in found.items()
        ],
        "rival": {"name": "PyTorch", "label": LABELS["PyTorch"], "threads": None},
        "ratio": dict.fromkeys(("median", "low", "high"), ratio),
    }  # fmt: skip
    rows = [row("size/installed", "a fresh virtual environment", "MB", figures)]
    show(rows)
    for name, one in found.items():
        print(f"  {name}: " + ", ".join(f"{part} {megabytes:.1f}" for part, megabytes in one["largest"]))
    keep("size", {"rows": rows}, arguments.quick)


if __name__ == "__main__":
    script.run(main)

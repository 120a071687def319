"""What to do where a run was expected and there is none."""

from __future__ import annotations

from pathlib import Path

FRAMEWORKS = {
    ".safetensors": "torch",
    ".pt": "torch",
    ".pth": "torch",
    ".keras": "keras",
    ".h5": "keras",
}
"""The framework whose models ``elman import`` reads from files of such a name."""


def how_to_make_one(path: Path) -> str:
    """Return the end of a sentence that says there is no run at a path, which is no directory.

    >>> how_to_make_one(Path("nowhere"))
    '; elman train --out nowhere makes one'
    """
    suffix = path.suffix.lower()
    framework = FRAMEWORKS.get(suffix)
    if not path.is_file():
        file = framework is not None or suffix == ".onnx"
        return ", nor a file" if file else f"; elman train --out {path} makes one"
    if framework is not None:
        return f", which is a file; make one of its model: elman import {framework} {path} --out RUN"
    if suffix == ".onnx":
        return ", which is a file; ONNX models are run from Python: elman.interop.onnx.Backend"
    return f", which is a file; train on it first: elman train {path}"

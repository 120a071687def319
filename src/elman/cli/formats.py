"""``elman import`` and ``elman export`` without a format: which command was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperGroup

from elman.cli.advice import as_argument
from elman.errors import ConfigError


class ImportFormats(TyperGroup):
    """The formats of ``elman import``; a file in the place of one is told from its name."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or say which reads the file that stands in its place."""
        if args and self.get_command(ctx, args[0]) is None:
            _check_import(args[0])
        return super().resolve_command(ctx, args)


class ExportFormats(TyperGroup):
    """The formats of ``elman export``; a run or a file in the place of one is told from its name."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or say how one is given."""
        if args and self.get_command(ctx, args[0]) is None:
            _check_export(args[0])
        return super().resolve_command(ctx, args)


def _check_import(given: str) -> None:
    from elman.storage.absent import FRAMEWORKS

    path = Path(given)
    suffix = path.suffix.lower()
    if "onnx" in (suffix.removeprefix("."), given.lower()):
        raise ConfigError(
            "ONNX models are not imported: elman.interop.onnx.Backend runs them from Python, and elman info "
            "FILE.onnx tells what is in one"
        )
    if suffix in FRAMEWORKS:
        raise ConfigError(
            f"give the format before the file: elman import {FRAMEWORKS[suffix]} {as_argument(path)} "
            "--out RUN"
        )
    if path.exists() or len(path.parts) > 1:
        raise ConfigError(
            f"give the format before the file: elman import torch {as_argument(path)} --out RUN, or "
            f"elman import keras {as_argument(path)} --out RUN"
        )


def _check_export(given: str) -> None:
    from elman.storage.absent import FRAMEWORKS

    path = Path(given)
    if path.is_dir():
        run = as_argument(path)
        raise ConfigError(
            f"give the format before the run: elman export onnx {run}, elman export torch {run} or elman "
            f"export keras {run}"
        )
    framework = {**FRAMEWORKS, ".onnx": "onnx"}.get(path.suffix.lower())
    if framework is not None:
        raise ConfigError(
            f"give the format and the run before the file: elman export {framework} RUN --out "
            f"{as_argument(path)}"
        )
    if path.exists() or len(path.parts) > 1:
        raise ConfigError(
            f"{given} is no format, and no run: give both, such as elman export onnx RUN (or torch, or keras)"
        )

"""What every ``elman export`` has in common: the file that is written where none is named."""

from __future__ import annotations

from pathlib import Path


def target_of(run: Path, out: Path | None, suffix: str) -> Path:
    """Return the file to write: the one that was named, or one beside the run, by the run's name."""
    if out is not None:
        return out
    beside = run if run.name not in ("", "..") else run.resolve()
    return beside.with_name(f"{beside.name}{suffix}")

"""Pages that commands write: one file each."""

from __future__ import annotations

import os
from pathlib import Path

from elman.errors import ConfigError


def check_page(path: Path | None) -> None:
    """Refuse a page that cannot be written, before the work is done."""
    if path is None:
        return
    if path.is_dir():
        raise ConfigError(f"{path} is a folder: name a file, such as {path / 'page.html'}")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent} to write {path.name} in: make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{path} cannot be written: name another file")


def write_page(path: Path, page: str) -> str:
    """Write a page; return its name and size, to tell."""
    data = page.encode()
    path.write_bytes(data)
    return f"{path} ({len(data) / 1e6:.1f} MB)"

"""Settings in TOML: read, typed as their fields are, and written."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from elman.errors import ConfigError

_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


def typed(name: str, annotation: Any, value: Any) -> Any:
    """Return value as the annotation demands; a whole number will do for a float, and nothing else bends."""
    kind = str(annotation).removesuffix(" | None")
    if kind == "list[str]":
        values = [value] if isinstance(value, str) else value
        if isinstance(values, list) and all(isinstance(item, str) for item in values):
            return values
        raise ConfigError(f"{name} must be a list of strings, not {value!r}")
    if value is None and str(annotation).endswith("| None"):
        return None
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not _TYPES[kind]:
        raise ConfigError(f"{name} must be of type {kind}, not {value!r}")
    return value


def toml_value(value: Any) -> str:
    """Return a setting as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    # JSON's strings, numbers and lists of strings are also TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raise ConfigError with its path if it is missing or malformed."""
    try:
        return parse_toml(path.read_bytes().decode("utf-8"), path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def parse_toml(text: str, where: object) -> dict[str, Any]:
    """Return what a text in TOML says; raise ConfigError that says where it is malformed."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not valid TOML: {error}") from error

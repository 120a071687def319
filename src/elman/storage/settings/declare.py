"""How a setting is declared: its default, the group and line of its help, the values allowed."""

from __future__ import annotations

from dataclasses import field
from typing import Any

SEEDS = 2**63
"""Seeds are smaller: NumPy and TOML readers elsewhere hold them in 64 bits with a sign."""


def setting(default: Any, group: str, text: str, low: float | None = None, **extra: Any) -> Any:
    """Declare a setting.

    Parameters
    ----------
    default : object
        Its value where none is given.
    group, text : str
        The heading and the line of its help.
    low : float, optional
        The least value allowed.
    **extra
        ``above`` and ``below``: what the value must be greater and less than; ``choices``: the words allowed;
        ``flag``: False where the command line has no flag for it; ``also``: another flag for it.
    """
    metadata = {"group": group, "help": text, "low": low, **extra}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)

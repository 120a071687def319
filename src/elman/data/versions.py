"""The version that every JSON file of this room carries."""

from typing import Any

from elman.errors import CheckpointError


def check_version(found: Any, known: int, what: str, remedy: str) -> None:
    """Raise CheckpointError unless `what` has the version this elman writes; `remedy` says what to do."""
    if isinstance(found, int) and found > known:
        raise CheckpointError(
            f"{what} was made by a newer elman (format {found}; this one reads up to {known}): upgrade elman"
        )
    if found != known or isinstance(found, bool):
        raise CheckpointError(f"{what} has format {found!r} where {known} was expected: {remedy}")

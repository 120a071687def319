"""The prepared text of a run, which lies outside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elman.errors import CheckpointError

if TYPE_CHECKING:  # a model is read without the text
    from elman.data import Corpus


def prepared_of(run: Path, folder: Path, checksum: str | None) -> Corpus:
    """Open the prepared text of a run.

    Parameters
    ----------
    run : Path
        The run, for messages.
    folder : Path
        Where the text should be.
    checksum : str
        Of its index, as the run has kept it.

    Raises
    ------
    CheckpointError
        If it is missing or damaged, or not the one that the run was begun with.
    """
    from elman.data.shards import index_checksum, open_prepared

    if not folder.is_dir():
        raise CheckpointError(
            f"the text of {run} is not at {folder}: if it lies elsewhere now, go on by "
            f"elman train --resume {run} --data FOLDER"
        )
    if index_checksum(folder) != checksum:
        raise CheckpointError(
            f"{folder} is not the text that {run} was begun with: its index has another checksum; "
            "restore it, or begin a new run"
        )
    return open_prepared(folder)

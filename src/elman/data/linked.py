"""A corpus in a second folder, without a second copy of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from elman.data.corpus import Corpus
from elman.errors import DataError


def link_corpus(folder: Path, out: Path) -> Corpus:
    """Give the files of an encoded text a second name each, in another folder.

    They are never written again, so that both folders stay as they are, and either can be removed. Where
    the file system has no such names, the files are copied.

    Parameters
    ----------
    folder : Path
        Where `encode_corpus` put them.
    out : Path
        The other folder, which is made.

    Returns
    -------
    Corpus

    Raises
    ------
    DataError
        If a file cannot be linked or copied.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        # corpus.json comes last: without it the others are nothing.
        for path in sorted(folder.iterdir(), key=lambda path: path.name == "corpus.json"):
            if path.name.startswith("."):
                continue
            try:
                (out / path.name).hardlink_to(path)
            except OSError:
                shutil.copyfile(path, out / path.name)
    except OSError as error:
        raise DataError(f"cannot write the encoded text to {out}: {error.strerror or error}") from None
    return Corpus.open(out)

"""Whether what was given as a text can be one, before anything is read."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from elman.data.sources import TEXTS, SourceLike, Text, items_of, texts_in, unreadable
from elman.errors import ConfigError


def check_given(text: Any) -> Text | list[str | os.PathLike[str]]:
    """Return what can be read as a text: a Text, or a list of paths.

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    if isinstance(text, Text):
        return text
    paths = list(text) if isinstance(text, (list, tuple)) else [text]
    if paths and all(isinstance(path, (str, os.PathLike)) for path in paths):
        return paths
    raise ConfigError(f"a text is a path, a list of paths, or an elman.Text, not {text!r:.60}")


def check_sources(given: SourceLike | Iterable[SourceLike], wanted: str = TEXTS) -> None:
    """Raise the error of `open_sources` for what is plainly not there, and read nothing.

    Standard input and pipes can be read only once, and are left alone.

    Parameters
    ----------
    given : path, Text, or iterable of them
        As for `open_sources`.
    wanted : str
        What to give in place of a file that is not there, for the message.

    Raises
    ------
    DataError
        Where a file or folder is missing or cannot be opened.
    """
    for item in items_of(given):
        if isinstance(item, Text) or item == "-":
            continue
        path = Path(item)
        try:
            kind = path.stat().st_mode
            if stat.S_ISREG(kind):
                path.open("rb").close()
            elif stat.S_ISDIR(kind):
                os.scandir(path).close()
        except (OSError, ValueError) as error:
            raise unreadable(path, error, wanted) from None


def state_of(paths: Iterable[str]) -> list[tuple[str, int, int]]:
    """Return each file by its full path, its size and the time it was last changed, those of folders too.

    Raises
    ------
    DataError
        Where one is missing.
    """
    found = []
    for path in map(Path, paths):
        try:
            for file in texts_in(path) if path.is_dir() else [path]:
                status = file.stat()
                found.append((str(file.resolve()), status.st_size, status.st_mtime_ns))
        except OSError as error:
            raise unreadable(path, error) from None
    return found

"""Commands to type next, that run as they are printed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from itertools import takewhile
from pathlib import Path


def prompt_from(text: str) -> str:
    """Return a few words from the beginning of a text, quoted for a shell; "" if it has no word.

    The first begins with a letter or digit, so that no command takes it for an option; none has a backslash,
    which a prompt reads as the beginning of a line end.

    >>> prompt_from("- item [one] of\\ttwo")
    "'item [one]'"
    """
    for line in text.splitlines():
        words = line.split(" ")
        for first, word in enumerate(words):
            if word[:1].isalnum() and _is_plain(word):
                start = " ".join(takewhile(_is_plain, words[first : first + 3]))
                return shlex.quote(start[:24].strip())
    return ""


def _is_plain(word: str) -> bool:
    return word.isprintable() and "\\" not in word


def as_argument(path: Path) -> str:
    """Return a path quoted for a shell, so that no command takes it for an option."""
    name = str(path)
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def program() -> str:
    """Return what to type for this program: as it was called, where its name alone would not find it."""
    from elman.ranks.launch import MARK

    called = Path(os.environ.get(MARK) or sys.argv[0])
    if called.name == "__main__.py":
        return f"{Path(sys.executable).name} -m elman"
    found = shutil.which(called.name)
    on_path = found is not None and called.exists() and Path(found).samefile(called)
    return called.name if on_path or called.parent == Path() else shlex.quote(str(called))

"""The command line: train, use, look."""

from __future__ import annotations

import io
import os
import sys
import time
from typing import Any

from elman.errors import ElmanError, LeaderError

LAST_WORDS = 3.0
"""Seconds that the first of several ranks is given to say what went wrong."""

COMMANDS = (
    "train", "sweep", "evaluate", "generate", "next", "score", "rerank", "explain", "gradcheck", "info",
    "plot", "inspect", "doctor", "data", "import", "export",
)  # fmt: skip


def main() -> None:
    """Run the ``elman`` command: an error is one line on standard error, and status 2."""
    import typer

    from elman.cli.app import app

    # Typer carries Click's exceptions within it or beside it, by its version.
    complaint: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows a question mark
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except LeaderError:
        time.sleep(LAST_WORDS)  # or the engine would end the first rank before it has said why
        sys.exit(2)
    except ElmanError as error:
        _fail(str(error), 2)
    except complaint as error:
        # `elman` alone has shown its help, and leaves no message.
        message = error.format_message().removesuffix(".")
        _fail(f"{message}; see elman{_command(error)} --help" if message else "give a command", 2)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone; what is left in the buffer must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError as error:  # NumPy says how much was asked for, and for which array
        _fail(f"not enough memory ({str(error) or 'it ran out'}): give smaller sizes", 2)
    except UnicodeEncodeError as error:
        _fail(f"{error.object!a:.60} cannot be written as {error.encoding}: give valid Unicode", 2)
    except OSError as error:  # such as a picture in a folder that is not there
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror or error}", 2)


def _command(complaint: Any) -> str:
    """Return the words of the command that was complained of, such as " import torch"."""
    context = getattr(complaint, "ctx", None)
    if context is None:
        return next((f" {word}" for word in sys.argv[1:] if word in COMMANDS), "")
    words = []
    while context.parent is not None:  # the outermost is the program
        words.append(context.info_name)
        context = context.parent
    return "".join(f" {word}" for word in reversed(words))


def _fail(message: str, status: int) -> None:
    # Words of a file may be in it, whose control characters are not for the terminal.
    line = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    print(f"elman: {line}", file=sys.stderr)
    sys.exit(status)

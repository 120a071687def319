"""Plant a bug in a copy of the plain implementation."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from elman.insight import reference

SOURCE = Path(reference.__file__).parent

LSTMS = ("lstm", "lstm-peephole", "lstm-coupled")
GATED = (*LSTMS, "gru", "gru-before", "mgu")
CELLS = ("rnn-tanh", "rnn-relu", *GATED)
SCANNED = ("indrnn", "mingru", "minlstm", "sru")
"""Cells without W: bugs in it, and blames on it, are not theirs."""


@dataclass(frozen=True)
class Mutant:
    """A bug, as text to replace in one file, and what a report on it must say.

    `blames` are arrays that must fail and `spares` arrays that must pass; `problem` is part of a line that
    the report must hold about the function as a whole.
    """

    bug: str
    file: str
    changes: tuple[tuple[str, str], ...]
    blames: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()
    problem: str = ""
    cells: tuple[str, ...] = CELLS
    kind: str = "window"

    @property
    def name(self) -> str:
        """The bug, as the name of a test."""
        return self.bug.replace(" ", "-")


@contextmanager
def planted(mutant: Mutant, folder: Path) -> Iterator[ModuleType]:
    """Give the plain implementation with the bug in it, imported from a copy under a name of its own."""
    copy = folder / "planted"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    for old, new in mutant.changes:
        assert text.count(old) == 1, f"{mutant.bug}: {text.count(old)} places in {mutant.file} read {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(
        "planted", copy / "__init__.py", submodule_search_locations=[str(copy)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "planted"]:
            del sys.modules[name]

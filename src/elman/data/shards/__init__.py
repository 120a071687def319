"""Large texts: encoded by many processes to many files, of which each process reads those it needs.

``prepare`` is where to begin: it deals the work out (``plan``, ``cuts``) to processes (``pool``, ``child``)
that do it (``work``), adds up what they counted (``tally``), and writes the index (``index``) that makes of
the files a corpus. Names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.data.shards.check import check_corpus
    from elman.data.shards.index import index_checksum, open_prepared
    from elman.data.shards.prepare import prepare_corpus

__all__ = ["check_corpus", "index_checksum", "open_prepared", "prepare_corpus"]

_HOME_OF = {
    "check_corpus": "check",
    "index_checksum": "index",
    "open_prepared": "index",
    "prepare_corpus": "prepare",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return value

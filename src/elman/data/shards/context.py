"""What all stages of preparing a text share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from elman.data.builder import Builder
from elman.data.registry import load_tokenizer
from elman.data.shards.plan import Plan
from elman.data.shards.pool import Pool
from elman.data.shards.work import checksum
from elman.data.shards.workplace import LEARNT, Workplace
from elman.data.tokenize import Tokenizer
from elman.disk.atomic import write_atomic
from elman.errors import CheckpointError

Report: TypeAlias = Callable[[str, int, int], None]
"""Is told what is being done, how many of these are done, and of how many."""


@dataclass
class Context:
    """What all stages of preparing a text share.

    Attributes
    ----------
    place : Workplace
        Where it is done.
    plan : Plan
        What is done.
    kind : type of Tokenizer
    fractions : tuple of 3 floats
        How the text is split, where the parts are not separate.
    chunk : int
        Bytes read at a time.
    pool : Pool
        What the work is dealt out to.
    report : callable
        Told how far it has come.
    chosen : Tokenizer or None
        What gives final ids, once it is known.
    """

    place: Workplace
    plan: Plan
    kind: type[Tokenizer]
    fractions: tuple[float, float, float]
    chunk: int
    pool: Pool
    report: Report
    chosen: Tokenizer | None = None

    @property
    def documents(self) -> str:
        """What counts as a document."""
        return str(self.plan.settings["documents"])

    @property
    def lines_only(self) -> bool:
        """Whether shards begin behind line ends alone, as documents do."""
        return self.documents in ("line", "blank")

    @property
    def learnt(self) -> Path:
        """The file of what was learnt before any text is encoded."""
        return self.place.work / LEARNT

    @property
    def tokenizer(self) -> Path:
        """The file of the tokenizer that was chosen."""
        return self.place.work / "tokenizer.json"

    def builder(self) -> Builder | None:
        """A builder of the settings, with what was learnt if it was; None where there is nothing to build."""
        if self.plan.settings["tokenizer"] is not None:
            return None
        names = ("max_vocab", "min_count", "lowercase")
        found = self.kind.builder(**{name: self.plan.settings[name] for name in names})
        if found is not None and found.learns and self.learnt.exists():
            found.know(load_tokenizer(self.learnt))
        return found

    def choose(self, tokenizer: Tokenizer) -> None:
        """Take note of the tokenizer that gives final ids."""
        write_atomic(self.tokenizer, tokenizer.to_bytes())
        self.place.write("chosen.json", {"sha256": checksum(self.tokenizer)})
        self.chosen = tokenizer

    def recall(self) -> None:
        """Take up the tokenizer that was chosen, if one was, and its file is whole."""
        kept = self.place.read("chosen.json")
        with suppress(OSError, CheckpointError):
            if isinstance(kept, dict) and kept.get("sha256") == checksum(self.tokenizer):
                self.chosen = load_tokenizer(self.tokenizer)

    def work(
        self, what: str, job: str, orders: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Have some work done, as of `Pool.run`; orders get what all have in common."""
        whole = [{**self._common(), **order} for order in orders]
        if whole:
            self.report(what, 0, len(whole))
        for done, answered in enumerate(self.pool.run(job, whole), start=1):
            yield answered
            self.report(what, done, len(whole))

    def _common(self) -> dict[str, Any]:
        settings = self.plan.settings
        return {
            "folder": str(self.place.work), "out": str(self.place.out), "chunk": self.chunk,
            "tokens": self.kind.name, "documents": self.documents, "lines_only": self.lines_only,
            **{name: settings[name] for name in ("max_vocab", "min_count", "lowercase")},
            "learnt": str(self.learnt) if self.learnt.exists() else None,
            "tokenizer": str(self.tokenizer) if self.chosen is not None else None,
        }  # fmt: skip

"""The stages from text to shards, each of which goes on from what is there of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.corpus import id_type
from elman.data.encode import all_one
from elman.data.shards.context import Context
from elman.data.shards.dealing import Dealing
from elman.data.shards.plan import stems
from elman.data.shards.tally import add_up
from elman.data.shards.work import COUNT_TYPE
from elman.data.writing import no_tokens

Record = dict[str, Any]
"""What is known of a shard that was encoded, or is done; as JSON."""


class Stages:
    """What is done to the shards of a text, in the order of the methods.

    Parameters
    ----------
    context : Context
    dealing : Dealing
        Which bytes are of which shard.

    Attributes
    ----------
    ranges : dict of str to list
        As of `Dealing`.
    stems : dict of str to list of str
        The names of the files of each shard of each part, without their endings.
    records : dict of str to dict
        What is known of each shard, by its stem.
    """

    def __init__(self, context: Context, dealing: Dealing) -> None:
        self._context, self._dealing = context, dealing
        self.ranges = dealing.ranges
        self.stems = {part: stems(part, len(shards)) for part, shards in self.ranges.items()}
        self.records: dict[str, Record] = {}

    def look(self) -> None:
        """Find out what has been done: what there is a record of, if the checksums of its files are right."""
        place, found = self._context.place, dict[str, Record]()
        for stem in (stem for some in self.stems.values() for stem in some):
            record = place.read(f"{stem}.json")
            if record and (record["runs"] or self._context.chosen):
                found[stem] = record  # final ids are of a tokenizer, and without that one of none
        names, orders = list(found), []
        for record in found.values():
            folder = place.out if record["stage"] == "done" else place.work
            orders.append({"sha256": {str(folder / name): found for name, found in record["sha256"].items()}})
        for number, answer in self._context.work("checking", "verify", orders):
            if any(answer["found"].values()):
                del found[names[number]]
        self.records = found

    def encode(self) -> None:
        """Encode the shards that are not."""
        place, sources = self._context.place, self._dealing.sources
        orders: list[dict[str, Any]] = []
        for part, some in self.stems.items():
            for stem, shard in zip(some, self.ranges[part], strict=True):
                if stem in self.records:
                    continue
                place.drop(stem)
                ranges = [
                    [number, sources[number].name, str(sources[number].path), start, stop, begins]
                    for number, start, stop, begins in shard
                ]
                orders.append({"stem": stem, "ranges": ranges})
        for number, answer in self._context.work("encoding", "encode", orders):
            self._know(orders[number]["stem"], {**answer, "stage": "encoded"})

    def choose(self) -> None:
        """Choose the vocabulary from what was counted in all shards of the training part."""
        context = self._context
        for part, some in self.stems.items():
            if not sum(self.records[stem]["tokens"] for stem in some):
                raise no_tokens(part, self._dealing.segments[part])
        if context.chosen is not None:
            return
        builder = context.builder()
        assert builder is not None  # or the tokenizer would be known
        tallies = [
            context.place.work / f"{stem}.tally{number}"
            for stem in self.stems["train"]
            for number in range(len(self.records[stem]["runs"]))
        ]
        context.report("choosing", 0, 1)
        context.choose(builder.choose(add_up(tallies, context.place.work)))
        context.report("choosing", 1, 1)

    def finish(self) -> None:
        """Turn provisional ids into final ones, and put the files in their place."""
        context, orders = self._context, []
        assert context.chosen is not None
        wanted = id_type(context.chosen.vocab_size)
        for part, some in self.stems.items():
            records = [self.records[stem] for stem in some]
            added = adds(records) if context.documents == "file" else [0] * len(records)
            for stem, record, skipped, more in zip(some, records, skips(records), added, strict=True):
                if record["stage"] == "encoded":
                    order = {name: record[name] for name in ("runs", "dtype")}
                    order |= {"stem": stem, "size": record["tokens"], "wanted": wanted}
                    order |= {"skipped": skipped, "added": more}
                    order |= {"chosen": str(context.tokenizer), "count": part == "train"}
                    orders.append(order)
        for number, answer in context.work("finishing", "finish", orders):
            order = orders[number]
            stem = order["stem"]
            encoded = list(self.records[stem]["sha256"])
            record = {**self.records[stem], **answer, "stage": "done", "dtype": wanted, "runs": []}
            if record["documents"] is not None:
                record["documents"] += order["added"] - order["skipped"]
            self._know(stem, record)
            for name in encoded:
                (context.place.work / name).unlink(missing_ok=True)

    def count(self) -> NDArray[np.int64] | None:
        """How often each id occurs in the training part, shape (K,); None where there is none."""
        context = self._context
        assert context.chosen is not None
        if "train" not in self.stems:
            return None
        size = context.chosen.vocab_size
        paths = {stem: context.place.work / f"{stem}.counts" for stem in self.stems["train"]}
        orders = [
            {"stem": stem, "size": self.records[stem]["tokens"], "vocab_size": size, "wanted": id_type(size)}
            for stem, path in paths.items()
            if not _counts_all(path, size, self.records[stem]["tokens"])
        ]
        for _ in context.work("counting", "count", orders):
            pass
        total = np.zeros(size, np.int64)
        for path in paths.values():
            total += np.fromfile(path, COUNT_TYPE)
        used = np.flatnonzero(total)
        if used.size < 2 and context.plan.settings["tokenizer"] is None:
            raise all_one(context.chosen, int(used[0]))
        return total

    def _know(self, stem: str, record: Record) -> None:
        self._context.place.write(f"{stem}.json", record)
        self.records[stem] = record


def _counts_all(path: Path, size: int, tokens: int) -> bool:
    """Whether a file has counts of so many ids that add up to so many tokens, as it has where it is whole."""
    if not path.exists() or path.stat().st_size != size * COUNT_TYPE.itemsize:
        return False
    return int(np.fromfile(path, COUNT_TYPE).sum()) == tokens


def skips(records: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many of the starts found in each shard of a part are none, seen from the shard before: 0 or 1.

    Where documents are what blank lines separate, the first start that was found behind the beginning of a
    shard is one only if its source had text before, and a blank line before it.

    Parameters
    ----------
    records : sequence of mapping
        Of the shards of a part, in their order.
    """
    found = []
    has_text = after_blank = False  # of the source up to here, and of the line before
    for lines in (record["lines"] for record in records):
        candidate = lines["candidate"]
        counts = candidate is None or (has_text and (after_blank or candidate > 0))
        found.append(0 if counts else 1)
        has_text = lines["has_text"] or (has_text and not lines["begun"])
        after_blank = lines["after_blank"]
    return found


def adds(records: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many starts each shard of a part lacks, seen from the shard before: 0 or 1.

    Where a source is a document, and was cut before its first token, which white space or a byte-order mark
    may stand before, it starts with the first token of a later shard.

    Parameters
    ----------
    records : sequence of mapping
        Of the shards of a part, in their order.
    """
    found, waits = [], False
    for lines in (record["lines"] for record in records):
        has_tokens = lines["opens"] is not None
        found.append(int(waits and lines["opens"] is False))
        waits = lines["waits"] or (waits and not has_tokens)
    return found

"""What one process does of the preparing of a text. Orders and answers are JSON."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from elman.data.builder import Builder
from elman.data.corpus import ID_TYPES, START_TYPE
from elman.data.feeding import feed
from elman.data.registry import TOKENIZERS, load_tokenizer
from elman.data.shards.cuts import cuts_by_pieces
from elman.data.shards.files import FileSource, unpack
from elman.data.shards.tally import symbols_of, write_tally
from elman.data.split import Segment
from elman.data.tokenize import Tokenizer
from elman.data.writing import PartWriter

SPILL = 1 << 19
"""Symbols that a process has in memory, with their counts, before it writes them down and begins anew."""

COUNT_TYPE: "np.dtype[Any]" = np.dtype("<i8")

_BLOCK = 1 << 18  # ids in memory at a time


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tokenizer_at(path: str) -> Tokenizer:
    """A tokenizer in a file, which is read anew where that is another: a process is asked for many shards."""
    status = Path(path).stat()
    return _load(path, status.st_ino, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _load(path: str, *status: int) -> Tokenizer:
    return load_tokenizer(path)


def maker_of(order: Mapping[str, Any]) -> Tokenizer | Builder:
    """What makes ids: the tokenizer that was chosen, if one was, or else a builder."""
    return builder_of(order) if order["tokenizer"] is None else tokenizer_at(order["tokenizer"])


def builder_of(order: Mapping[str, Any]) -> Builder:
    """A builder of the settings of an order, with what one has learnt, if that was anything."""
    settings = {name: order[name] for name in ("max_vocab", "min_count", "lowercase")}
    builder = TOKENIZERS[order["tokens"]].builder(**settings)
    assert builder is not None  # or the tokenizer would be known
    if order["learnt"] is not None:
        builder.know(tokenizer_at(order["learnt"]))
    return builder


def unpack_file(order: dict[str, Any]) -> dict[str, Any]:
    """Write the text of a compressed file to another."""
    target = Path(order["target"])
    half = target.with_suffix(".half")
    size = unpack(order["name"], Path(order["path"]), half)
    with half.open("rb") as file:
        os.fsync(file.fileno())  # by its name and size it is known to be whole
    half.replace(target)
    return {"size": size}


def find_cuts(order: dict[str, Any]) -> dict[str, Any]:
    """Find where a segment may be cut, by reading it."""
    name, path, start, stop = order["segment"]
    segment = Segment(FileSource(name, Path(path), 0), start, stop)
    maker = maker_of(order)
    return {"cuts": cuts_by_pieces(segment, order["aimed"], maker, order["lines_only"], order["chunk"])}


def encode_shard(order: dict[str, Any]) -> dict[str, Any]:
    """Encode a shard, to final ids where there is a tokenizer, else to provisional ones with tallies of them.

    Symbols get provisional ids as they appear, beginning anew with every tally: so memory is bounded.
    """
    folder, stem, maker = Path(order["folder"]), order["stem"], maker_of(order)
    tokenizer = maker if isinstance(maker, Tokenizer) else None
    runs: list[int] = []  # tokens that each tally counts
    sources: dict[int, FileSource] = {}
    continues = bool(order["ranges"]) and not order["ranges"][0][5]

    def spill(least: int) -> None:
        if isinstance(maker, Builder) and maker.seen > least:
            write_tally(folder / f"{stem}.tally{len(runs)}", *maker.counted())
            runs.append(writer.tokens - sum(runs))
            maker.clear()

    grows = isinstance(maker, Builder) and not maker.learns
    with PartWriter(folder, stem, order["documents"], tokenizer, continues=continues) as writer:
        for number, name, path, start, stop, begins in order["ranges"]:
            source = sources.setdefault(number, FileSource(name, Path(path), number))
            if begins:
                writer.begin_source()
            reads_bytes = TOKENIZERS[order["tokens"]].reads_bytes
            after = (lambda: spill(SPILL)) if grows else None
            feed(Segment(source, start, stop), maker, writer, reads_bytes, order["chunk"], after)
        spill(-1)
    files = [f"{stem}.ids", *(f"{stem}.tally{n}" for n in range(len(runs)))]
    files += [f"{stem}.starts"] if writer.wants_layout else []
    return {
        "tokens": writer.tokens, "chars": writer.chars, "bytes": writer.bytes, "written": writer.written,
        "unknown": writer.unknown, "dtype": writer.dtype, "runs": runs,
        "documents": writer.documents,
        "lines": {
            "begun": any(begins for *_, begins in order["ranges"]),
            "candidate": writer.finder.candidate,
            "after_blank": writer.finder.after_blank,
            "has_text": writer.finder.has_text,
            "opens": writer.finder.opens,
            "waits": writer.finder.waits,
        },
        "changed": {
            str(number): [source.dropped_mark, source.changed_ends]
            for number, source in sources.items() if source.dropped_mark or source.changed_ends
        },
        "sha256": {name: checksum(folder / name) for name in files},
    }  # fmt: skip


def finish_shard(order: dict[str, Any]) -> dict[str, Any]:
    """Make the ids of a shard final, and put its files in their place."""
    folder, out, stem = Path(order["folder"]), Path(order["out"]), order["stem"]
    tokenizer = tokenizer_at(order["chosen"])
    counts = np.zeros(tokenizer.vocab_size, np.int64)
    runs = list(_runs(order, tokenizer, counts))
    given, wanted, digest = ID_TYPES[order["dtype"]], ID_TYPES[order["wanted"]], hashlib.sha256()
    with (folder / f"{stem}.ids").open("rb") as source, (folder / f"{stem}.final").open("wb") as target:
        for size, table in runs:
            for ids in _blocks(source, given, size):
                if table is None:
                    counts += np.bincount(ids, minlength=counts.size)
                data = (ids if table is None else table.take(ids)).astype(wanted).data
                digest.update(data)
                target.write(data)
        _to_disk(target)
    (folder / f"{stem}.final").replace(out / f"{stem}.ids")
    checksums = {f"{stem}.ids": digest.hexdigest()}
    if order["documents"] != "none":
        with (
            (folder / f"{stem}.starts").open("rb") as source,
            (folder / f"{stem}.final").open("wb") as target,
        ):
            target.write(bytes(order["added"] * START_TYPE.itemsize))  # a start at 0
            source.seek(order["skipped"] * START_TYPE.itemsize)
            shutil.copyfileobj(source, target)
            _to_disk(target)
        (folder / f"{stem}.final").replace(out / f"{stem}.starts")
        checksums[f"{stem}.starts"] = checksum(out / f"{stem}.starts")
    if order["count"]:
        counts.astype(COUNT_TYPE).tofile(folder / f"{stem}.counts")
    unknown = 0 if tokenizer.unknown is None else int(counts[tokenizer.unknown])
    return {"unknown": unknown, "sha256": checksums}


def _runs(
    order: Mapping[str, Any], tokenizer: Tokenizer, counts: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.uint32] | None]]:
    """How many tokens each tally is of, and its table to final ids; the counts of these are added up."""
    if not order["runs"]:
        yield order["size"], None
        return
    builder = builder_of(order)
    for number, size in enumerate(order["runs"]):
        symbols, counted = symbols_of(Path(order["folder"], f"{order['stem']}.tally{number}"))
        table = builder.table(tokenizer, symbols)
        np.add.at(counts, table, counted)
        yield size, table


def count_shard(order: dict[str, Any]) -> dict[str, Any]:
    """Count the final ids of a shard again."""
    counts = np.zeros(order["vocab_size"], np.int64)
    with Path(order["out"], f"{order['stem']}.ids").open("rb") as source:
        for ids in _blocks(source, ID_TYPES[order["wanted"]], order["size"]):
            counts += np.bincount(ids, minlength=counts.size)
    counts.astype(COUNT_TYPE).tofile(Path(order["folder"], f"{order['stem']}.counts"))
    return {}


def _blocks(file: BinaryIO, dtype: "np.dtype[Any]", size: int) -> Iterator[NDArray[Any]]:
    """The next ids of a file, so many in all."""
    for start in range(0, size, _BLOCK):
        yield np.frombuffer(file.read(min(_BLOCK, size - start) * dtype.itemsize), dtype)


def verify_files(order: dict[str, Any]) -> dict[str, Any]:
    """Say of each file how it differs from what its checksum is of; None where it does not."""
    return {"found": {path: verified(Path(path), wanted) for path, wanted in order["sha256"].items()}}


def verified(path: Path, wanted: str) -> str | None:
    """How a file differs from what its checksum is of; None where it does not."""
    try:
        found = checksum(path)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return None if found == wanted else "has another checksum"


def _to_disk(file: BinaryIO) -> None:
    """Bring what was written to the disk, before a name says that it is there."""
    file.flush()
    os.fsync(file.fileno())


WORK: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "unpack": unpack_file,
    "cut": find_cuts,
    "encode": encode_shard,
    "finish": finish_shard,
    "count": count_shard,
    "verify": verify_files,
}
"""What a process can be asked to do."""

"""The index of a prepared text, read with suspicion, and the corpus that it makes of files.

A prepared text is a folder::

    index.json                     format, settings, files, and of each shard its counts and checksums
    tokenizer.json                 the tokenizer that made the ids
    train.counts                   raw little-endian int64: how often each id occurs in the training part
    train-00000-of-00064.ids       raw little-endian uint16 or uint32, one number a token
    train-00000-of-00064.starts    raw little-endian uint64, where documents start, counted from the shard's
                                   first token; only where documents are told apart

    sources.json                   which files it was made of, by which the same preparing knows it again

and likewise for the shards of the other parts. The index has a checksum of every file but the last, so that
its own is one of all. It depends on the text and the settings, and not on where files are, what they are
called, or how old they are.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.data.corpus import DOCUMENTS, ID_TYPES, START_TYPE, Corpus
from elman.data.joined import JoinedArray, JoinedStarts
from elman.data.mapped import open_array
from elman.data.part import Part
from elman.data.registry import load_tokenizer
from elman.data.shards.plan import stems
from elman.data.shards.work import COUNT_TYPE, verified
from elman.data.shards.workplace import INDEX, SOURCES, WORK
from elman.data.sources import notes_of
from elman.data.split import PARTS
from elman.data.versions import check_version
from elman.errors import CheckpointError

FORMAT = 1
"""Version of ``index.json``. A reader refuses a larger one."""

MOST = 1 << 53
"""Tokens, characters or bytes of a shard that are believed."""

_AGAIN = "prepare the text again, with --overwrite"


def index_checksum(folder: str | Path) -> str:
    """The SHA-256 of the index of a prepared text, which is one of all that is in it.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    str
        In hexadecimal.

    Raises
    ------
    CheckpointError
        Where there is no index.
    """
    return hashlib.sha256(_read(Path(folder))).hexdigest()


def open_prepared(folder: str | Path) -> Corpus:
    """Open a text that `prepare_corpus` made. No shard is opened before it is read.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    Corpus
        Whose parts have ids in shards.

    Raises
    ------
    CheckpointError
        Where the folder or its index is missing or damaged, or of a newer version of elman.
    """
    folder = Path(folder)
    fields = read_index(folder)
    remedy = _remedy(folder)
    for name in ("tokenizer.json", "train.counts"):  # they are small; of shards the sizes have to do
        if name in fields["sha256"] and (wrong := verified(folder / name, fields["sha256"][name])):
            raise CheckpointError(f"{folder / name} {wrong}: {remedy}")
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    if tokenizer.vocab_size != fields["vocab_size"]:
        raise CheckpointError(
            f"{folder} has ids of {fields['vocab_size']} tokens but a tokenizer of {tokenizer.vocab_size}: "
            f"{_AGAIN}"
        )
    parts = {name: _part(folder, name, fields, remedy) for name in fields["parts"]}
    notes = notes_in(folder, fields)
    return Corpus(folder, tokenizer, parts, fields["documents"], notes, fields["given"])


def notes_in(folder: Path, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """What was done to a prepared text that its owner may want to know.

    Files are called as they were when it was prepared, or where ``sources.json`` is not there, by a number.

    Parameters
    ----------
    folder : Path
    fields : mapping
        From `read_index`.
    """
    changed: dict[int, list[int]] = {}
    for shard in (shard for shards in fields["parts"].values() for shard in shards):
        for number, counts in shard["changed"].items():
            before = changed.get(int(number), [0, 0])
            changed[int(number)] = [a + b for a, b in zip(before, counts, strict=True)]
    names = _names(folder) if changed else {}
    found = list(fields["notes"])
    for number in sorted(changed):
        found += notes_of(names.get(number, f"file {number + 1} of the text"), *changed[number])
    return tuple(found)


def _names(folder: Path) -> dict[int, str]:
    try:
        files = json.loads((folder / SOURCES).read_bytes())["plan"]["files"]
        return {number: str(file["name"]) for number, file in enumerate(files)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def read_index(folder: Path) -> dict[str, Any]:
    """What the index of a prepared text says, once all that a reader goes by has been checked.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict

    Raises
    ------
    CheckpointError
        As of `open_prepared`.
    """
    path, written = folder / INDEX, _read(folder)
    try:
        fields = json.loads(written)
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({error}): {_AGAIN}") from None
    check_version(fields.get("format") if isinstance(fields, dict) else None, FORMAT, str(path), _AGAIN)
    try:
        _check(fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{path} is damaged ({reason}): {_AGAIN}") from None
    return dict(fields)


def _read(folder: Path) -> bytes:
    path = folder / INDEX
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if (folder / WORK).is_dir():
            how = (
                "preparing it has not come to its end: run the same elman data prepare again, and it goes on"
            )
        elif folder.is_dir():
            how = f"it holds no prepared text: make one by elman data prepare FILES --out {folder}"
        else:
            how = f"there is no such folder: elman data prepare FILES --out {folder} makes one"
        raise CheckpointError(f"{path} is missing; {how}") from None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from None


def _check(fields: Mapping[str, Any]) -> None:
    if fields["dtype"] not in ID_TYPES or fields["documents"] not in DOCUMENTS:
        raise ValueError("it names a type or documents unknown here")
    texts = [fields["tokens"], *fields["notes"]]
    if type(fields["vocab_size"]) is not int or not all(isinstance(text, str) for text in texts):
        raise TypeError("its vocabulary or its notes are none")
    parts, checksums = fields["parts"], dict(fields["sha256"])
    if type(fields["given"]) is not bool:
        raise TypeError("it does not say whether its tokenizer was given")
    if not parts or any(name not in PARTS or not shards for name, shards in parts.items()):
        raise ValueError("it names no parts, or one unknown here")
    for shards in parts.values():
        for shard in shards:
            numbers = [shard[name] for name in ("tokens", "chars", "bytes", "written", "unknown")]
            numbers += [] if fields["documents"] == "none" else [shard["documents"]]
            if not all(type(number) is int and 0 <= number <= MOST for number in numbers):
                raise TypeError("a shard has counts that are none")
            for number, (mark, ends) in shard["changed"].items():
                if not number.isdecimal() or not type(mark) is type(ends) is int:
                    raise TypeError("a shard has changes that are none")
            checksums |= shard["sha256"]
    if not all(isinstance(checksum, str) for checksum in checksums.values()):
        raise TypeError("a checksum is no text")
    if set(checksums) != set(files_of(fields)):
        raise ValueError("it has checksums of other files than there should be")


def files_of(fields: Mapping[str, Any]) -> list[str]:
    """The names of all files but the index that a prepared text has."""
    endings = (".ids",) if fields["documents"] == "none" else (".ids", ".starts")
    found = ["tokenizer.json", *(["train.counts"] if "train" in fields["parts"] else [])]
    for name, shards in fields["parts"].items():
        found += [stem + ending for stem in stems(name, len(shards)) for ending in endings]
    return found


def checksums_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """The checksum of every file but the index that a prepared text has, by its name."""
    found = dict(fields["sha256"])
    for shards in fields["parts"].values():
        for shard in shards:
            found |= shard["sha256"]
    return {name: found[name] for name in files_of(fields)}


def _remedy(folder: Path) -> str:
    return f"elman data check {folder} says what else is damaged, and elman data prepare makes it again"


def _part(folder: Path, name: str, fields: Mapping[str, Any], remedy: str) -> Part:
    shards = fields["parts"][name]
    paths = [folder / stem for stem in stems(name, len(shards))]
    tokens = [shard["tokens"] for shard in shards]
    ids = JoinedArray([p.with_suffix(".ids") for p in paths], tokens, ID_TYPES[fields["dtype"]], remedy)
    starts = counts = None
    if fields["documents"] != "none":
        documents = [shard["documents"] for shard in shards]
        files = [path.with_suffix(".starts") for path in paths]
        starts = JoinedStarts(files, documents, START_TYPE, remedy, tokens)
    if name == "train":
        counts = open_array(folder / "train.counts", COUNT_TYPE, fields["vocab_size"], remedy).array
    chars, size, unknown, written = (
        sum(shard[count] for shard in shards) for count in ("chars", "bytes", "unknown", "written")
    )
    maps = (ids,) if starts is None else (ids, starts)
    return Part(
        name, ids, chars, size, unknown, starts, fields["vocab_size"], folder, written, counts, maps
    )  # fmt: skip

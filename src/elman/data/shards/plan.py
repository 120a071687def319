"""What is prepared of which files: by this an interrupted preparing is known again."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from elman.data.shards.cuts import Range
from elman.data.shards.files import Listed
from elman.data.split import PARTS
from elman.data.tokenize import Tokenizer

BYTES = 128 << 20
"""Of the training text in a shard, where no number of shards is given."""


@dataclass(frozen=True)
class Plan:
    """The settings of a preparing, and its files.

    Attributes
    ----------
    settings : dict
        As JSON has them.
    files : tuple of Listed
        In their order.
    """

    settings: dict[str, Any]
    files: tuple[Listed, ...]

    def to_json(self) -> dict[str, Any]:
        """All there is to know, for `from_json`."""
        return {"settings": self.settings, "files": [asdict(file) for file in self.files]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Rebuild from the fields of `to_json`; raise KeyError, TypeError or ValueError for others."""
        return cls(dict(fields["settings"]), tuple(Listed.from_json(file) for file in fields["files"]))

    def other_settings(self, other: "Plan") -> str | None:
        """Say how the settings of another plan, or its files, are not these; None if they are."""
        for name, value in self.settings.items():
            theirs = other.settings.get(name)
            if theirs != value:
                return f"with {name} {_shown(name, theirs)} in place of {_shown(name, value)}"
        mine, theirs = ([(file.path, file.part) for file in plan.files] for plan in (self, other))
        return None if mine == theirs else "of other files"

    def changed_file(self, other: "Plan") -> str | None:
        """Name the first file that is not now what it was in another plan of the same files."""
        pairs = zip(self.files, other.files, strict=True)
        return next((a.name for a, b in pairs if (a.size, a.changed) != (b.size, b.changed)), None)


def settings_of(
    tokenizer: Tokenizer | None, split: Sequence[float] | None, shards: int | None, **settings: Any
) -> dict[str, Any]:
    """The settings of a plan; a tokenizer that was given is known by a checksum."""
    given = None if tokenizer is None else hashlib.sha256(tokenizer.to_bytes()).hexdigest()
    return {**settings, "tokenizer": given, "split": split and list(split), "shards": shards}


def shards_of(sizes: Mapping[str, int], shards: int | None) -> dict[str, int]:
    """How many shards each part is to have: the first as many as asked for, the others of about its size.

    Parameters
    ----------
    sizes : mapping of str to int
        Bytes of each part.
    shards : int or None
        Shards of the first; None for as many as `BYTES` makes.

    Examples
    --------
    >>> shards_of({"train": 900, "valid": 50, "test": 50}, 64)
    {'train': 64, 'valid': 4, 'test': 4}
    """
    first, *others = sizes
    count = shards or -(-sizes[first] // BYTES)
    found = {first: count}
    for name in others:
        like_first = round(count * sizes[name] / sizes[first])
        found[name] = max(1, min(like_first, max(count, -(-sizes[name] // BYTES))))  # of a first that is tiny
    return found


def stems(part: str, count: int) -> list[str]:
    """The names of the files of each shard of a part, without their endings.

    Examples
    --------
    >>> stems("valid", 2)
    ['valid-00000-of-00002', 'valid-00001-of-00002']
    """
    return [f"{part}-{number:05d}-of-{count:05d}" for number in range(count)]


def ranges_to_json(
    ranges: Mapping[str, Sequence[Sequence[Range]]], files: Mapping[str, Sequence[int]]
) -> Any:
    """The ranges of every shard of every part, with the number of the file in place of that of the segment.

    Parameters
    ----------
    ranges : mapping of str to sequence
        Of every part the ranges of every shard.
    files : mapping of str to sequence of int
        Of every part the file of each segment.
    """
    return {
        part: [[[files[part][r.segment], r.start, r.stop, r.begins] for r in shard] for shard in shards]
        for part, shards in ranges.items()
    }


def ranges_from_json(fields: Any, files: int) -> dict[str, list[list[list[Any]]]]:
    """What `ranges_to_json` gave; raise TypeError or ValueError where it is not.

    Parameters
    ----------
    fields : mapping
    files : int
        How many files there are.
    """
    for part, shards in fields.items():
        for number, start, stop, begins in (found for shard in shards for found in shard):
            whole = all(type(value) is int for value in (number, start, stop))
            if part not in PARTS or not whole or type(begins) is not bool or not 0 <= number < files:
                raise ValueError(f"a range of {part} is none")
    return dict(fields)


def _shown(name: str, value: Any) -> str:
    return "another" if name == "tokenizer" and value is not None else str(value)

"""What a sweep searches: the table ``[search]`` of a settings file.

A setting has a list to choose from or a range; settings that go together are a list of tables, under any
name::

    [search]
    cell = ["lstm", "gru"]
    lr = { low = 0.0005, high = 0.02, log = true }
    dropout = { low = 0.0, high = 0.5, step = 0.1 }
    size = [{ hidden = 64, embedding = 64 }, { hidden = 128, embedding = 128, clip = [1.0, 5.0] }]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import Any

from elman.errors import ConfigError
from elman.sweeps.dimensions import Dimension, Drawer, Group, together
from elman.sweeps.notation import read_dimension

MEASURED = ("text", "data", "data_index", "train", "valid", "test", "split")
"""Settings that cannot be searched: they decide what the loss is measured on."""

TOKENS = ("tokens", "max_vocab", "min_count", "lowercase", "tokenizer")
"""Settings that change what a token is, so that losses a token do not compare."""

MOST = 256
"""Combinations of ends that are all checked; of more, those of every two dimensions are."""


@dataclass(frozen=True)
class Space:
    """All that is searched."""

    dimensions: tuple[Dimension, ...]

    @property
    def scales(self) -> dict[str, str]:
        """How the values of each setting lie: ``"choice"``, ``"linear"`` or ``"log"``."""
        found: dict[str, str] = {}
        for dimension in self.dimensions:
            if isinstance(dimension, Group):
                for option in dimension.options:
                    found |= {d.name: d.scale for d in option.within if d.name not in found}
                    found |= {name: "choice" for name in option.fixed if name not in found}
            else:
                found[dimension.name] = dimension.scale
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The settings that are searched."""
        return tuple(self.scales)

    def draw(self, drawer: Drawer) -> dict[str, Any]:
        """Let all of it be chosen."""
        return together(*(dimension.draw(drawer) for dimension in self.dimensions))

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield combinations of what each dimension has at its ends: all, or where these are many, of two."""
        ends = [list(dimension.corners()) for dimension in self.dimensions]
        if prod(map(len, ends)) <= MOST or len(ends) == 1:
            yield from (together(*parts) for parts in product(*ends))
            return
        for one, other in combinations(range(len(ends)), 2):
            for first, second in product(ends[one], ends[other]):
                parts = [end[0] for end in ends]
                parts[one], parts[other] = first, second
                yield together(*parts)

    def __str__(self) -> str:
        return "; ".join(map(str, self.dimensions))


def read_space(search: Any) -> Space:
    """Return what the table ``[search]`` of a settings file says.

    Parameters
    ----------
    search : mapping
        As read from TOML.

    Raises
    ------
    ConfigError
        If it says nothing, or something that is none of the ways to say it; the message names the key.

    Examples
    --------
    >>> space = read_space({"cell": ["lstm", "gru"], "hidden": {"low": 64, "high": 256, "step": 64}})
    >>> print(space)
    cell lstm, gru; hidden 64 to 256 in steps of 64
    >>> [corner["hidden"] for corner in space.corners()]
    [64, 256, 64, 256]
    """
    if not isinstance(search, Mapping) or not search:
        raise ConfigError(
            "nothing is searched: give a table [search], such as lr = { low = 0.001, high = 0.01 }"
        )
    dimensions = tuple(read_dimension(key, value) for key, value in search.items())
    taken: set[str] = set()
    for dimension in dimensions:
        names = set(Space((dimension,)).names)
        for name in sorted(names):
            if name in MEASURED:
                raise ConfigError(
                    f"[search] {name} decides what the loss is measured on, and trials would not compare: "
                    "give it one value, above [search]"
                )
            if name in taken:
                raise ConfigError(f"[search] {name} is searched twice: give it once")
        taken |= names
    return Space(dimensions)

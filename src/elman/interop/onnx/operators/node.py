"""What an operator is given: its node, read, and the room its results may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import numpy as np

from elman.errors import ConfigError, DataError, ShapeError

Value: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
"""A tensor that passes between nodes; never written once it is made."""

MAX_RANK = 64
"""NumPy's own limit."""


@dataclass
class Room:
    """How many bytes the values of a run may hold at once.

    An operator asks before it makes a result, so that a hostile model is refused and not served.

    Parameters
    ----------
    limit : int
        Bytes.
    held : int
        Bytes of the values that are there already.
    """

    limit: int
    held: int = 0

    def ask(self, shape: Sequence[int], dtype: np.dtype[Any], copies: int = 1) -> None:
        """Raise DataError if there is no room for so many arrays of that shape and type."""
        wanted = copies * prod(shape) * dtype.itemsize
        if self.held + wanted > self.limit:
            raise DataError(
                f"a result of shape {_shown(shape):.80} needs {_amount(wanted)} bytes beside the "
                f"{self.held:,} in use, and the limit is {self.limit:,}: give smaller inputs, or a larger "
                "max_bytes"
            )


Run: TypeAlias = "Callable[[Sequence[Value | None], Room], Sequence[Value | None]]"
"""A node made ready: the values of its inputs in (None where left out), those of its outputs out."""


@dataclass(frozen=True)
class Node:
    """One node of a graph, with its attributes as Python values.

    Parameters
    ----------
    operator : str
        Such as ``LSTM``.
    label : str
        How errors call it.
    inputs, outputs : tuple of str
        Names of values; empty where an optional one is left out.
    attributes : mapping
        Numbers, lists of numbers, strings, and NumPy arrays for tensors.
    opset : int
        Version of the default operator set, which says what the operator means.
    """

    operator: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 0

    def given(self, index: int) -> bool:
        """Whether the input of that index is there."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def wants(self, index: int) -> bool:
        """Whether somebody may read the output of that index."""
        return index < len(self.outputs) and self.outputs[index] != ""

    def integer(self, name: str, default: int | None = None) -> int:
        """Return an attribute that is a whole number."""
        return int(self._attribute(name, default, int))

    def switch(self, name: str) -> bool:
        """Return an attribute that is 0, which it is if left out, or 1."""
        value = self.integer(name, 0)
        if value not in (0, 1):
            raise DataError(f"{name} must be 0 or 1, not {value}")
        return bool(value)

    def number(self, name: str, default: float | None = None) -> float:
        """Return an attribute that is a float32."""
        return float(self._attribute(name, default, float))

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return an attribute that is a list of whole numbers, or None."""
        value = self.attributes.get(name)
        if value is not None and not (isinstance(value, list) and all(type(v) is int for v in value)):
            raise DataError(f"attribute {name} must be a list of whole numbers, not {value!r:.40}")
        return None if value is None else tuple(value)

    def _attribute(self, name: str, default: Any, kind: type) -> Any:
        value = self.attributes.get(name, default)
        if value is None:
            raise DataError(f"attribute {name} is missing")
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise DataError(f"attribute {name} must be a single {kind.__name__}, not {value!r:.40}")
        return value


def axis_of(axis: int, rank: int, *, signed: bool = True) -> int:
    """Return an axis counted from the front; one out of range is an error."""
    low = -rank if signed else 0
    if not low <= axis < rank:
        raise ShapeError(f"axis {axis} is out of range: expected {low} to {rank - 1} for rank {rank}")
    return axis % rank


def axes_of(axes: Sequence[int], rank: int, *, signed: bool = True) -> tuple[int, ...]:
    """Return axes counted from the front; none may occur twice."""
    found = tuple(axis_of(int(axis), rank, signed=signed) for axis in axes)
    if len(set(found)) != len(found):
        raise ShapeError(f"axes {list(axes)!s:.80} name one axis twice")
    return found


def whole_numbers(value: Value | None, what: str) -> tuple[int, ...] | None:
    """Return the numbers of an int32 or int64 vector."""
    if value is None:
        return None
    if value.dtype not in (np.dtype(np.int64), np.dtype(np.int32)) or value.ndim != 1:
        raise ShapeError(f"{what} must be a vector of int64, not {kind_of(value)}")
    return tuple(value.tolist())


def one_type(values: Sequence[Value | None]) -> np.dtype[Any]:
    """Return the type that all the values have."""
    kinds = {value.dtype for value in values if value is not None}
    if len(kinds) != 1:
        raise ShapeError(f"inputs must be of one type, not {', '.join(sorted(map(str, kinds)))}")
    return kinds.pop()


def kind_of(value: Value) -> str:
    """Return type and shape, to be read."""
    return f"{value.dtype} {_shown(value.shape)}"


def unsupported(what: str) -> ConfigError:
    """Return the error for a sound model that asks for what there is not."""
    return ConfigError(f"{what}, which elman does not run")


def _amount(count: int) -> str:
    return f"{count:,}" if count < 2**63 else "more than 2^63"


def _shown(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"

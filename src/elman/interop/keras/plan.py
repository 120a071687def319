"""What a Keras model is, as far as elman has it: an embedding, recurrent layers, a Dense layer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Recurrent(NamedTuple):
    """A SimpleRNN, LSTM or GRU."""

    name: str  # in messages
    group: str  # of its arrays
    kind: str
    units: int | None  # None where only the arrays tell
    cell: str  # elman's
    bias: bool
    backwards: bool = False


class Layer(NamedTuple):
    """A recurrent layer, or two that a Bidirectional holds."""

    name: str
    first: Recurrent
    second: Recurrent | None = None
    sequences: bool = True

    @property
    def parts(self) -> tuple[Recurrent, ...]:
        """The recurrent layers in it."""
        return (self.first,) if self.second is None else (self.first, self.second)


class Plan(NamedTuple):
    """A model, before its arrays are looked at."""

    embedding: str  # group
    sizes: tuple[int, int] | None  # vocabulary, width
    masked: bool
    layers: tuple[Layer, ...]
    dense: str  # group
    classes: int | None
    dense_bias: bool
    dropout: Mapping[str, Any] = MappingProxyType({})  # settings of the model
    said: tuple[str, ...] = ()

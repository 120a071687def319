"""What the cells with a choice of activations have in common: how they are built, named and compared."""

from __future__ import annotations

from collections.abc import Sequence

from elman.network.cells.activations import Activation, Squash, number_text
from elman.network.cells.base import Cell


class General(Cell):
    """A cell built from a family, activations and options, and named after them.

    Parameters
    ----------
    family : str
        Such as ``lstm``.
    activations : sequence of Activation
        As many as the family has.
    clip : float, optional
        Bound of the pre-activations.
    options : sequence of str
        Of the name, beside the bound.
    """

    def __init__(
        self, family: str, activations: Sequence[Activation], clip: float | None, options: Sequence[str] = ()
    ) -> None:
        self.activations, self.clip = tuple(activations), clip
        bound = [] if clip is None else [f"clip={number_text(clip)}"]
        self.name = f"{family}[{';'.join([','.join(map(str, activations)), *options, *bound])}]"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, General) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def squash(self, index: int, *, halved: bool = False) -> Squash:
        """Return the activation of that index with the bound."""
        return Squash(self.activations[index], self.clip, halved)

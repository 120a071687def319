"""Members that compute parts of one result side by side, and what they pass one another."""

from __future__ import annotations

from typing import Protocol

from elman.typing import Floats, Ints


class Team(Protocol):
    """What a member sees of the others. Sums are taken in the order of the members, by each for itself.

    Attributes
    ----------
    index, size : int
        Which member this is, and how many there are.
    """

    index: int
    size: int

    def gather(self, h: Floats, y: Ints) -> tuple[Floats, Ints]:
        """Return the rows of all members one below the other: hidden states ``(N, H)`` and targets ``(N,)``."""
        ...

    def total(self, values: Floats) -> Floats:
        """Add up arrays ``(n,)``, one from each member."""
        ...

    def largest(self, values: Floats) -> Floats:
        """Return the elementwise maximum of arrays ``(n,)``, one from each member."""
        ...

    def scatter(self, parts: Floats, out: Floats) -> None:
        """Add up arrays ``(N, H)``, one from each member, and write one's own rows of the sum."""
        ...

    def scratch(self, rows: int) -> Floats:
        """Return the array ``(N, H)`` to write for :meth:`scatter`."""
        ...

"""Members that work on the rows of a batch side by side, and share the classes of a large vocabulary.

Every member has its own rows up to the last layer. The output weights are cut the other way, by columns: a
member multiplies the hidden states of all rows with its own classes. So nobody holds the derivative of all
output weights or of all word vectors beside the others', and nobody has to add them up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from elman.typing import Floats, Ints


class Team(Protocol):
    """What a member sees of the others. Sums are taken in the order of the members.

    Every method but `columns`, `parts`, `touch` and `keep` is a meeting: it returns when all members have
    called it.
    """

    index: int
    """Which member."""

    def columns(self, classes: int) -> tuple[int, int]:
        """Return the first of the member's own classes, and the one after its last."""
        ...

    def gather(self, h: Floats, y: Ints) -> tuple[Floats, Ints]:
        """Return the rows of all members: hidden states ``(N, H)`` and targets ``(N,)``."""
        ...

    def total(self, values: Floats) -> Floats:
        """Return the sum of arrays ``(2, n)``, one from each member."""
        ...

    def largest(self, values: Floats) -> Floats:
        """Return the elementwise maximum of arrays ``(n,)``, one from each member."""
        ...

    def first(self, draw: Callable[[], Ints]) -> Ints:
        """Return the words ``(n,)`` that the first member draws; the others draw none.

        Of the weights of words only those that are named to `touch` have then a gradient in this pass.
        """
        ...

    def touch(self, words: Ints) -> None:
        """Take notice of the words, ascending, whose weights have a gradient from any member."""
        ...

    def keep(self, words: Ints, dV: Floats, dc: Floats) -> None:
        """Take the derivatives by the weights ``(H, n)`` and biases ``(n,)`` of some words.

        No word is given twice in a pass, by whatever members. `dV` must stay as it is until the update.
        """
        ...

    def parts(self, rows: int) -> Floats:
        """Return an array ``(rows, H)`` to fill for `scatter`."""
        ...

    def scatter(self, dh: Floats) -> None:
        """Add up the parts of all members, and write one's own rows of the sum."""
        ...

    def add_words(self, dx: Floats, tokens: Ints, dE: Floats, *, tied: bool) -> None:
        """Write into the rows of one's own classes what the word vectors of all members add up to.

        With `tied` it is added to what is there.
        """
        ...


def summed(number: float, team: Team | None, dtype: np.dtype[Any]) -> float:
    """Return the sum of a number of each member, which they exchange in that dtype; alone, the number."""
    return number if team is None else float(team.total(np.full((2, 1), number, dtype))[0, 0])

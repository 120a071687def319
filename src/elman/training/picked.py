"""Gradients of the weights of the few words that an output has drawn, and of no others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elman.network import LanguageModel
from elman.training.clip import squares
from elman.training.flat import BLOCK
from elman.typing import Floats, Ints, Params


class Picked:
    """What a member keeps of these, from the pass to the update.

    Where an element without a gradient stays as it is, derivatives by ``output.V`` stand nowhere but here;
    else in the gradients, from which those of the step before are cleared. With tied word vectors they stand
    in the gradients, where whoever has the word fetches them.

    Parameters
    ----------
    model : LanguageModel
        With an output that picks.
    grads : dict
        The gradients that all members see.
    classes : tuple of int
        The first of one's own words, and the one after the last.
    sparse : bool
        Whether the optimiser leaves elements without a gradient alone.
    every : bool
        Whether all elements are cleared, as others may write to them too.

    Attributes
    ----------
    active : bool
        Whether this pass has drawn words; one that has not leaves a gradient of all.
    touched : ndarray of shape (n,)
        One's own words that have a gradient from the output, ascending.
    """

    def __init__(
        self, model: LanguageModel, grads: Params, classes: tuple[int, int], *, sparse: bool, every: bool
    ) -> None:
        self.active, self._every = False, every
        self.touched: Ints = np.empty(0, np.intp)
        self._classes, self._tied, self._sparse = slice(*classes), model.output.tied, sparse
        self._dc = grads["output.c"]
        self._dV = grads["embedding.E"].T if self._tied else grads["output.V"]
        self._V = model.params["embedding.E"].T if self._tied else model.params["output.V"]
        self._pieces: list[tuple[Ints, Floats]] = []
        self._written: list[Ints] | None = None  # of the pass before; None: all

    @property
    def apart(self) -> bool:
        """Whether the derivatives by ``output.V`` of this pass are here alone."""
        return self.active and self._sparse and not self._tied

    def begin(self) -> None:
        """Forget the pass before; the others wait until all have done so before they write."""
        self.active = True
        self._pieces.clear()
        self._dc[self._classes] = 0.0
        if self._sparse:
            return
        if self._written is None:
            self._dV[:, self._classes] = 0.0
        for words in self._written or ():
            self._dV[:, words] = 0.0
        self._written = []

    def touch(self, words: Ints) -> None:
        """Note which of one's own words are among these."""
        first, last = np.searchsorted(words, (self._classes.start, self._classes.stop))
        self.touched = words[first:last]

    def keep(self, words: Ints, dV: Floats, dc: Floats) -> None:
        """Take derivatives ``(H, n)`` and ``(n,)``."""
        self._dc[words] = dc
        if self.apart:
            self._pieces.append((words, dV))
            return
        self._dV[:, words] = dV
        if not self._tied and self._written is not None:
            self._written.append(words)

    def add_words(self, words: Ints, sums: Floats) -> tuple[Ints, Floats | None]:
        """Add what one's own words ``(n,)`` have as inputs, ``(n, D)``, to what they have as tied outputs.

        Return all of these that have a gradient and, where it stands nowhere else, that.
        """
        every: Ints = np.union1d(self.touched, words)
        dE = self._dV.T
        if not self._sparse:
            dE[words] += sums
            self._written = [every]
            return every, None
        together = np.zeros((len(every), dE.shape[1]), dE.dtype)
        together[np.searchsorted(every, self.touched)] = dE[self.touched]
        together[np.searchsorted(every, words)] += sums
        return every, together

    def end(self) -> None:
        """Note, after a pass, whether that has written all, as one without draws does."""
        if not self.active or self._every:
            self._written = None

    def squares(self) -> float:
        """Return the sum of the squares of what is here alone."""
        total = sum(squares(np.ravel(dV)) for _, dV in self._pieces)
        if not np.isfinite(total):  # for whoever looks where it came from
            for words, dV in self._pieces:
                self._dV[:, words] = dV
        return float(total)

    def update(self, walk: Callable[[Floats, Floats], None]) -> None:
        """Update the weights of these words."""
        at_once = max(1, BLOCK // len(self._V))
        for words, dV in self._pieces:
            for start in range(0, len(words), at_once):
                some = slice(start, start + at_once)
                p = np.take(self._V, words[some], axis=1)  # in one piece; an index would make it of columns
                walk(p.reshape(-1), np.ravel(dV[:, some]))
                self._V[:, words[some]] = p

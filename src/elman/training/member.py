"""One member of a team: its rows of a batch, its classes, its stretch of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from elman.network import LanguageModel
from elman.network.backprop import Backprop
from elman.network.functional import sum_by_word
from elman.training.averages import add_to_average
from elman.training.clip import squares
from elman.training.flat import BLOCK
from elman.training.meeting import Meeting
from elman.training.optim import Optimizer
from elman.training.picked import Picked
from elman.training.shared import Exchange, Shared, summed_names
from elman.training.shares import Task, perform
from elman.typing import Floats, Ints, Params

LONGEST = BLOCK + BLOCK // 2  # elements of a block
ELEMENTS = 16  # of a cache line in float32; two members do not write to one


class Member:
    """What one member does in a step: its part of the pass, of the sum, and of the update.

    Rows are cut into shares, and so are the parameters: a member adds up the gradients of all members over
    its stretch of them, and updates that stretch. Where the vocabulary is large it also has some of the
    classes (see :class:`elman.network.team.Team`, which it is). All orders of summation are fixed.

    Parameters
    ----------
    index : int
        Which member.
    model : LanguageModel
        With the shared parameters, and scratch memory of its own.
    shared : Shared
        What all members see.
    rows : list of slice
        The rows of every member.
    meeting : Meeting
        Where they wait for one another.
    optimizer : Optimizer, optional
        Needed for updates.
    frozen : bool
        Whether the word vectors stay as they are: no part of the norm, of decay, or of an update.
    every : bool
        Whether every gradient is written, also those that are known to be zero: others may have them.

    Attributes
    ----------
    ready : callable, optional
        Is told of each layer whose gradients are all there.
    agreed : callable
        Takes the words that were drawn, and returns those to be taken in their place.
    """

    def __init__(
        self, index: int, model: LanguageModel, shared: Shared, rows: list[slice], meeting: Meeting,
        optimizer: Optimizer | None = None, *, frozen: bool = False, every: bool = False,
    ) -> None:  # fmt: skip
        self.index, self.model, self.shared, self.rows, self.meeting = index, model, shared, rows, meeting
        self.optimizer, self._frozen, self._every = optimizer, frozen, every
        self.ready: Callable[[str], None] | None = None
        self.agreed: Callable[[Ints], Ints] = lambda words: words
        self.grads: Params = dict(shared.grads.arrays)
        if index:
            self.grads |= shared.own[index - 1].arrays
        E, names = model.params["embedding.E"], summed_names(model, split=shared.exchange is not None)
        sizes = [model.params[name].size for name in names]
        self._split = shared.exchange is not None
        self._first = E.size if self._split else 0  # where the gradients to be added up begin
        # Word vectors come first; frozen ones have gradients that nobody looks at.
        self._added = self._cut(E.size if frozen else self._first, self._first + sum(sizes))
        self._walked = [self._added, self._cut(self._first + sum(sizes), model.n_params)]
        self._classes = self.columns(model.vocab_size)
        # Words that have a gradient, all of the classes unless they are known to be few; and where the others
        # need not be looked at, their gradients, which then stand nowhere else.
        self._touched: Ints | None = None
        self._sums: Floats | None = None
        sparse = optimizer is not None and optimizer.sparse and not self._every
        self._sparse = self._split and not model.output.tied and sparse
        self._picked: Picked | None = None
        if self._split and model.output.picks:
            # Averages of weights that stay as they are come nearer to them, and so are looked at.
            few = sparse and (model.output.tied or shared.average is None)
            self._picked = Picked(model, shared.grads.arrays, self._classes, sparse=few, every=every)
            self._biases = self._cut(model.n_params - model.vocab_size, model.n_params)
        self._turn = 0
        self._scratch = np.empty((2, max(LONGEST, E.shape[1])), model.dtype)

    def perform(self, task: Task) -> Backprop:
        """Do a task: the loss of one's rows, or with shared classes of all rows, and one's gradients."""
        self._turn = 0  # of all members alike, also after a pass that one of them has broken off
        if self._picked is None:
            return perform(self.model, task, self.grads, self if self._split else None, self.ready)
        self._picked.active = False
        done = perform(self.model, task, self.grads, self, self.ready)
        self._picked.end()
        return done

    def add_up(self) -> float:
        """Add up one's stretch of the gradients of all members; return the sum of its squares.

        Where the classes are shared, one's own words are part of it.
        """
        self._wait()
        with np.errstate(all="ignore"):  # what overflows shows in the norm
            return self._add_up()

    def _add_up(self) -> float:
        total, total_squares = self.shared.grads.vector, 0.0
        for start, stop in _blocks(*self._added):
            block = total[start:stop]
            for other in self.shared.own:
                np.add(block, other.vector[start - self._first : stop - self._first], out=block)
            total_squares += squares(block)
        for start, stop in _blocks(*self._rest()):
            total_squares += squares(total[start:stop])
        if self._picked is not None and self._picked.apart:
            total_squares += self._picked.squares()
        if self._frozen:
            return total_squares
        if self._sums is not None and self._touched is not None:
            by_word = squares(self._sums.reshape(-1))
            if not np.isfinite(by_word):  # for whoever looks where it came from
                self.shared.grads.arrays["embedding.E"][self._touched] = self._sums
            total_squares += by_word
        elif self._split:
            dE = self.shared.grads.arrays["embedding.E"]
            words = slice(*self._classes) if self._touched is None else self._touched
            total_squares += squares(dE[words].reshape(-1))
        return total_squares

    def update(self) -> None:
        """Update one's stretch of the parameters, and of their averages, as `control` says."""
        assert self.optimizer is not None
        t, lr, scale, weight = (float(number) for number in self.shared.control)
        rule, decayed, shared = self.optimizer.rule(int(t), lr), self.optimizer.decayed, self.shared
        vectors = [shared.params.vector, shared.grads.vector, *(slot.vector for slot in shared.slots)]

        def walk(p: Floats, g: Floats, *slots: Floats) -> None:
            # The gradient is clipped in scratch: written back it would cost a pass over memory.
            scratch, clipped = self._scratch[:, : p.size]
            if scale != 1.0:
                g = np.multiply(g, scale, out=clipped)
            rule(p, decayed(p, g, scratch, clipped), slots, scratch)

        stretches = [self._added, self._rest()]
        if self._picked is not None and self._picked.apart:
            self._picked.update(walk)
        if self._split and not self._frozen:
            D = shared.params.arrays["embedding.E"].shape[1]
            words = self._classes[0] * D, self._classes[1] * D
            if self._touched is not None and self._sums is not None:
                self._update_words(self._touched, self._sums, walk)
                # A word that stays as it is has an average that comes nearer to it.
                for start, stop in _blocks(*words) if weight else ():
                    self._average(start, stop, weight)
            else:
                stretches.append(words)
        for stretch in stretches:
            for start, stop in _blocks(*stretch):
                walk(*(vector[start:stop] for vector in vectors))
                self._average(start, stop, weight)

    def _average(self, start: int, stop: int, weight: float) -> None:
        """Move a block of the averages towards the parameters, while both are in the cache."""
        if weight and self.shared.average is not None:
            p, average = (flat.vector[start:stop] for flat in (self.shared.params, self.shared.average))
            add_to_average(average, p, weight, self._scratch[0, : stop - start])

    def _update_words(self, words: Ints, sums: Floats, walk: Callable[[Floats, Floats], None]) -> None:
        """Update only the words that have a gradient."""
        E = self.shared.params.arrays["embedding.E"]
        at_once = max(1, BLOCK // E.shape[1])
        for start in range(0, len(words), at_once):
            some = slice(start, start + at_once)
            p = E[words[some]]
            walk(p.reshape(-1), sums[some].reshape(-1))
            E[words[some]] = p

    def _rest(self) -> tuple[int, int]:
        """Return one's own stretch of what no member has the gradient of its rows of."""
        return self._biases if self._picked is not None and self._picked.apart else self._walked[1]

    def columns(self, classes: int) -> tuple[int, int]:
        """Return the first of the member's own classes, and the one after its last."""
        return self._cut(0, classes)

    def gather(self, h: Floats, y: Ints) -> tuple[Floats, Ints]:
        """Return the rows of all members: hidden states ``(N, H)`` and targets ``(N,)``."""
        if len(self.rows) == 1:
            return h, y
        exchange, (mine, N) = self._exchange(), self._segment(len(h))
        exchange.h[mine], exchange.y[mine] = h, y
        self._wait()
        return exchange.h[:N], exchange.y[:N]

    def first(self, draw: Callable[[], Ints]) -> Ints:
        """Return the words that the first member draws."""
        assert self._picked is not None
        self._picked.begin()
        if len(self.rows) == 1:
            return self.agreed(draw())
        drawn = self._exchange().drawn
        if self.index == 0:
            words = self.agreed(draw())
            drawn[0], drawn[1 : 1 + len(words)] = len(words), words
        self._wait()
        return drawn[1 : 1 + drawn[0]]

    def touch(self, words: Ints) -> None:
        """Take notice of the words whose weights have a gradient."""
        assert self._picked is not None
        self._picked.touch(words)

    def keep(self, words: Ints, dV: Floats, dc: Floats) -> None:
        """Take the derivatives by the weights and biases of some words."""
        assert self._picked is not None
        self._picked.keep(words, dV, dc)

    def total(self, values: Floats) -> Floats:
        """Return the sum of arrays ``(2, n)``, one from each member."""
        if len(self.rows) == 1:
            return values
        total: Floats = np.add.reduce(self._all_values(values), axis=0)
        return total

    def largest(self, values: Floats) -> Floats:
        """Return the elementwise maximum of arrays ``(n,)``, one from each member."""
        if len(self.rows) == 1:
            return values
        maxima: Floats = np.maximum.reduce(self._all_values(values[None]), axis=0)[0]
        return maxima

    def parts(self, rows: int) -> Floats:
        """Return an array ``(rows, H)`` to fill for `scatter`."""
        return self._exchange().parts[self.index, :rows]

    def scatter(self, dh: Floats) -> None:
        """Add up the parts of all members, and write one's own rows of the sum."""
        self._wait()
        mine, _ = self._segment(len(dh))
        np.add.reduce(self._exchange().parts[:, mine], axis=0, out=dh)

    def add_words(self, dx: Floats, tokens: Ints, dE: Floats, *, tied: bool) -> None:
        """Write into the rows of one's own classes what the word vectors of all members add up to."""
        if self._frozen:
            return
        rows, every = dx.reshape(tokens.size, -1), tokens.reshape(-1)
        if len(self.rows) > 1:
            exchange, (mine, N) = self._exchange(), self._segment(tokens.size)
            exchange.dx[mine], exchange.tokens[mine] = rows, every
            self._wait()
            rows, every = exchange.dx[:N], exchange.tokens[:N]
        first, last = self._classes
        inside = np.flatnonzero((every >= first) & (every < last))
        words, sums = sum_by_word(rows, every, inside)
        if tied and self._picked is not None and self._picked.active:
            self._touched, self._sums = self._picked.add_words(words, sums)
            return
        if tied:
            dE[words] += sums
            self._touched = self._sums = None
            return
        if self._sparse:
            self._touched, self._sums = words, sums
            return
        if self._touched is None:
            dE[first:last] = 0.0
        else:
            dE[self._touched] = 0.0
        dE[words] = sums
        self._touched = None if self._every else words

    def _exchange(self) -> Exchange:
        assert self.shared.exchange is not None
        return self.shared.exchange

    def _segment(self, own: int) -> tuple[slice, int]:
        """Return where one's own rows of all steps stand among those of all members, and their number."""
        mine = self.rows[self.index]
        steps = own // (mine.stop - mine.start)
        return slice(steps * mine.start, steps * mine.stop), steps * self.rows[-1].stop

    def _all_values(self, values: Floats) -> Floats:
        """Pass values ``(m, n)`` round; return those of all members, ``(members, m, n)``."""
        # Two buffers take turns: who is late to read one finds it untouched until all have met again.
        self._turn = 1 - self._turn
        buffer = self._exchange().values[self._turn, :, : len(values), : values.shape[1]]
        buffer[self.index] = values
        self._wait()
        return buffer

    def _wait(self) -> None:
        self.model.clock.timed("waiting", self.meeting.wait)()

    def _cut(self, start: int, stop: int) -> tuple[int, int]:
        """Return one's own part of a stretch."""
        members, unit = len(self.rows), -(-(stop - start) // ELEMENTS)
        bounds = [min(start + unit * i // members * ELEMENTS, stop) for i in range(members)] + [stop]
        return bounds[self.index], bounds[self.index + 1]


def _blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut a stretch into blocks that a core's own cache holds; a short rest is part of the last."""
    while start < stop:
        end = stop if stop - start <= LONGEST else start + BLOCK
        yield start, end
        start = end

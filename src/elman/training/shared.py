"""The arrays that all members of a team see: parameters, gradients, moments, tasks, exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from elman.network import LanguageModel, ModelState
from elman.network.workspace import ALIGNMENT, aligned
from elman.training.shares import Task, split_rows
from elman.typing import Floats, Ints, Params

SPLIT_CLASSES = 2048
"""From so many words on the members share them: gradients for each would cost more than the meetings."""

SEEDS = 4  # the most numbers a seed may have


class Taker(Protocol):
    """Where arrays come from."""

    def take(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return a new array."""
        ...


class Heap:
    """Every array has memory of its own, and is zero."""

    def take(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return a new array of zeros, aligned."""
        array = aligned(prod(shape), np.dtype(dtype)).reshape(shape)
        array.fill(0)
        return array


class Carver:
    """Cuts arrays from a buffer, one after the other; without a buffer it only measures.

    All members cut the same arrays in the same order, so that nothing need be said about where they lie.
    """

    def __init__(self, buffer: Any = None) -> None:
        self.buffer, self.size = buffer, 0

    def take(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return the next array, aligned; while measuring, one without memory that must not be used."""
        start, dtype = self.size, np.dtype(dtype)
        self.size += -(-prod(shape) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
        if self.buffer is None:
            return np.broadcast_to(np.zeros((), dtype), shape)
        return np.ndarray(shape, dtype, self.buffer, start)


class Flat(NamedTuple):
    """Named arrays, and the one vector of which they are the pieces, in this order."""

    vector: Floats
    arrays: Params


def take_flat(taker: Taker, shapes: Mapping[str, tuple[int, ...]], dtype: Any) -> Flat:
    """Take arrays that lie end to end."""
    vector = taker.take((sum(map(prod, shapes.values())),), dtype)
    arrays, start = {}, 0
    for name, shape in shapes.items():
        arrays[name] = vector[start : start + prod(shape)].reshape(shape)
        start += prod(shape)
    return Flat(vector, arrays)


class Area(NamedTuple):
    """What one member is asked, and what it answers."""

    x: NDArray[np.intp]  # (steps, rows)
    y: NDArray[np.intp]  # (steps, rows)
    reset: NDArray[np.bool_]  # (steps, rows)
    entering: ModelState  # (rows, H) each
    leaving: ModelState  # (rows, H) each
    counts: NDArray[np.int64]  # T, skip, state_after or -1, whether resets, length of the seed, seed
    numbers: NDArray[np.float64]  # scale of the loss; summed loss; penalty; its share of the squared norm

    def ask(self, task: Task) -> None:
        """Write a task."""
        T, seed = len(task.x), task.seed or ()
        self.x[:T], self.y[:T] = task.x, task.y
        if task.reset is not None:
            self.reset[:T] = task.reset
        copy_state(task.state, self.entering)
        after = -1 if task.state_after is None else task.state_after
        self.counts[:5] = T, task.skip, after, task.reset is not None, len(seed)
        self.counts[5 : 5 + len(seed)] = seed
        self.numbers[0] = task.scale

    def asked(self) -> Task:
        """Read the task."""
        T, skip, after, resets, seeds = (int(count) for count in self.counts[:5])
        seed = tuple(int(number) for number in self.counts[5 : 5 + seeds])
        return Task(
            self.x[:T], self.y[:T], self.entering, float(self.numbers[0]), seed or None,
            self.reset[:T] if resets else None, skip, None if after < 0 else after,
        )  # fmt: skip


def copy_state(source: ModelState, target: ModelState) -> None:
    """Copy the arrays of one state into another."""
    for one, other in zip(source, target, strict=True):
        for array, copy in zip(one, other, strict=True):
            np.copyto(copy, array)


class Exchange(NamedTuple):
    """What members that share the classes pass one another within a step."""

    h: Floats  # (N, H) hidden states of all rows
    y: Ints  # (N,) their targets
    parts: Floats  # (members, N, H) what each adds to their derivative
    values: Floats  # (2, members, 2, M N) sums over classes; every other meeting uses the other half
    dx: Floats  # (N, D) derivatives by the word vectors of all tokens
    tokens: Ints  # (N,) these tokens
    drawn: Ints  # (1 + n,) how many words were drawn, and these


@dataclass(frozen=True)
class Shared:
    """All of it.

    Attributes
    ----------
    params, grads : Flat
        The parameters, and the gradient of the whole batch.
    slots : list of Flat
        What the optimiser remembers, by slot.
    own : list of Flat
        The gradients of each member after the first, as far as they are added to those of the first.
    areas : list of Area
        Of each member after the first.
    control : ndarray of shape (4,)
        Of an update: its number, the rate, what gradients are multiplied with before, and by how much of
        their distance the averages then move towards the parameters.
    exchange : Exchange or None
        Where the members share the classes.
    average : Flat or None
        The averages of the parameters, where there are to be any.
    """

    params: Flat
    grads: Flat
    slots: list[Flat]
    own: list[Flat]
    areas: list[Area]
    control: NDArray[np.float64]
    exchange: Exchange | None
    average: Flat | None = None


def splits(model: LanguageModel) -> bool:
    """Say whether members had better share the words of a model, and with an output that can, its classes."""
    # Tied vectors have a gradient from the output too: the words are then shared as the classes are, or not.
    return model.vocab_size >= SPLIT_CLASSES and (model.output.shares or not model.output.tied)


def summed_names(model: LanguageModel, *, split: bool) -> list[str]:
    """Return the parameters whose gradients every member has for its own rows; consecutive ones."""
    if not split:
        return list(model.params)
    rooms = ("layers.",) if model.output.shares else ("layers.", "output.")
    return [name for name in model.params if name.startswith(rooms) or name in model.output.summed]


def take_shared(
    taker: Taker, model: LanguageModel, batch: int, threads: int, steps: int, split: bool,
    params: Flat | None = None, slots: Sequence[Flat | None] = (), average: Flat | bool = False,
) -> Shared:  # fmt: skip
    """Take the arrays of a team: of `threads` members, for windows of `steps` steps at most.

    With `split` they share the classes. Parameters, moments and averages that are given are taken as they
    are; with True for `average` there are new ones.
    """
    dtype, shapes = model.dtype, model.shapes()
    rows = [part.stop - part.start for part in split_rows(batch, threads)]
    mine = {name: shapes[name] for name in summed_names(model, split=split)}
    return Shared(
        params or take_flat(taker, shapes, dtype),
        take_flat(taker, shapes, dtype),
        [slot or take_flat(taker, shapes, dtype) for slot in slots],
        [take_flat(taker, mine, dtype) for _ in rows[1:]],
        [_take_area(taker, model, n, steps) for n in rows[1:]],
        taker.take((4,), np.float64),
        _take_exchange(taker, model, len(rows), batch * steps) if split else None,
        take_flat(taker, shapes, dtype) if average is True else average or None,
    )


def _take_area(taker: Taker, model: LanguageModel, rows: int, steps: int) -> Area:
    def state() -> ModelState:
        layers = model.initial_state(rows)
        return tuple(type(s)(*(taker.take(field.shape, field.dtype) for field in s)) for s in layers)

    return Area(
        taker.take((steps, rows), np.intp), taker.take((steps, rows), np.intp),
        taker.take((steps, rows), np.bool_), state(), state(),
        taker.take((5 + SEEDS,), np.int64), taker.take((4,), np.float64),
    )  # fmt: skip


def _take_exchange(taker: Taker, model: LanguageModel, members: int, N: int) -> Exchange:
    layers = model.stack.layers
    H, D, output = layers[-1].width, layers[0].inputs, model.output
    return Exchange(
        taker.take((N, H), model.dtype), taker.take((N,), np.intp),
        taker.take((members, N, H), model.dtype),
        taker.take((2, members, 2, N * output.copies), model.dtype),
        taker.take((N, D), model.dtype), taker.take((N,), np.intp),
        taker.take((1 + output.most_drawn,), np.intp),
    )  # fmt: skip

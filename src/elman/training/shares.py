"""A batch cut into shares of rows, and what is done with one share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import Backprop
from elman.network.team import Team
from elman.ranks import Ranks
from elman.typing import Ints, Params


class Task(NamedTuple):
    """What is asked for one share of the rows."""

    x: Ints  # (T, rows)
    y: Ints  # (T, rows)
    state: ModelState  # (rows, H) each
    scale: float  # one over the tokens the loss of the whole batch is the mean of
    seed: tuple[int, ...] | None  # of the share's masks
    reset: NDArray[np.bool_] | None  # (T, rows)
    skip: int
    state_after: int | None

    def part(self, index: int, rows: slice) -> Task:
        """Return the share of some rows; its masks are drawn from a generator of its own."""
        seed = None if self.seed is None else (*self.seed, index)
        if rows == slice(0, self.x.shape[1]):
            return self._replace(seed=seed)
        # Columns of a C-contiguous window are not contiguous; tokens are small, so they are copied.
        x, y = np.ascontiguousarray(self.x[:, rows]), np.ascontiguousarray(self.y[:, rows])
        reset = None if self.reset is None else np.ascontiguousarray(self.reset[:, rows])
        return self._replace(x=x, y=y, state=rows_of(self.state, rows), seed=seed, reset=reset)


def split_rows(batch: int, shares: int) -> list[slice]:
    """Cut the rows into so many shares, as even as can be; never more than rows."""
    bounds = np.linspace(0, batch, min(shares, batch) + 1).astype(int)
    return [slice(int(start), int(stop)) for start, stop in pairwise(bounds)]


def check_rows(batch: int, ranks: int) -> None:
    """Raise ConfigError if there are more ranks than rows."""
    if ranks > batch:
        raise ConfigError(f"a batch of {batch} cannot be shared by {ranks} ranks: give a larger --batch")


def rows_of_rank(batch: int, ranks: Ranks) -> slice:
    """Return the rows of the batch that are a rank's own.

    Raises
    ------
    ConfigError
        If there are more ranks than rows.
    """
    check_rows(batch, ranks.size)
    return split_rows(batch, ranks.size)[ranks.rank]


def rows_of(state: ModelState, rows: slice) -> ModelState:
    """Return some rows of a state."""
    return tuple(type(layer)(*(field[rows] for field in layer)) for layer in state)


def concatenate(states: list[ModelState]) -> ModelState:
    """Return the rows of all states in order."""
    if len(states) == 1:
        return states[0]
    return tuple(
        type(parts[0])(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))
        for parts in zip(*states, strict=True)
    )


def perform(
    model: LanguageModel, task: Task, grads: Params, team: Team | None = None,
    ready: Callable[[str], None] | None = None,
) -> Backprop:  # fmt: skip
    """Do a task: overwrite grads with the share's part of the gradient; tell which of them are there."""
    # What overflows shows in the loss or the norm, which the loop checks; no warning as well.
    with np.errstate(all="ignore"):
        return model.backprop(
            task.x, task.y, task.state, grads, task.scale,
            rng=None if task.seed is None else np.random.default_rng(task.seed),
            reset=task.reset, skip=task.skip, state_after=task.state_after, team=team, ready=ready,
        )  # fmt: skip

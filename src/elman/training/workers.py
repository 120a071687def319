"""The rows of a batch, split over threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.network import LanguageModel, ModelState
from elman.network.backprop import Backprop
from elman.typing import Ints, Params


class Share(NamedTuple):
    """One worker's part: rows of the batch, a model with its own memory, gradients of its own."""

    rows: slice
    model: LanguageModel
    grads: Params


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Loss and gradients of a batch, its rows split over threads.

    Rows are independent, so that the split changes no mathematics. Shares are fixed, each draws its
    dropout from its own generator, and the sum over them is taken in one order: for a given number of
    threads the result is the same to the bit, whatever the scheduler does.

    Parameters
    ----------
    model : LanguageModel
        Its parameters are shared with all threads.
    batch : int
        Rows, ``B``.
    threads : int
        At most this many shares; never more than rows.
    """

    def __init__(self, model: LanguageModel, batch: int, threads: int) -> None:
        bounds = np.linspace(0, batch, min(threads, batch) + 1).astype(int)
        rows = [slice(int(start), int(stop)) for start, stop in pairwise(bounds)]
        self.batch = batch
        self.shares = [
            Share(part, model if i == 0 else model.replica(), model.new_grads())
            for i, part in enumerate(rows)
        ]
        self._pool = ThreadPoolExecutor(len(rows) - 1, "elman") if len(rows) > 1 else None

    def loss_and_grads(
        self,
        x: Ints,
        y: Ints,
        state: ModelState,
        *,
        seed: tuple[int, ...] | None = None,
        reset: NDArray[np.bool_] | None = None,
        skip: int = 0,
        state_after: int | None = None,
    ) -> tuple[float, ModelState, Params]:
        """Return what :meth:`elman.LanguageModel.loss_and_grads` returns for the whole batch.

        Parameters
        ----------
        x, y, state, reset, skip, state_after
            As there.
        seed : tuple of int, optional
            Dropout is drawn from generators seeded with this and the number of the share; without it
            nothing is dropped.

        Returns
        -------
        loss, state, grads
            As there; the arrays of `grads` are overwritten by the next call.
        """
        counted = (len(x) - skip) * self.batch

        def work(index: int) -> Backprop:
            rows, model, grads = self.shares[index]
            # Columns of a C-contiguous window are not contiguous; tokens are small, so copy them.
            xs, ys = np.ascontiguousarray(x[:, rows]), np.ascontiguousarray(y[:, rows])
            # What overflows shows in the loss or the norm, which the loop checks; no warning as well.
            with np.errstate(all="ignore"):
                return model.backprop(
                    xs,
                    ys,
                    tuple(type(layer)(*(field[rows] for field in layer)) for layer in state),
                    grads,
                    1.0 / counted,
                    rng=None if seed is None else np.random.default_rng((*seed, index)),
                    reset=None if reset is None else np.ascontiguousarray(reset[:, rows]),
                    skip=skip,
                    state_after=state_after,
                )

        others = [self._pool.submit(work, i) for i in range(1, len(self.shares))] if self._pool else []
        done = [work(0), *(other.result() for other in others)]
        total = self.shares[0].grads
        for share in self.shares[1:]:
            for name, grad in total.items():
                np.add(grad, share.grads[name], out=grad)
        nll = sum(part.nll for part in done)
        return nll / counted, _concatenate([part.state for part in done]), total

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def _concatenate(states: list[ModelState]) -> ModelState:
    if len(states) == 1:
        return states[0]
    return tuple(
        type(parts[0])(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))
        for parts in zip(*states, strict=True)
    )


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep BLAS to one thread: rows are split over ours, which beats splitting small products."""
    # Imported here: it looks through every library the process has loaded, which takes milliseconds.
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield

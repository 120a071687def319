"""The rows of a batch, split over threads or processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
from numpy.typing import NDArray

from elman.network import LanguageModel, ModelState
from elman.network.backprop import Backprop
from elman.training.flat import flat_view
from elman.training.shares import Task, concatenate, perform, rows_of, split_rows
from elman.typing import Floats, Ints, Params


class Workers:
    """Loss and gradients of a batch, its rows split over threads.

    Rows are independent, so that the split changes no mathematics. Shares are fixed, each draws its
    dropout from its own generator, and the sum over them is taken in one order: for a given number of
    shares the result is the same to the bit, whatever the scheduler does, and whether threads or
    processes (:class:`~elman.training.processes.ProcessWorkers`) do the work.

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
        self.model, self.batch, self.rows = model, batch, split_rows(batch, threads)
        self.grads = [model.new_grads()]
        self._open()
        # A dictionary of gradients is views of one vector, so that a sum of two is one call.
        self._flat = [_vector(grads) for grads in self.grads]

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
        # Columns of a C-contiguous window are not contiguous; tokens are small, so they are copied.
        tasks = [
            Task(
                np.ascontiguousarray(x[:, rows]),
                np.ascontiguousarray(y[:, rows]),
                rows_of(state, rows),
                1.0 / counted,
                None if seed is None else (*seed, index),
                None if reset is None else np.ascontiguousarray(reset[:, rows]),
                skip,
                state_after,
            )
            for index, rows in enumerate(self.rows)
        ]
        finish = self._start(tasks[1:])
        done = [perform(self.model, tasks[0], self.grads[0]), *finish()]
        for more in self._flat[1:]:
            np.add(self._flat[0], more, out=self._flat[0])
        nll = sum(part.nll for part in done)
        return nll / counted, concatenate([part.state for part in done]), self.grads[0]

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _open(self) -> None:
        """Get ready for the shares after the first, which the caller's own thread does."""
        others = len(self.rows) - 1
        self._replicas = [self.model.replica() for _ in range(others)]
        self.grads += [self.model.new_grads() for _ in range(others)]
        self._pool = ThreadPoolExecutor(max(others, 1), "elman")

    def _start(self, tasks: list[Task]) -> Callable[[], list[Backprop]]:
        """Start the tasks; return what waits for them."""
        jobs = zip(self._replicas, tasks, self.grads[1:], strict=True)
        futures = [self._pool.submit(perform, *job) for job in jobs]
        return lambda: [future.result() for future in futures]


def _vector(grads: Params) -> Floats:
    flat = flat_view(grads)
    assert flat is not None  # new_grads and the shared areas lay them out end to end
    return flat


def single_threaded_blas() -> Callable[[], AbstractContextManager[object]]:
    """Return what keeps BLAS to one thread while it is entered.

    Rows are split over workers of ours, which beats splitting small products. Finding the libraries takes
    milliseconds, and is done once; entering takes microseconds.
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()
    return lambda: controller.limit(limits=1, user_api="blas")

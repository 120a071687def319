"""The rows of a batch, split over threads or processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BrokenBarrierError
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.errors import CheckpointError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import Backprop
from elman.network.functional import squares
from elman.ranks import Summation, get_sum
from elman.ranks.compressed import Compressed
from elman.ranks.overlapped import Overlapped
from elman.training.flat import flat_view
from elman.training.meeting import Alone, Threads
from elman.training.member import Member
from elman.training.optim import Optimizer
from elman.training.optim import State as OptimizerState
from elman.training.shared import Flat, Heap, Shared, splits, take_shared
from elman.training.shares import Task, concatenate, rows_of_rank, split_rows
from elman.training.together import Together
from elman.typing import Floats, Ints, Params

R = TypeVar("R")
BY_ITSELF = Together()


class Workers:
    """Loss, gradients and updates of a batch, its rows split over threads.

    Rows are independent, so that the split changes no mathematics. Shares are fixed, each draws its
    dropout from its own generator, and every sum over them is taken in one order: for a given number of
    shares the result is the same to the bit, whatever the scheduler does, and whether threads or
    processes (:class:`~elman.training.processes.ProcessWorkers`) do the work.

    Parameters
    ----------
    model : LanguageModel
        Its parameters are shared with all threads.
    batch : int
        Rows, ``B``, of all ranks.
    threads : int
        At most this many shares of a rank; never more than rows.
    steps : int
        The longest window that will be asked for.
    optimizer : Optimizer, optional
        What makes updates.
    moments : dict, optional
        The optimiser's state; updated in place.
    average : dict, optional
        Averages of the parameters; updated in place where an update is asked to.
    frozen : bool
        Whether the word vectors stay as they are; of a model that is not tied.
    together : Together, optional
        Who trains together, and how gradients are added up; by default this process alone.
    left : ndarray of shape (N,), optional
        What an earlier session had left to send of its gradients. It goes with the next: all of it, where
        they are added up as they are or there is nobody to send them to.

    Raises
    ------
    ConfigError
        If there are more ranks than rows.
    CheckpointError
        If `left` has not as many numbers as the gradients.
    """

    def __init__(
        self, model: LanguageModel, batch: int, threads: int, steps: int,
        optimizer: Optimizer | None = None, moments: OptimizerState | None = None,
        average: Params | None = None, *, frozen: bool = False, together: Together = BY_ITSELF,
        left: Floats | None = None,
    ) -> None:  # fmt: skip
        ranks, self._owing = together.ranks, left is not None
        self.together, self.own = together, rows_of_rank(batch, ranks)
        self.whole = self.own.stop - self.own.start if together.apart else batch
        self.model, self.batch, self.steps = model, self.own.stop - self.own.start, steps
        self.rows = split_rows(self.batch, threads)
        self._first = sum(ranks.gather(len(self.rows))[: ranks.rank])  # machines may have other numbers
        self.optimizer, self.moments = optimizer, {} if moments is None else moments
        self.average, self.frozen = average, frozen
        self.slots = () if optimizer is None else tuple(optimizer.slots)
        self.split, self.norm, self.penalty = splits(model), 0.0, 0.0
        self.seconds = 0.0  # of the last pass, without waiting for other ranks
        self.members: list[Member] = []
        self._meeting: Alone | Threads = Alone()
        self._pool: ThreadPoolExecutor | None = None
        self.shared = self._open()
        first = model.params["embedding.E"].size if frozen else 0  # word vectors come first
        self._grads = self.shared.grads.vector[first:]
        self._held = np.zeros_like(self._grads) if together.accumulate > 1 or self._owing else None
        self._nll = self._penalty = 0.0  # of the windows of this update so far
        self.sum: Summation | None = None
        if together.summed:
            self.members[0].agreed = ranks.broadcast
            arrays = self.shared.grads.arrays
            self.sum = get_sum(together.communicator)(ranks, self._grads, arrays, together.ratio)
            # Gradients of several members, or windows, are to be added up before any are sent.
            if isinstance(self.sum, Overlapped) and len(self.rows) == together.accumulate == 1:
                self.members[0].ready = self.sum.ready
        if left is not None:
            self._owe(left)
        flats = (self.shared.params, *self.shared.slots, self.shared.average)
        vectors = [flat.vector[first:] for flat in flats if flat is not None]
        self._means = [(get_sum("flat")(ranks, vector, {}), vector) for vector in vectors if together.apart]

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
        counted: int | None = None,
        more: bool = False,
    ) -> tuple[float, ModelState, Params]:
        """Return what :meth:`elman.LanguageModel.loss_and_grads` returns for the whole batch, of one's rows.

        The global norm of the gradient is in `norm` afterwards, and in `penalty` what the loss has beside the
        negative log-likelihood.

        Parameters
        ----------
        x, y, state, reset, skip, state_after
            As there.
        seed : tuple of int, optional
            Masks are drawn from generators seeded with this and the number of the share; without it nothing
            is dropped. Members that share classes go by the words that the first draws.
        counted : int, optional
            The steps that the loss is the mean of, of all windows of the update; by default those of this.
        more : bool
            Whether other windows of the same update follow. What is returned then, and the norm, are of no
            use but for the state; the last window's are of all.

        Returns
        -------
        loss, state, grads
            As there, the state of one's own rows; the arrays of `grads` are overwritten by the next call.
            Where classes are shared and an optimiser that needs no other words is at work, the gradients of
            the words that occurred are not among them, nor those by ``output.V`` where few words are drawn.
            Frozen word vectors have none.
        """
        counted = (counted or len(x) - skip) * self.whole
        whole = Task(x, y, state, 1.0 / counted, seed, reset, skip, state_after)
        tasks = [whole.part(self._first + index, rows) for index, rows in enumerate(self.rows)]
        began = time.perf_counter()
        done, by_member = zip(*self._pass(tasks), strict=True)
        self.seconds = time.perf_counter() - began
        state = concatenate([part.state for part in done])
        # Who shares the classes knows the loss of all rows.
        nll = done[0].nll if self.split and self.model.output.shares else sum(part.nll for part in done)
        self._nll += nll
        self._penalty += sum(part.penalty for part in done)
        if self._held is not None and more:
            np.add(self._held, self._grads, out=self._held)
            return 0.0, state, self.shared.grads.arrays
        loss = self._end(sum(by_member)) / counted + self.penalty
        return loss, state, self.shared.grads.arrays

    def _end(self, total: float) -> float:
        """Add up over windows and ranks, given the squares of this window's; return the likelihood's part."""
        nll, penalty = self._nll, self._penalty
        self._nll = self._penalty = 0.0
        if self._held is not None:
            np.add(self._grads, self._held, out=self._grads)
            self._held.fill(0.0)
            self._held = self._held if self.together.accumulate > 1 else None  # what was owed is paid
            with np.errstate(all="ignore"):  # what overflows shows in the norm
                total = squares(self._grads)
        if self.sum is not None:
            total = self.model.clock.timed("sum over ranks", self.sum)()
            nll, penalty, total = self.together.ranks.agree([nll, penalty, total]).sum(axis=0).tolist()
        self.norm, self.penalty = math.sqrt(total), penalty
        return nll

    @property
    def unsent(self) -> Floats | None:
        """What this rank has not sent of its gradients yet, ``(N,)``, where it sends little."""
        return self.sum.unsent if isinstance(self.sum, Compressed) else None

    def _owe(self, left: Floats) -> None:
        """Take what is to go with the next gradients."""
        if left.shape != self._grads.shape:
            raise self.together.ranks.alike(
                CheckpointError(
                    f"the checkpoint has {left.size:,} numbers of gradients left to send, and the model has "
                    f"{self._grads.size:,} gradients: they are of different runs; begin anew"
                )
            )
        kept = self.sum.left if isinstance(self.sum, Compressed) else self._held
        assert kept is not None
        np.copyto(kept, left)

    def synchronise(self) -> None:
        """Let parameters, moments and averages be the means of those of all ranks."""
        for add_up, vector in self._means:
            add_up()
            np.multiply(vector, 1.0 / self.together.ranks.size, out=vector)

    def update(self, lr: float, clip: float | None = None, weight: float = 0.0) -> None:
        """Take the step of the optimiser along the gradient of the last call, clipped to a global norm.

        Parameters
        ----------
        lr : float
            The learning rate.
        clip : float, optional
            The largest norm; the gradient is scaled down to it.
        weight : float
            By how much of their distance the averages then move towards the parameters.
        """
        scale = clip / self.norm if clip and self.norm > clip else 1.0
        self.moments["t"][...] += 1
        self.shared.control[:] = int(self.moments["t"]), lr, scale, weight
        self._update()

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    @property
    def every(self) -> bool:
        """Whether all gradients are written, since they are added to others."""
        return self.together.summed or self.together.accumulate > 1 or self._owing

    def _open(self) -> Shared:
        """Get ready, with threads for all members but the first, which the caller's own thread is."""
        count = len(self.rows)
        # Threads see the model's own parameters and moments as they are.
        slots = [{name: self.moments[f"{slot}.{name}"] for name in self.model.params} for slot in self.slots]
        params, *moments = (Flat(_vector(arrays), arrays) for arrays in (self.model.params, *slots))
        average = False if self.average is None else Flat(_vector(self.average), self.average)
        shared = take_shared(
            Heap(), self.model, self.batch, count, self.steps, self.split, params, moments, average
        )
        if count > 1:
            self._meeting, self._pool = Threads(count), ThreadPoolExecutor(count - 1, "elman")
        models = [self.model, *(self.model.replica() for _ in range(count - 1))]
        self.members = [
            Member(
                index, model, shared, self.rows, self._meeting, self.optimizer, frozen=self.frozen,
                every=self.every,
            )
            for index, model in enumerate(models)
        ]  # fmt: skip
        return shared

    def _pass(self, tasks: list[Task]) -> list[tuple[Backprop, float]]:
        """Do the tasks; return what they gave, and the squares of each member's stretch of the gradient."""

        def work(member: Member) -> tuple[Backprop, float]:
            add_up = member.model.clock.timed("sum of gradients", member.add_up)
            return member.perform(tasks[member.index]), add_up()

        return self._together(work)

    def _update(self) -> None:
        self._together(lambda member: member.model.clock.timed("update", member.update)())

    def _together(self, work: Callable[[Member], R]) -> list[R]:
        """Let every member work; raise what the first of them to fail raised."""
        if self._pool is None:
            return [work(self.members[0])]
        futures = [self._pool.submit(self._guarded, work, member) for member in self.members[1:]]
        results: list[R] = []
        failures: list[BaseException] = []
        asked: list[Callable[[], R]] = [lambda: self._guarded(work, self.members[0])]
        for ask in (*asked, *(future.result for future in futures)):
            try:
                results.append(ask())
            except BaseException as error:
                failures.append(error)
        if failures:
            if isinstance(self._meeting, Threads):
                self._meeting.reset()
            # A broken meeting is what the others see of the one that failed.
            raise next((e for e in failures if not isinstance(e, BrokenBarrierError)), failures[0])
        return results

    def _guarded(self, work: Callable[[Member], R], member: Member) -> R:
        try:
            return work(member)
        except BaseException:
            if isinstance(self._meeting, Threads):
                self._meeting.abort()  # or the others would wait for ever
            raise


def _vector(arrays: Params) -> Floats:
    vector = flat_view(arrays)
    assert vector is not None  # a model's parameters and an optimiser's moments lie end to end
    return vector

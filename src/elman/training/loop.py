"""The training loop: one screen, read from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from elman.data import Stream
from elman.network import LanguageModel, ModelState
from elman.ranks import ALONE
from elman.training.divergence import explain_divergence
from elman.training.optim import State as OptimizerState
from elman.training.schedules import Schedule
from elman.training.windows import RandomWindows
from elman.training.workers import Workers
from elman.typing import Floats, Params


@dataclass
class Progress:
    """Where training stands: all that changes from step to step, beside the parameters.

    Attributes
    ----------
    state : tuple of NamedTuple
        The state that enters the next window, of this rank's own rows.
    moments : dict
        The optimiser's state.
    step : int
        Updates made.
    epoch : int
        Passes over the text completed.
    position : int
        Steps of the stream consumed in this epoch.
    tokens : int
        Tokens trained on.
    seconds : float
        Time spent, over all sessions.
    loss_sum : float
        Loss summed since the last line of the metrics, in nats times steps, without penalties.
    penalty_sum : float
        Penalties summed likewise.
    loss_steps : int
        Steps in these sums.
    evaluations : list of (step, loss)
        Validation losses.
    evaluated : int
        Step of the last evaluation, with or without a validation part.
    horizon : int
        Steps that a run bounded by minutes is planned to take; 0 without a plan.
    average : dict of str to ndarray, optional
        The averages of the parameters, where they are to be averaged some time.
    averaged : int
        How many sets of parameters are in them; 0 before averaging has begun.
    left : ndarray of shape (N,), optional
        What this rank has not sent of its gradients yet, where it sends little.
    """

    state: ModelState
    moments: OptimizerState
    step: int = 0
    epoch: int = 0
    position: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    penalty_sum: float = 0.0
    loss_steps: int = 0
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    evaluated: int = 0
    horizon: int = 0
    average: Params | None = None
    averaged: int = 0
    left: Floats | None = None


class StepRecord(NamedTuple):
    """What one update did."""

    step: int
    tokens: int
    loss: float  # mean over the window, in nats: what perplexity is the exponential of
    lr: float
    grad_norm: float  # before clipping
    penalty: float = 0.0  # what the objective has beside the loss


def training_steps(
    model: LanguageModel,
    stream: Stream,
    schedule: Schedule,
    progress: Progress,
    workers: Workers,
    *,
    clip: float,
    seed: int,
    back: int,
    windows: RandomWindows | None = None,
) -> Iterator[StepRecord]:
    """Train without end, a record a step; the caller stops when it has seen enough.

    Parameters
    ----------
    model : LanguageModel
        Its parameters are updated in place.
    stream : Stream
        The training text as B parallel streams, cut into windows.
    schedule : Schedule
        What makes a rate of a step.
    progress : Progress
        Where to start; updated in place before each record is yielded.
    workers : Workers
        What computes loss and gradients, and updates with an optimiser whose state is that of `progress`,
        as are the averages.
    clip : float
        Largest global norm of the gradient; 0 leaves it alone.
    seed : int
        With the number of the step it seeds masks, so that a resumed run draws what it would have.
    back : int
        Steps each backward pass reaches back, at least the window. What comes before a window of another
        length is as long as before one of the usual.
    windows : RandomWindows, optional
        Draws the length of the window of each update, in place of that of `stream`. The rate is then that of
        the schedule times the length over the usual one, so that every token weighs the same.

    Raises
    ------
    DivergenceError
        If the loss or a gradient is not finite; the parameters are those before the step.
    """
    reach = back - stream.window
    while True:
        length = windows.length(progress.step) if windows else stream.window
        pieces = _pieces(progress.position, length, stream.steps, workers.together.accumulate)
        first, last, state = progress.position, pieces[-1][1], progress.state
        lr = schedule(progress.step, progress.evaluations)
        if windows:
            lr *= (last - first) / (len(pieces) * stream.window)
        for number, (start, stop) in enumerate(pieces):
            entered = max(0, start - reach)
            window = model.clock.timed("data", stream.window_at)(entered, stop)
            if model.learn_state and not entered:  # what an epoch begins with has a gradient too
                window = window.anew()
            entering = state
            loss, state, grads = workers.loss_and_grads(
                window.x,
                window.y,
                entering,
                seed=(seed, progress.step, number)[: 2 + (number > 0)] if model.stochastic else None,
                reset=window.reset,
                skip=start - entered,
                state_after=max(0, stop - reach) - entered,
                counted=last - first,
                more=stop < last,
            )
        if not (np.isfinite(loss) and np.isfinite(workers.norm)):
            ranks = workers.together.ranks if workers.together.summed else ALONE
            raise ranks.alike(
                explain_divergence(
                    model, window, entering, grads, progress.step, clip, row=workers.own.start, ranks=ranks
                )
            )
        loss -= workers.penalty
        averaged = progress.averaged and progress.averaged + 1
        workers.update(lr, clip, 1.0 / averaged if averaged else 0.0)
        progress.averaged = averaged
        progress.state, progress.position = state, last
        progress.step += 1
        progress.tokens += (last - first) * stream.batch
        progress.loss_sum += loss
        progress.penalty_sum += workers.penalty
        progress.loss_steps += 1
        if last == stream.steps:
            progress.epoch += 1
            progress.position = 0
            progress.state = model.initial_state(workers.batch)
        yield StepRecord(progress.step, progress.tokens, loss, lr, workers.norm, workers.penalty)


def _pieces(start: int, length: int, steps: int, number: int) -> list[tuple[int, int]]:
    """Return the windows of an update, so many if the epoch has them: first steps, and the ones after."""
    stop = min(start + number * length, steps)
    return [(first, min(first + length, stop)) for first in range(start, stop, length)]

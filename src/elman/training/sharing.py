"""Who shares a batch, where nobody has said: nobody, threads, processes, or ranks."""

from __future__ import annotations

from dataclasses import replace

from elman.network import LanguageModel
from elman.network.threads import usable_cores
from elman.storage.config import TrainConfig
from elman.storage.run import build_model
from elman.training.optim import Optimizer
from elman.training.optim import State as OptimizerState
from elman.training.processes import ProcessWorkers
from elman.training.together import Together
from elman.training.workers import BY_ITSELF, Workers
from elman.typing import Floats, Params

FEWEST_ROWS = 4  # in a share, where nobody has said how many shares; fewer make products too thin


def best_threads(model: LanguageModel, batch: int, steps: int) -> int:
    """Return how many shares to cut a batch into where nobody has said: one a core, if processes pay."""
    if not ProcessWorkers.can_serve(model, batch, steps):
        return 1
    return max(1, min(usable_cores(), batch // FEWEST_ROWS))


def best_ranks(config: TrainConfig) -> int:
    """Return how many ranks to start on this machine where that is left to us.

    Processes that share memory are faster than ranks, which send, at every size that was measured; so it is
    one rank, where they can be had and nobody has said how many threads. Elsewhere it is as many as there
    are cores for, if a step is work enough. The vocabulary, which is not known yet, is left out of the work.
    """
    whole = replace(config, output="full", cutoffs=None, samples=None, experts=None)
    model = build_model(whole, 1, blank=True)
    steps = config.back or config.window
    pays = ProcessWorkers.is_enough(model, config.batch, steps)
    if not pays or (config.threads is None and ProcessWorkers.can_serve(model, config.batch, steps)):
        return 1
    return max(1, min(usable_cores() // (config.threads or 1), config.batch // FEWEST_ROWS))


def make_workers(
    model: LanguageModel, batch: int, threads: int, steps: int,
    optimizer: Optimizer | None = None, moments: OptimizerState | None = None,
    average: Params | None = None, *, frozen: bool = False, together: Together = BY_ITSELF,
    left: Floats | None = None,
) -> Workers:  # fmt: skip
    """Return what splits a batch best: processes where a step is work enough, threads elsewhere."""
    mine = batch // together.ranks.size
    processes = threads > 1 and mine > 1 and ProcessWorkers.can_serve(model, mine, steps, optimizer)
    kind = ProcessWorkers if processes else Workers
    return kind(
        model, batch, threads, steps, optimizer, moments, average,
        frozen=frozen, together=together, left=left,
    )  # fmt: skip

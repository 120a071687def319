"""How fast this process multiplies large matrices, and trains a small model."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from time import perf_counter, thread_time
from typing import Any

from elman.errors import ConfigError


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes
    ----------
    matrix : int
        The side of the square matrices that are multiplied.
    embedding, hidden, layers, vocab_size, batch, window : int
        Of the small model, an LSTM, and its training step.
    rounds : int
        How often each rate is measured; the median counts.
    seconds : float
        How long one measurement repeats what it measures, which it does at least once.
    """

    matrix: int = 1024
    embedding: int = 64
    hidden: int = 128
    layers: int = 2
    vocab_size: int = 65
    batch: int = 50
    window: int = 50
    rounds: int = 5
    seconds: float = 0.05

    def __post_init__(self) -> None:
        """Refuse sizes that leave nothing to do."""
        for name, value in asdict(self).items():
            if value < (0 if name == "seconds" else 1):
                raise ConfigError(f"{name} must be at least {int(name != 'seconds')}, not {value!r}")


@dataclass(frozen=True)
class Rates:
    """How fast, in float32.

    Attributes
    ----------
    sgemm_one, sgemm_all : float
        Products of large matrices, in GFLOP/s: with one thread, and with all that the BLAS uses.
    step_tokens : float
        Tokens a second in a training step (loss and gradients) of the small model, with one thread.
    step_gflops : float
        The same in GFLOP/s, the operations of its products counted.
    running : float
        The part of the step's time in which this process had a processor; the rest went to others.
    """

    sgemm_one: float
    sgemm_all: float
    step_tokens: float
    step_gflops: float
    running: float = 1.0

    @property
    def step_share(self) -> float:
        """The part of the rate of large products that the training step reaches."""
        return self.step_gflops / self.sgemm_one


class Bench:
    """Measures in this process.

    Parameters
    ----------
    sizes : Sizes
        What to measure.
    """

    def __init__(self, sizes: Sizes) -> None:
        import numpy as np
        from threadpoolctl import ThreadpoolController

        from elman.network import LanguageModel

        self.sizes = sizes
        rng = np.random.default_rng(0)
        self._a, self._b = rng.standard_normal((2, sizes.matrix, sizes.matrix), np.float32)
        self._product = np.empty_like(self._a)
        model = LanguageModel(
            vocab_size=sizes.vocab_size, cell="lstm", embedding=sizes.embedding, hidden=sizes.hidden,
            layers=sizes.layers, dtype="float32", seed=0,
        )  # fmt: skip
        self._model, self._grads = model, model.new_grads()
        self._x, self._y = rng.integers(0, sizes.vocab_size, (2, sizes.window, sizes.batch))
        self._state = model.initial_state(sizes.batch)
        # Each weight is used three times a token: forward, for the derivative of what came in, for its own.
        # Each use is a product and a sum. Word vectors are looked up, and biases are no products.
        weights = sum(array.size for name, array in model.params.items() if name[-2:] in (".U", ".W", ".V"))
        self._operations = 6 * weights
        self._controller = ThreadpoolController()
        self._blas: list[dict[str, Any]] = self._controller.select(user_api="blas").info()
        with self._one_thread():  # the first call of anything is slow
            self._multiply()
            self._step()

    def round(self) -> Rates:
        """Measure everything once."""
        n, seconds = self.sizes.matrix, self.sizes.seconds
        flops = 2.0 * n**3
        one = several = flops / median_time(self._multiply, seconds) / 1e9
        with self._one_thread():
            if any(info["num_threads"] != 1 for info in self._blas):
                one = flops / median_time(self._multiply, seconds) / 1e9
            began, ran = perf_counter(), thread_time()
            step = median_time(self._step, seconds)
            running = (thread_time() - ran) / (perf_counter() - began)
        tokens = self.sizes.batch * self.sizes.window / step
        return Rates(one, several, tokens, tokens * self._operations / 1e9, running)

    def _one_thread(self) -> AbstractContextManager[object]:
        limit: AbstractContextManager[object] = self._controller.limit(limits=1, user_api="blas")
        return limit

    def _multiply(self) -> None:
        import numpy as np

        np.matmul(self._a, self._b, out=self._product)

    def _step(self) -> None:
        self._model.loss_and_grads(self._x, self._y, self._state, out=self._grads)


def middle(rounds: Sequence[Rates]) -> Rates:
    """Return the median of every rate."""
    return Rates(
        **{f.name: statistics.median(getattr(rates, f.name) for rates in rounds) for f in fields(Rates)}
    )


def median_time(call: Callable[[], object], seconds: float) -> float:
    """Return the median of the seconds that a call takes, called once or for so long."""
    times: list[float] = []
    spent = 0.0
    while not times or spent < seconds:
        began = perf_counter()
        call()
        times.append(perf_counter() - began)
        spent += times[-1]
    return statistics.median(times)

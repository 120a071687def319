"""Problems for gradient checks: large asymmetric weights, batch > 1, T > 1, depth 3, non-zero states."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elman.insight import reference

CELLS = [
    ("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("lstm-peephole", "tanh"), ("lstm-coupled", "tanh"),
    ("gru", "tanh"), ("gru-before", "tanh"), ("mgu", "tanh"), ("indrnn", "tanh"), ("mingru", "tanh"),
    ("minlstm", "tanh"), ("sru", "tanh"),
]  # fmt: skip
PROJECTED = CELLS[:5]
LAYERS = 3


@dataclass
class Problem:
    """Parameters, tokens, a state and options for one cell; the state is part of `arrays`."""

    cell: str
    activation: str
    params: dict[str, np.ndarray]
    x: np.ndarray
    y: np.ndarray
    state: list[dict[str, np.ndarray]]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters and initial state in one dictionary, so that both are checked."""
        return self.params | flat_state(self.state)

    def split(self, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """Return the arguments of the reference functions with params and state taken from `arrays`."""
        params = {name: arrays[name] for name in self.params}
        state = [{name: arrays[f"state.{l}.{name}"] for name in entry} for l, entry in enumerate(self.state)]
        how = {"cell": self.cell, "activation": self.activation, **self.options}
        return {"params": params, "x": self.x, "y": self.y, "state": state, **how}

    def loss(self, arrays: dict[str, np.ndarray], module: Any = reference) -> float:
        """Return the loss at `arrays`."""
        return module.loss(**self.split(arrays))

    def loss_and_grads(self, arrays: dict[str, np.ndarray], module: Any = reference, **more: Any) -> Any:
        """Return the loss and the gradients of parameters and initial state, by name."""
        function = module.truncated_loss_and_grads if "every" in more else module.loss_and_grads
        value, _, grads, dstate = function(**self.split(arrays), **more)
        return value, grads | flat_state(dstate)


def flat_state(state: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return a state as `state.<layer>.<name>`."""
    return {f"state.{l}.{name}": array for l, entry in enumerate(state) for name, array in entry.items()}


def stated_objective(problem: Problem, every: int, back: int) -> Callable[[dict[str, np.ndarray]], float]:
    """Return the objective of truncated back-propagation: the states it holds constant are those of now."""
    arguments = problem.split(problem.arrays)
    del arguments["y"]
    held = reference.states_entering(**arguments)

    def objective(arrays: dict[str, np.ndarray]) -> float:
        arguments = problem.split(arrays)
        entering = [arguments.pop("state"), *held[1:]]  # the state that enters the window is ours to move
        return reference.truncated_loss(**arguments, entering=entering, every=every, back=back)

    return objective


def draw(
    cell: str,
    activation: str = "tanh",
    *,
    seed: int = 0,
    steps: int = 4,
    batch: int = 2,
    classes: int = 5,
    width: int = 3,
    tied: bool = False,
    scale: float = 0.8,
    projection: int | None = None,
    layer_norm: bool = False,
    learn_state: bool = False,
    **options: Any,
) -> Problem:
    """Draw a problem; the options go to the reference functions."""
    rng = np.random.default_rng([seed, len(cell), len(activation)])
    embedding = (projection or width) if tied else width - 1  # D differs from H where it may
    sizes = {"hidden": width, "layers": LAYERS, "projection": projection}
    more = {"layer_norm": layer_norm, "learn_state": learn_state}
    params = reference.draw_params(
        cell, rng, classes=classes, embedding=embedding, tied=tied, scale=scale, **sizes, **more,
        connections=options.get("connections", "none"),
    )  # fmt: skip
    state = reference.draw_state(cell, rng, batch=batch, **sizes)
    x, y = rng.integers(classes, size=(2, steps, batch))
    return Problem(cell, activation, params, x, y, state, options)


def draw_masks(steps: int = 4, batch: int = 2, width: int = 3) -> list[np.ndarray | None]:
    """Draw inverted dropout masks (rate 0.4) for layers 0 and 2, none for layer 1."""
    rng = np.random.default_rng(7)
    first, last = (rng.random((2, steps, batch, width)) > 0.4) / 0.6
    return [first, None, last]


def draw_reset(steps: int = 4, batch: int = 2) -> np.ndarray:
    """Return resets of one row at a time: never both, once at the first step, once in the middle."""
    reset = np.zeros((steps, batch), bool)
    reset[0, 1] = reset[2, 0] = True
    return reset

"""RNN, LSTM and GRU as their specification has them: a row, a step and a direction at a time, in float64.

Written from the text of the specification, so as to share nothing with the layers that the backend runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array], Array]


def _softplus(x: Array) -> Array:
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


# Name: how many of alpha and beta it takes, their defaults, and its formula.
FUNCTIONS: dict[str, tuple[tuple[float, ...], Callable[..., Array]]] = {
    "Relu": ((), lambda x: np.maximum(0, x)),
    "Tanh": ((), np.tanh),
    "Sigmoid": ((), lambda x: np.exp(-np.logaddexp(0, -x))),
    "Affine": ((1.0, 0.0), lambda x, alpha, beta: alpha * x + beta),
    "LeakyRelu": ((0.01,), lambda x, alpha: np.where(x >= 0, x, alpha * x)),
    "ThresholdedRelu": ((1.0,), lambda x, alpha: np.where(x >= alpha, x, 0)),
    "ScaledTanh": ((1.0, 1.0), lambda x, alpha, beta: alpha * np.tanh(beta * x)),
    "HardSigmoid": ((0.2, 0.5), lambda x, alpha, beta: np.minimum(np.maximum(alpha * x + beta, 0), 1)),
    "Elu": ((1.0,), lambda x, alpha: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))),
    "Softsign": ((), lambda x: x / (1 + np.abs(x))),
    "Softplus": ((), _softplus),
}
USUAL = {"RNN": ("Tanh",), "LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh")}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


class Inputs(NamedTuple):
    """Of a node; axes as with ``layout`` 0."""

    X: Array
    W: Array
    R: Array
    B: Array | None = None
    sequence_lens: Array | None = None
    initial_h: Array | None = None
    initial_c: Array | None = None
    P: Array | None = None


def run(operator: str, attributes: dict[str, Any], given: Inputs) -> tuple[Array, ...]:
    """Return Y, Y_h and, of an LSTM, Y_c; axes as with ``layout`` 0."""
    T, B, _ = given.X.shape
    H, direction = given.R.shape[2], attributes.get("direction", "forward")
    directions = ["forward", "reverse"] if direction == "bidirectional" else [direction]
    all_functions = functions_of(operator, attributes, len(directions))
    states = 2 if operator == "LSTM" else 1
    Y, last = np.zeros((T, len(directions), B, H)), np.zeros((states, len(directions), B, H))
    lengths = [T] * B if given.sequence_lens is None else list(given.sequence_lens)
    for d, way in enumerate(directions):
        W, R = given.W[d].astype(np.float64), given.R[d].astype(np.float64)
        bias = np.zeros(2 * len(W)) if given.B is None else given.B[d].astype(np.float64)
        P = np.zeros(3 * H) if given.P is None else given.P[d].astype(np.float64)
        for row in range(B):
            state = [
                np.zeros(H) if initial is None else initial[d, row].astype(np.float64)
                for initial in (given.initial_h, given.initial_c)[:states]
            ]
            steps = range(lengths[row])
            for t in steps if way == "forward" else reversed(steps):
                x = given.X[t, row].astype(np.float64)
                state = STEPS[operator](attributes, all_functions[d], x, state, W, R, bias, P)
                Y[t, d, row] = state[0]
            last[:, d, row] = state
    return (Y, *last)


def functions_of(operator: str, attributes: dict[str, Any], directions: int) -> list[list[Function]]:
    """Return the activations of each direction; alpha and beta go to those that take them, in order.

    ``clip`` bounds what goes into the gates and the candidate. "The input of activations" can be read to take
    in ``h(Ct)`` of an LSTM too; ONNX Runtime does not, and neither do we.
    """
    names = attributes.get("activations") or list(USUAL[operator]) * directions
    queues = [iter(attributes.get(f"activation_{which}") or []) for which in ("alpha", "beta")]
    spelling = {name.lower(): name for name in FUNCTIONS}
    clip = attributes.get("clip", np.inf)
    made: list[Function] = []
    size = len(USUAL[operator])
    for index, name in enumerate(names):
        defaults, formula = FUNCTIONS[spelling[name.lower()]]
        bound = np.inf if index % size == 2 else clip
        numbers = [next(queue, default) for queue, default in zip(queues, defaults, strict=False)]
        made.append(lambda x, f=formula, n=numbers, c=bound: f(np.clip(x, -c, c), *n))  # type: ignore[misc]
    return [made[first : first + size] for first in range(0, len(made), size)]


def _rnn(
    attributes: Any, functions: Sequence[Function], x: Any, state: Any, W: Any, R: Any, bias: Any, P: Any
) -> list[Array]:
    Wb, Rb = np.split(bias, 2)
    return [functions[0](x @ W.T + state[0] @ R.T + Wb + Rb)]


def _lstm(
    attributes: Any, functions: Sequence[Function], x: Any, state: Any, W: Any, R: Any, bias: Any, P: Any
) -> list[Array]:
    f, g, h = functions
    (H, C), (Pi, Po, Pf) = state, np.split(P, 3)
    Wi, Wo, Wf, Wc = np.split(W, 4)
    Ri, Ro, Rf, Rc = np.split(R, 4)
    Wbi, Wbo, Wbf, Wbc, Rbi, Rbo, Rbf, Rbc = np.split(bias, 8)
    it = f(x @ Wi.T + H @ Ri.T + Pi * C + Wbi + Rbi)
    ft = 1 - it if attributes.get("input_forget") else f(x @ Wf.T + H @ Rf.T + Pf * C + Wbf + Rbf)
    ct = g(x @ Wc.T + H @ Rc.T + Wbc + Rbc)
    Ct = ft * C + it * ct
    ot = f(x @ Wo.T + H @ Ro.T + Po * Ct + Wbo + Rbo)
    return [ot * h(Ct), Ct]


def _gru(
    attributes: Any, functions: Sequence[Function], x: Any, state: Any, W: Any, R: Any, bias: Any, P: Any
) -> list[Array]:
    (f, g), (H,) = functions, state
    Wz, Wr, Wh = np.split(W, 3)
    Rz, Rr, Rh = np.split(R, 3)
    Wbz, Wbr, Wbh, Rbz, Rbr, Rbh = np.split(bias, 6)
    zt = f(x @ Wz.T + H @ Rz.T + Wbz + Rbz)
    rt = f(x @ Wr.T + H @ Rr.T + Wbr + Rbr)
    if attributes.get("linear_before_reset"):
        ht = g(x @ Wh.T + rt * (H @ Rh.T + Rbh) + Wbh)
    else:
        ht = g(x @ Wh.T + (rt * H) @ Rh.T + Rbh + Wbh)
    return [(1 - zt) * ht + zt * H]


STEPS: dict[str, Callable[..., list[Array]]] = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}

"""Recurrent layers as plain formulas, with every convention an argument: gate by gate, in float64.

A convention is found by trying: of all that one could mean, exactly one gives the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array], Array]


class Sample(NamedTuple):
    """One layer, one way: its weights in blocks as they are stacked, and what it made of a sequence."""

    x: Array  # (T, B, D)
    U: Array  # (G, D, H): multiplies inputs, as x U
    W: Array  # (G, H, H), or (G, P, H): multiplies h, as h W
    b: Array  # (G, H)
    b2: Array  # (G, H): the bias of the recurrent product, zero where there is none
    h0: Array  # (B, H)
    c0: Array | None
    out: Array  # (T, B, H)
    h: Array  # (B, H): the state that it left
    c: Array | None


def sigmoid(x: Array) -> Array:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(slope: float) -> Function:
    """Return a line through 1/2, cut off at 0 and 1."""
    return lambda x: np.clip(slope * x + 0.5, 0, 1)


def fits(found: Array, expected: Array) -> bool:
    """Say whether numbers agree as far as their precision allows."""
    single = np.float32 in (found.dtype, expected.dtype)
    scale = max(1.0, float(np.abs(expected).max()))
    return bool(np.abs(found - expected).max() < (2e-5 if single else 1e-11) * scale)


def the_one(found: Array, candidates: Mapping[str, Array]) -> str:
    """Return the name of the one candidate that gives the numbers; all others must be clearly off."""
    off = {name: float(np.abs(found - made).max()) for name, made in candidates.items()}
    fitting = [name for name, made in candidates.items() if fits(found, made)]
    near = [name for name, size in off.items() if size < 1e-3]
    assert len(fitting) == 1, (
        f"{fitting or 'none'} of {len(off)} candidates fits; nearest {min(off.values()):.2g}"
    )
    assert near == fitting, f"{near} are too near to one another to tell"
    return fitting[0]


def scan(
    s: Sample,
    step: Callable[..., tuple[Array, ...]],
    states: Sequence[Array],
    *,
    back: bool = False,
    of: int = 0,
) -> Array:
    """Return a state, h if not said, of every step (T, B, H), each at its own place.

    It goes from the first step to the last, or back.
    """
    out: list[Any] = [None] * len(s.x)
    for t in reversed(range(len(s.x))) if back else range(len(s.x)):
        states = step(s.x[t], *states)
        out[t] = states[of]
    return np.stack(out)


def rnn(s: Sample, f: Function = np.tanh, *, back: bool = False) -> Array:
    """Return the outputs of a simple layer."""
    return scan(s, lambda x, h: (f(x @ s.U[0] + s.b[0] + h @ s.W[0] + s.b2[0]),), [s.h0], back=back)


class Options(NamedTuple):
    """What an LSTM may do otherwise."""

    gate: Function = sigmoid
    candidate: Function = np.tanh
    output: Function = np.tanh
    peepholes: Mapping[str, Array] | None = None
    o_sees: str = "new"
    coupled: str = ""
    clip: float = np.inf
    clip_output: float = np.inf
    clip_memory: float = np.inf
    projection: Array | None = None


def lstm(
    s: Sample, order: Sequence[str] | str, how: Options | None = None, *, back: bool = False, of: int = 0
) -> Array:
    """Return the outputs of an LSTM whose blocks stand in that order; with `of` 1 its memory cells."""
    how = how or Options()
    at = {gate: order.index(gate) for gate in order}
    p = how.peepholes or dict.fromkeys("ifo", np.zeros(s.U.shape[2]))

    def step(x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        def a(gate: str, seen: Array | float = 0.0) -> Array:
            g = at[gate]
            sees = p[gate] * seen if gate in p else 0.0
            return np.clip(x @ s.U[g] + s.b[g] + h @ s.W[g] + s.b2[g] + sees, -how.clip, how.clip)

        i = 1 - how.gate(a("f", c)) if how.coupled == "i = 1 - f" else how.gate(a("i", c))
        f = 1 - i if how.coupled == "f = 1 - i" else how.gate(a("f", c))
        new = np.clip(f * c + i * how.candidate(a("g")), -how.clip_memory, how.clip_memory)
        o = how.gate(a("o", new if how.o_sees == "new" else c))
        out = o * how.output(np.clip(new, -how.clip_output, how.clip_output))
        return (out if how.projection is None else out @ how.projection), new

    assert s.c0 is not None
    return scan(s, step, [s.h0, s.c0], back=back, of=of)


def gru(
    s: Sample, order: Sequence[str] | str, *, keeps: str = "the old state", reset: str = "after",
    inside: str = "b2", gate: Function = sigmoid, candidate: Function = np.tanh,
) -> Array:  # fmt: skip
    """Return the outputs of a GRU; `inside` says which bias of the candidate stands within the reset."""
    zero = np.zeros(s.U.shape[2])

    def step(x: Array, h: Array) -> tuple[Array]:
        r, z = (
            gate(x @ s.U[g] + s.b[g] + h @ s.W[g] + s.b2[g]) for g in (order.index("r"), order.index("z"))
        )
        g = order.index("n")
        within = {"b2": s.b2[g], "b": s.b[g], "neither": zero, "both": s.b[g] + s.b2[g]}[inside]
        outer = s.b[g] + s.b2[g] - within
        inner = r * (h @ s.W[g] + within) if reset == "after" else (r * h) @ s.W[g] + within
        n = candidate(x @ s.U[g] + outer + inner)
        return ((1 - z) * n + z * h if keeps == "the old state" else z * n + (1 - z) * h,)

    return scan(s, step, [s.h0])


def lstm_order(s: Sample) -> str:
    """Return the order of the blocks, of all that there could be."""
    return the_one(s.out, {", ".join(order): lstm(s, order) for order in permutations("ifgo")})


def gru_conventions(s: Sample) -> tuple[str, str, str]:
    """Return the order of the blocks, what z keeps, and on which side of the product the reset acts."""
    found = the_one(
        s.out,
        {
            f"{', '.join(order)}/{keeps}/{reset}": gru(s, order, keeps=keeps, reset=reset)
            for order in permutations("rzn")
            for keeps in ("the old state", "the candidate")
            for reset in ("before", "after")
        },
    )
    order, keeps, reset = found.split("/")
    return order, keeps, reset

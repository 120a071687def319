"""Long short-term memory with any activations, with or without peepholes and a forget gate of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.network.cells.activations import Activation
from elman.network.cells.base import State
from elman.network.cells.general import General
from elman.network.cells.lstm import LSTMState
from elman.typing import Floats


class GeneralLSTM(General):
    """Long short-term memory with any activations; gate blocks in the order i, f, o, g.

    .. math::

        i, f &= f(\\mathrm{clip}(x_t U_{i,f} + h_{t-1} W_{i,f} + p_{i,f} \\odot c_{t-1} + b_{i,f})) \\\\
        g &= g(\\mathrm{clip}(x_t U_g + h_{t-1} W_g + b_g)) \\\\
        c_t &= f \\odot c_{t-1} + i \\odot g \\\\
        o &= f(\\mathrm{clip}(x_t U_o + h_{t-1} W_o + p_o \\odot c_t + b_o)), \\qquad h_t = o \\odot h(c_t)

    The terms with ``p`` are there with peepholes only; its rows are i, f, o. With coupled gates
    :math:`f = 1 - i`, the gate blocks are i, o, g, and the rows of ``p`` i, o. What goes into h is not
    bounded: ONNX's text can be read either way, and ONNX Runtime bounds the gates and the candidate only.

    Per step, row and hidden unit it keeps its gates, ``h(c)`` and 2 states, and what went into those of f and
    g whose slope cannot be read off their value: at most 44 bytes in float32.

    Parameters
    ----------
    activations : sequence of Activation
        Three: f of the gates, g of the candidate, h of the memory cell.
    peepholes, coupled : bool
        Whether the gates see the memory cell, and whether the forget gate is one minus the input gate.
    clip : float, optional
        Pre-activations are bounded to ``[-clip, clip]``, after the peepholes' terms.
    """

    state_type = LSTMState

    def __init__(
        self,
        activations: Sequence[Activation],
        *,
        peepholes: bool = False,
        coupled: bool = False,
        clip: float | None = None,
    ) -> None:
        options = [name for name, given in (("peepholes", peepholes), ("coupled", coupled)) if given]
        super().__init__("lstm", activations, clip, options)
        halved = self.activations[0].name == "sigmoid"
        self._f, self._g = self.squash(0, halved=halved), self.squash(1)
        self._h, self._coupled = self.activations[2], coupled
        self._o = o = 1 if coupled else 2  # the output gate; before it are those of the memory cell
        self.gates, self.sigmoids = o + 2, (o + 1 if halved else 0)
        self.forget = None if coupled else 1
        self.sees = (*((gate, "c_prev") for gate in range(o)), (o, "c")) if peepholes else ()
        self.scratch = o + 3
        # keep: h(c), what went into the gates, what went into g
        first = 1 + (o + 1) * self._f.keeps
        self._of_gates, self._of_g = slice(1, first), slice(first, first + self._g.keeps)
        self.keeps = self._of_g.stop

    def forward(
        self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None,
    ) -> None:  # fmt: skip
        self._remember(a, r, prev, new, keep, work, p)
        np.copyto(keep[0], new[1])
        self._h.apply(keep[0])
        np.multiply(a[self._o], keep[0], out=new[0])

    def _remember(
        self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats | None
    ) -> None:
        """Compute the gates and the memory cell."""
        c_prev, c, at = prev[1], new[1], self._o
        # Without peepholes no gate waits for the memory cell.
        first, g, of_gates = at + 1 if p is None else at, a[-1], keep[self._of_gates]
        np.add(a, r, out=a)
        if p is not None:
            self._look(a[:at], p[:at], c_prev, work[:at])
        self._f.forward(a[:first], of_gates[:first])
        self._g.forward(a[-1:], keep[self._of_g])
        if self._coupled:
            np.subtract(g, c_prev, out=c)  # c = c_prev + i (g - c_prev)
            np.multiply(c, a[0], out=c)
            np.add(c, c_prev, out=c)
        else:
            np.multiply(a[0], g, out=work[0])
            np.multiply(a[1], c_prev, out=c)
            np.add(c, work[0], out=c)
        if p is not None:
            o = a[at : at + 1]
            self._look(o, p[at:], c, work[:1])
            self._f.forward(o, of_gates[at:])

    def _look(self, gates: Floats, p: Floats, c: Floats, work: Floats) -> None:
        """Add what the gates see of the memory cell; halved where their pre-activations are."""
        np.multiply(p[:, None], c, out=work)
        if self.sigmoids:
            np.multiply(work, 0.5, out=work)
        np.add(gates, work, out=gates)

    def slopes(
        self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats | None = None
    ) -> None:
        at, c_prev, u, g = self._o, prev[1], keep[0], a[-1]
        gates, by_gate, forget, spare = a[: at + 1], work[: at + 1], work[at + 1], work[at + 2]
        self._f.slope(gates, keep[self._of_gates], by_gate)
        if self._coupled:
            np.subtract(g, c_prev, out=spare)
            np.multiply(by_gate[0], spare, out=by_gate[0])
            np.subtract(1.0, a[0], out=forget)
        else:
            np.multiply(by_gate[0], g, out=by_gate[0])
            np.multiply(by_gate[1], c_prev, out=by_gate[1])
            np.copyto(forget, a[1])
        np.multiply(by_gate[at], u, out=by_gate[at])
        self._g.slope(a[-1:], keep[self._of_g], spare[None])
        np.multiply(spare, a[0], out=g)
        self._h.slope(u if self._h.of_value else new[1], spare)
        np.multiply(spare, a[at], out=u)
        np.copyto(gates, by_gate)
        if p is not None:
            for gate in range(at + 1):
                into = u if gate == at else forget
                np.multiply(a[gate], p[gate], out=spare)
                np.add(into, spare, out=into)

    def backward(
        self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None,
    ) -> None:  # fmt: skip
        # a holds dc/di, dc/df, dh/do, dc/dg (pre-activations), keep[0] dh/dc; then what c passes to c before
        (dh, dc), through_h, at = d, work[0], self._o
        np.multiply(dh, keep[0], out=through_h)
        np.add(dc, through_h, out=dc)
        np.multiply(a[:at], dc, out=a[:at])
        np.multiply(a[at], dh, out=a[at])
        np.multiply(a[-1], dc, out=a[-1])
        np.multiply(dc, work[at + 1], out=dc)

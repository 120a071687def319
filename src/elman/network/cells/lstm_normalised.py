"""Long short-term memory that normalises its memory cell on the way out."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from elman.network.cells.activations import Activation
from elman.network.cells.base import Cell, State
from elman.network.cells.general_lstm import GeneralLSTM
from elman.network.cells.lstm import LSTM
from elman.network.cells.lstm_coupled import CoupledLSTM
from elman.network.cells.lstm_peephole import PeepholeLSTM
from elman.network.normalise import factors
from elman.typing import Floats


class Exposure(NamedTuple):
    """What a memory cell is multiplied with and added to, once it is normalised."""

    gain: Floats  # (B, H): gamma_c sqrt(H)
    bias: Floats  # (B, H): beta_c
    mean: Floats  # (H,): 1 / H

    @classmethod
    def of(cls, gamma: Floats, beta: Floats, rows: int) -> Exposure:
        """Lay gain and bias ``(H,)`` out for every row: NumPy is faster where nothing is broadcast."""
        H = len(gamma)
        gain, bias = (np.repeat(array[None], rows, axis=0) for array in (gamma * sqrt(H), beta))
        return cls(gain, bias, np.full(H, 1.0 / H, gamma.dtype))


class NormalisedLSTM(GeneralLSTM):
    """An LSTM of any kind with a normalised memory cell; gates and parameters are those of that kind.

    .. math::

        h_t = o \\odot \\tanh(\\gamma_c \\odot n(c_t) + \\beta_c), \\qquad
        n(c) = (c - \\bar c) / \\sqrt{\\mathrm{var}(c) + \\epsilon}

    The memory that is carried, and that peepholes see, is ``c`` itself. Mean and variance are those of the
    units of a row, so that this is the one cell that is not elementwise; its gain and bias, ``gamma_c`` and
    ``beta_c`` of shape ``(H,)``, belong to the layer (:class:`~elman.network.layers.Normalised`).

    Per step, row and hidden unit it keeps 2 numbers more than that LSTM.

    Parameters
    ----------
    base : Cell
        ``lstm``, ``lstm-peephole``, ``lstm-coupled`` or one with other activations.

    References
    ----------
    Ba, J. L., Kiros, J. R. & Hinton, G. E. (2016). Layer normalization. arXiv:1607.06450, equations 20 to 22.
    """

    def __init__(self, base: Cell) -> None:
        if isinstance(base, GeneralLSTM):
            activations, clip, coupled = base.activations, base.clip, base.forget is None
        else:
            activations = tuple(map(Activation, ("sigmoid", "tanh", "tanh")))
            clip, coupled = None, isinstance(base, CoupledLSTM)
        super().__init__(activations, peepholes=bool(base.sees), coupled=coupled, clip=clip)
        self.name = base.name
        # keep, at its end: one over the length of c, and then derivatives; c without its mean, of length one.
        self.keeps += 2
        # work: what h passes to c through the output gate's peephole; what h passes on to c; two columns.
        self._seen, self._let, self._columns = self.scratch, self.scratch + 1, self.scratch + 2
        self.scratch += 3

    @classmethod
    def takes(cls, cell: Cell) -> bool:
        """Whether it is one of the cells that this can be made of."""
        return type(cell) in (LSTM, PeepholeLSTM, CoupledLSTM, GeneralLSTM)

    @property
    def derived(self) -> slice | None:
        """Which blocks of ``keep`` hold derivatives that are added up over steps."""
        return slice(self.keeps - 2, self.keeps - 1)

    def forward(
        self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None, exposure: Exposure | None = None,
    ) -> None:  # fmt: skip
        assert exposure is not None
        self._remember(a, r, prev, new, keep, work, p)
        c, y, u, w, spread = new[1], keep[0], keep[-1], keep[-2, :, 0], work[0]
        column = w[:, None]
        np.vecdot(c, exposure.mean, out=w)
        np.copyto(spread, column)  # a broadcast operand would make NumPy go row by row
        np.subtract(c, spread, out=u)
        factors(u, w)
        np.copyto(spread, column)
        np.multiply(u, spread, out=u)
        self._expose(u, exposure, y)
        self._h.apply(y)
        np.multiply(a[self._o], y, out=new[0])

    def slopes(
        self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats | None = None,
        exposure: Exposure | None = None,
    ) -> None:  # fmt: skip
        assert exposure is not None
        at, let = self._o, work[self._let]
        if not self._h.of_value:
            self._expose(keep[-1], exposure, let)
        super().slopes(a, prev, (new[0], let), keep, work, None)
        # keep[0] is now what h passes to what is let out; further back it is normalised.
        np.multiply(keep[0], exposure.gain, out=let)
        np.multiply(let, keep[-2, ..., :1], out=let)
        if p is not None:
            forget, spare = work[at + 1], work[at + 2]
            for gate in range(at):
                np.multiply(a[gate], p[gate], out=spare)
                np.add(forget, spare, out=forget)
            np.multiply(a[at], p[at], out=work[self._seen])

    def backward(
        self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None, exposure: Exposure | None = None,
    ) -> None:  # fmt: skip
        assert exposure is not None
        (dh, dc), by_c, spread, at, u = d, work[0], work[self._o + 2], self._o, keep[-1]
        column = work[self._columns, :, :1]
        np.multiply(dh, keep[0], out=keep[-2])  # by what is let out: for gamma_c and beta_c
        np.multiply(dh, work[self._let], out=by_c)
        np.add(dc, by_c, out=dc)
        np.vecdot(by_c, u, out=column[:, 0])
        np.copyto(spread, column)
        np.multiply(spread, u, out=spread)
        np.subtract(dc, spread, out=dc)
        np.vecdot(by_c, exposure.mean, out=column[:, 0])
        np.copyto(spread, column)
        np.subtract(dc, spread, out=dc)
        if p is not None:
            np.multiply(dh, work[self._seen], out=by_c)
            np.add(dc, by_c, out=dc)
        np.multiply(a[:at], dc, out=a[:at])
        np.multiply(a[at], dh, out=a[at])
        np.multiply(a[-1], dc, out=a[-1])
        np.multiply(dc, work[at + 1], out=dc)

    def exposure_gradients(self, keep: Floats, dgamma: Floats, dbeta: Floats) -> None:
        """Write the derivatives by gain and bias ``(H,)``, of a window's ``keep`` ``(keeps, T, B, H)``."""
        np.einsum("tbh,tbh->h", keep[-2], keep[-1], out=dgamma)
        np.multiply(dgamma, sqrt(len(dgamma)), out=dgamma)
        np.add.reduce(keep[-2], axis=(0, 1), out=dbeta)

    def _expose(self, u: Floats, exposure: Exposure, out: Floats) -> None:
        """Write what the memory cell is let out as, before its activation."""
        np.multiply(u, exposure.gain, out=out)
        np.add(out, exposure.bias, out=out)

"""Long short-term memory whose gates see the memory cell."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import State
from elman.network.cells.lstm import LSTM
from elman.typing import Floats


class PeepholeLSTM(LSTM):
    """Long short-term memory with peepholes; gate blocks in the order i, f, o, g.

    .. math::

        i, f &= \\sigma(x_t U_{i,f} + h_{t-1} W_{i,f} + p_{i,f} \\odot c_{t-1} + b_{i,f}) \\\\
        g &= \\tanh(x_t U_g + h_{t-1} W_g + b_g) \\\\
        c_t &= f \\odot c_{t-1} + i \\odot g \\\\
        o &= \\sigma(x_t U_o + h_{t-1} W_o + p_o \\odot c_t + b_o), \\qquad h_t = o \\odot \\tanh(c_t)

    The weights of the peepholes, ``p`` of shape ``(3, H)``, have the rows i, f, o. The output gate sees the
    memory cell of its own step, the others that of the step before.

    Per step, row and hidden unit it keeps what :class:`~elman.network.cells.lstm.LSTM` keeps, 4 gates,
    ``tanh(c)`` and 2 states: 28 bytes in float32. The way back has the same operations a step as well: what
    passes through the peepholes is elementwise, and enters the slopes.

    References
    ----------
    Gers, F. A. & Schmidhuber, J. (2000). Recurrent nets that time and count. *IJCNN*.

    Gers, F. A., Schraudolph, N. N. & Schmidhuber, J. (2002). Learning precise timing with LSTM recurrent
    networks. *JMLR* 3, 115-143.
    """

    name = "lstm-peephole"
    sees = ((0, "c_prev"), (1, "c_prev"), (2, "c"))

    def forward(
        self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None,
    ) -> None:  # fmt: skip
        assert p is not None
        (_, c_prev), (h, c), tanh_c, seen = prev, new, keep[0], work[:2]
        (i, f, o, g), both = a, a[:2]
        np.add(a, r, out=a)
        np.multiply(c_prev, 0.5, out=work[2])  # pre-activations of sigmoids are halved, and so is this
        np.multiply(p[:2, None], work[2], out=seen)
        np.add(both, seen, out=both)
        np.tanh(both, out=both)
        np.multiply(both, 0.5, out=both)
        np.add(both, 0.5, out=both)
        np.tanh(g, out=g)
        np.multiply(i, g, out=work[0])
        np.multiply(f, c_prev, out=c)
        np.add(c, work[0], out=c)
        np.multiply(c, 0.5, out=work[0])
        np.multiply(work[0], p[2], out=work[0])
        np.add(o, work[0], out=o)
        np.tanh(o, out=o)
        np.multiply(o, 0.5, out=o)
        np.add(o, 0.5, out=o)
        np.tanh(c, out=tanh_c)
        np.multiply(o, tanh_c, out=h)

    def slopes(
        self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats | None = None
    ) -> None:
        assert p is not None
        super().slopes(a, prev, new, keep, work)
        spare = work[0]
        for gate, into in ((0, work[3]), (1, work[3]), (2, keep[0])):
            np.multiply(a[gate], p[gate], out=spare)
            np.add(into, spare, out=into)

    def backward(
        self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None,
    ) -> None:  # fmt: skip
        super().backward(a, d, prev, new, keep, work)

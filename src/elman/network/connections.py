"""What joins the input of a layer to its output: residual and highway connections in depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.network.cells.activations import halved_sigmoid
from elman.network.inputs import Words
from elman.network.layers import AnyLayer
from elman.network.rows import Rows
from elman.network.workspace import Workspace
from elman.typing import Floats, Params

TRANSFER_BIAS = -1.0
"""What the bias of a transfer gate begins with: it lets about a quarter through, and carries the rest."""


class JoinTape(NamedTuple):
    """What a connection leaves for the way back; memory of a workspace."""

    x: Floats  # (T, B, H): what the layer read
    h: Floats  # (T, B, H): what the layer gave, after dropout
    t: Floats | None  # (T, B, H): the transfer gate, if there is one
    y: Floats  # (T, B, H): the two joined; zero where a step does not count


@dataclass(frozen=True)
class Residual:
    r"""A layer's output with its input added: ``y = h + x``.

    Parameters
    ----------
    name : str
        Of the layer, such as ``layers.1``.
    width : int
        Of its input and of its output, ``H``.
    dtype : numpy.dtype
        float32 or float64.

    References
    ----------
    He, K., Zhang, X., Ren, S. & Sun, J. (2016). Deep residual learning for image recognition. *CVPR*.
    arXiv:1512.03385.

    Wu, Y. et al. (2016). Google's neural machine translation system: bridging the gap between human and
    machine translation. arXiv:1609.08144 (between LSTM layers).
    """

    name: str
    width: int
    dtype: np.dtype[Any]

    kind: ClassVar[str] = "residual"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        return {}

    def forward(
        self, params: Params, x: Floats | Words, h: Floats, space: Workspace, rows: Rows | None
    ) -> JoinTape:
        """Join x and h ``(T, B, H)``; both are only read."""
        read, y = self._read(x, h, space, rows), self._take(space, "joined", h)
        gate = self._join(params, read, h, y, space)
        if rows is not None:
            rows.clear(y)
        return JoinTape(read, h, gate, y)

    def backward(
        self, params: Params, tape: JoinTape, dy: Floats, space: Workspace, grads: Params, rows: Rows | None
    ) -> tuple[Floats, Floats]:
        """Return the derivatives by h, and by x past the layer, ``(T, B, H)``: they may be one array.

        dy is used up; the parameters' entries of grads are overwritten.
        """
        if rows is not None:
            rows.clear(dy)
        return self._part(params, tape, dy, space, grads)

    def _join(self, params: Params, x: Floats, h: Floats, y: Floats, space: Workspace) -> Floats | None:
        """Write y; return the gate, if there is one."""
        np.add(h, x, out=y)
        return None

    def _part(
        self, params: Params, tape: JoinTape, dy: Floats, space: Workspace, grads: Params
    ) -> tuple[Floats, Floats]:
        return dy, dy

    def _read(self, x: Floats | Words, h: Floats, space: Workspace, rows: Rows | None) -> Floats:
        """Return x as vectors."""
        if isinstance(x, Words):
            return x.vectors(self._take(space, "joined.x", h))
        return x

    def _take(self, space: Workspace, name: str, like: Floats) -> Floats:
        return space.take(f"{self.name}.{name}", like.shape, like.dtype)


@dataclass(frozen=True)
class Highway(Residual):
    r"""A layer's output and its input, mixed by a gate of its own: ``y = t h + (1 - t) x``.

    The transfer gate ``t = sigmoid(x T + b_T)``, of parameters ``T`` ``(H, H)`` and ``b_T`` ``(H,)``, sees
    the input alone, so that its product is one of the whole window. ``b_T`` begins negative: the stack
    begins as one that mostly hands its input on.

    References
    ----------
    Srivastava, R. K., Greff, K. & Schmidhuber, J. (2015). Training very deep networks. *NIPS*.
    arXiv:1507.06228.
    """

    kind: ClassVar[str] = "highway"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        return {f"{self.name}.T": (self.width, self.width), f"{self.name}.b_T": (self.width,)}

    def _join(self, params: Params, x: Floats, h: Floats, y: Floats, space: Workspace) -> Floats:
        t = self._take(space, "transfer", h)
        np.matmul(_flat(x), params[f"{self.name}.T"], out=_flat(t))
        np.add(t, params[f"{self.name}.b_T"], out=t)
        np.multiply(t, 0.5, out=t)
        halved_sigmoid(t)
        np.subtract(h, x, out=y)  # y = x + t (h - x)
        np.multiply(y, t, out=y)
        np.add(y, x, out=y)
        return t

    def _part(
        self, params: Params, tape: JoinTape, dy: Floats, space: Workspace, grads: Params
    ) -> tuple[Floats, Floats]:
        t, T = tape.t, params[f"{self.name}.T"]
        assert t is not None
        dh, da = self._take(space, "joined.dh", dy), self._take(space, "joined.da", dy)
        np.multiply(dy, t, out=dh)
        np.subtract(dy, dh, out=dy)  # dy (1 - t): what the carry gate sends past the layer
        np.subtract(tape.h, tape.x, out=da)
        np.multiply(da, dh, out=da)
        np.subtract(1.0, t, out=t)
        np.multiply(da, t, out=da)  # dy (h - x) t (1 - t)
        np.matmul(_flat(tape.x).T, _flat(da), out=grads[f"{self.name}.T"])
        ones = space.ones(len(_flat(da)), da.dtype)
        np.matmul(ones, _flat(da), out=grads[f"{self.name}.b_T"])
        np.matmul(_flat(da), T.T, out=_flat(t))
        np.add(dy, t, out=dy)
        return dh, dy

    def _read(self, x: Floats | Words, h: Floats, space: Workspace, rows: Rows | None) -> Floats:
        read = super()._read(x, h, space, rows)
        # The gate's product sees every step, and what stands where none counts may be NaN.
        return read if rows is None else rows.output(read, space, f"{self.name}.joined.x_live")


Connection = Residual

CONNECTIONS: dict[str, type[Residual] | None] = {"none": None, "residual": Residual, "highway": Highway}
"""By name."""


def connections_of(kind: str, layers: Sequence[AnyLayer]) -> tuple[Connection | None, ...]:
    """Return the connection of every layer, None where there is none.

    A layer whose output is not as wide as its input has none: such are the first, unless the word vectors are
    as wide as the layers, and a last one of another width.

    Raises
    ------
    ConfigError
        If there is no such kind, or no layer that it could connect.

    Examples
    --------
    >>> import numpy as np
    >>> from elman.network import get_cell
    >>> from elman.network.layers import new_layer
    >>> sizes = [("layers.0", 3, 5), ("layers.1", 5, 5)]
    >>> layers = [new_layer(name, get_cell("gru"), D, H, np.dtype("f4")) for name, D, H in sizes]
    >>> [joint and joint.shapes() for joint in connections_of("highway", layers)]
    [None, {'layers.1.T': (5, 5), 'layers.1.b_T': (5,)}]
    """
    if not isinstance(kind, str) or kind not in CONNECTIONS:
        raise ConfigError(f"connections must be one of {', '.join(CONNECTIONS)}, not {kind!r:.60}")
    make = CONNECTIONS[kind]
    if make is None:
        return (None,) * len(layers)
    made = [
        make(layer.name, layer.width, layer.dtype) if layer.inputs == layer.width else None
        for layer in layers
    ]
    if not any(made):
        widths = ", ".join(f"{layer.inputs} in and {layer.width} out" for layer in layers)
        raise ConfigError(
            f"connections {kind!r} need a layer whose output is as wide as its input, and there is none: "
            f"{widths}. Give more layers, or an embedding as wide as the layers"
        )
    return tuple(made)


def _flat(array: Floats) -> Floats:
    """Return an array ``(T, B, H)`` as ``(T B, H)``: a view."""
    flat: Floats = array.reshape(-1, array.shape[-1])
    return flat

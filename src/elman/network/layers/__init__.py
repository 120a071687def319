"""Recurrent layers: the plain one, those that do not fit its loop, and their directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.errors import ConfigError
from elman.network.cells import Cell, ScanCell
from elman.network.layers.bidirectional import Bidirectional
from elman.network.layers.layer import Layer
from elman.network.layers.normalised import (
    Normalised,
    NormalisedLayer,
    NormalisedProjectedLayer,
    NormalisedStagedLayer,
    normalised_cell,
)
from elman.network.layers.projected import ProjectedLayer
from elman.network.layers.reverse import Reverse
from elman.network.layers.scan import ScanLayer
from elman.network.layers.staged import StagedLayer

__all__ = [
    "DIRECTIONS", "AnyLayer", "Bidirectional", "Layer", "Normalised", "ProjectedLayer", "Reverse",
    "ScanLayer", "StagedLayer", "new_layer",
]  # fmt: skip

PLAIN = {
    (False, False): Layer, (False, True): StagedLayer,
    (True, False): NormalisedLayer, (True, True): NormalisedStagedLayer,
}  # fmt: skip
"""Kinds of layers without projection: by whether products are normalised, and whether the last one waits."""

AnyLayer = Layer | Reverse | Bidirectional

DIRECTIONS = ("forward", "reverse", "bidirectional")
"""Ways over a sequence."""


def new_layer(
    name: str, cell: Cell, inputs: int, hidden: int, dtype: np.dtype[Any], *,
    projection: int | None = None, direction: str = "forward", zoneout: float = 0.0,
    zoneout_cell: float = 0.0, layer_norm: bool = False, learn_state: bool = False,
) -> AnyLayer:  # fmt: skip
    """Return the layer for a cell, of the kind that it needs.

    Parameters
    ----------
    name : str
        Prefix of its parameters, such as ``layers.0``.
    cell : Cell
        The recurrence.
    inputs, hidden : int
        Input width, ``D``, and hidden width, ``H``.
    dtype : numpy.dtype
        float32 or float64.
    projection : int, optional
        Width of the output, ``P``, where it is not that of the cell.
    direction : str
        One of `DIRECTIONS`. Parameters of the way back of a bidirectional layer are named
        ``layers.0.reverse.U`` and so on.
    learn_state : bool
        Whether rows begin anew from learnt parameters, such as ``layers.0.h0``, rather than zeros.
    layer_norm : bool
        Whether its products are normalised, and the memory cell of an LSTM.
    zoneout, zoneout_cell : float
        Rates at which units of ``h``, and of the other states, keep their value.

    Returns
    -------
    Layer, Reverse or Bidirectional

    Raises
    ------
    ConfigError
        If there is no such direction, the cell cannot be projected, or it has no state but ``h`` for
        `zoneout_cell`, or no single steps for either; or is asked for what cells without W have not.

    Examples
    --------
    >>> import numpy as np
    >>> from elman.network import get_cell
    >>> from elman.network.layers import new_layer
    >>> layer = new_layer("layers.0", get_cell("lstm"), 3, 5, np.dtype("f4"), projection=2)
    >>> layer.shapes()
    {'layers.0.U': (4, 3, 5), 'layers.0.W': (4, 2, 5), 'layers.0.b': (4, 5), 'layers.0.R': (5, 2)}
    """
    if direction not in DIRECTIONS:
        raise ConfigError(f"a layer's direction is one of {', '.join(DIRECTIONS)}, not {direction!r:.60}")
    scanned = isinstance(cell, ScanCell)
    if projection is not None and (cell.direct or cell.gated or cell.staged or scanned):
        raise ConfigError(
            f"{cell.name} carries its {'hidden state' if cell.direct or not scanned else 'memory'} over "
            "elementwise, so that it cannot be projected; lstm can"
        )
    if scanned and (zoneout or zoneout_cell):
        raise ConfigError(
            f"zoneout cannot hold a state of {cell.name}, whose steps are not taken one by one: leave it "
            "out, or take another cell, such as gru"
        )
    if scanned and layer_norm:
        raise ConfigError(
            f"layer_norm is not there for {cell.name}, which has no recurrent products: leave it out, or "
            "take another cell, such as gru"
        )
    others = len(cell.state_type._fields) - 1
    if zoneout_cell and not others:
        raise ConfigError(
            f"zoneout_cell ({zoneout_cell}) has no effect with cell {cell.name}: it has no state but h"
        )
    rates = (zoneout, *[zoneout_cell] * others) if zoneout or zoneout_cell else ()
    inner = normalised_cell(cell, hidden) if layer_norm else cell
    options: dict[str, Any] = {"zoneout": rates, "learnt": learn_state}

    def make(name: str) -> Layer:
        if projection is not None:
            kind = NormalisedProjectedLayer if layer_norm else ProjectedLayer
            return kind(name, inner, inputs, hidden, dtype, projection, **options)
        if isinstance(cell, ScanCell):
            return ScanLayer(name, cell, inputs, hidden, dtype, learnt=learn_state)
        return PLAIN[layer_norm, cell.staged](name, inner, inputs, hidden, dtype, **options)

    if direction == "forward":
        return make(name)
    if direction == "reverse":
        return Reverse(make(name))
    return Bidirectional(make(name), Reverse(make(f"{name}.reverse")))

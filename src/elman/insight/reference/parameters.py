"""Random parameters and states of the right names and shapes, for checks and experiments."""

import numpy as np

from .cells import Array, Arrays, find_cell


def draw_params(
    cell: str,
    rng: np.random.Generator,
    *,
    classes: int,
    embedding: int,
    hidden: int,
    layers: int = 1,
    tied: bool = False,
    scale: float = 1.0,
    projection: int | None = None,
    layer_norm: bool = False,
    connections: str = "none",
    learn_state: bool = False,
) -> Arrays:
    """Draw parameters from a normal distribution, in the flat dictionary of the language model.

    These are for checking gradients (large, with no symmetry), not for training.

    Parameters
    ----------
    cell : str
        Which cell: a name in `CELLS`, such as "rnn", "gru" or "mingru".
    rng : numpy.random.Generator
        The only source of randomness.
    classes, embedding, hidden, layers : int
        The sizes K, D, H and L.
    tied : bool
        Without `output.V`: the model multiplies by `embedding.E` transposed, and needs D = H.
    scale : float
        Standard deviation of every entry.
    projection : int, optional
        The width P of `h`, for the cells that can: rnn and the LSTMs with W.
    layer_norm : bool
        With gains of normalised products and memory cells.
    connections : {"none", "residual", "highway"}
        With the transfer gates of a highway.
    learn_state : bool
        With the states that rows begin from.

    Returns
    -------
    dict of str to ndarray of float64

    Examples
    --------
    >>> params = draw_params("gru", np.random.default_rng(0), classes=7, embedding=4, hidden=3)
    >>> {name: array.shape for name, array in params.items()}
    {'embedding.E': (7, 4), 'layers.0.U': (3, 4, 3), 'layers.0.W': (3, 3, 3), 'layers.0.b': (3, 3),
     'layers.0.b_candidate': (3,), 'output.V': (3, 7), 'output.c': (7,)}
    """
    width = projection or hidden
    if tied and embedding != width:
        raise ValueError(f"tied embeddings need embedding = hidden, not {embedding} and {width}")

    def draw(*shape: int) -> Array:
        return rng.normal(0.0, scale, shape)

    functions = find_cell(cell, "tanh")
    gates = len(functions.gates)
    params = {"embedding.E": draw(classes, embedding)}
    for l in range(layers):
        inputs = embedding if l == 0 else width
        params[f"layers.{l}.U"] = draw(gates, inputs, hidden)
        if functions.products:
            params[f"layers.{l}.W"] = draw(gates, width, hidden)
        params[f"layers.{l}.b"] = draw(gates, hidden)
        if cell == "gru":
            params[f"layers.{l}.b_candidate"] = draw(hidden)
        if functions.peepholes:
            params[f"layers.{l}.p"] = draw(len(functions.peepholes), hidden)
        if functions.skip and inputs != hidden:
            params[f"layers.{l}.U_skip"] = draw(inputs, hidden)
        if projection:
            params[f"layers.{l}.R"] = draw(hidden, projection)
        if layer_norm:
            params |= {f"layers.{l}.gamma_x": draw(gates, hidden), f"layers.{l}.gamma_h": draw(gates, hidden)}
        if layer_norm and "c" in functions.states:
            params |= {f"layers.{l}.gamma_c": draw(hidden), f"layers.{l}.beta_c": draw(hidden)}
        if connections == "highway" and (l > 0 or embedding == width):
            params |= {f"layers.{l}.T": draw(width, width), f"layers.{l}.b_T": draw(width)}
        if learn_state:
            widths = {name: width if name == "h" else hidden for name in functions.states}
            params |= {f"layers.{l}.{name}0": draw(n) for name, n in widths.items()}
    if not tied:
        params["output.V"] = draw(width, classes)
    params["output.c"] = draw(classes)
    return params


def draw_state(
    cell: str,
    rng: np.random.Generator,
    *,
    batch: int,
    hidden: int,
    layers: int = 1,
    scale: float = 1.0,
    projection: int | None = None,
) -> list[Arrays]:
    """Draw a state from a normal distribution: for each layer {"h": (B, H)}, and for an lstm also "c".

    With `scale=0` it is the usual zero state. With a projection `h` is (B, P).

    Examples
    --------
    >>> draw_state("lstm", np.random.default_rng(0), batch=1, hidden=2, scale=0.0)
    [{'h': array([[0., 0.]]), 'c': array([[0., 0.]])}]
    """
    names = find_cell(cell, "tanh").states
    widths = {name: projection if projection and name == "h" else hidden for name in names}
    return [
        {name: rng.normal(0.0, scale, (batch, width)) for name, width in widths.items()}
        for _ in range(layers)
    ]

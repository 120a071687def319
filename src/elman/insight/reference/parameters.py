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
) -> Arrays:
    """Draw parameters from a normal distribution, in the flat dictionary of the language model.

    These are for checking gradients (large, with no symmetry), not for training.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru", "mgu"}
        Which cell.
    rng : numpy.random.Generator
        The only source of randomness.
    classes, embedding, hidden, layers : int
        The sizes K, D, H and L.
    tied : bool
        Without `output.V`: the model multiplies by `embedding.E` transposed, and needs D = H.
    scale : float
        Standard deviation of every entry.

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
    if tied and embedding != hidden:
        raise ValueError(f"tied embeddings need embedding = hidden, not {embedding} and {hidden}")

    def draw(*shape: int) -> Array:
        return rng.normal(0.0, scale, shape)

    gates = len(find_cell(cell, "tanh").gates)
    params = {"embedding.E": draw(classes, embedding)}
    for l in range(layers):
        params[f"layers.{l}.U"] = draw(gates, embedding if l == 0 else hidden, hidden)
        params[f"layers.{l}.W"] = draw(gates, hidden, hidden)
        params[f"layers.{l}.b"] = draw(gates, hidden)
        if cell == "gru":
            params[f"layers.{l}.b_candidate"] = draw(hidden)
    if not tied:
        params["output.V"] = draw(hidden, classes)
    params["output.c"] = draw(classes)
    return params


def draw_state(
    cell: str, rng: np.random.Generator, *, batch: int, hidden: int, layers: int = 1, scale: float = 1.0
) -> list[Arrays]:
    """Draw a state from a normal distribution: for each layer {"h": (B, H)}, and for lstm also "c".

    With `scale=0` it is the usual zero state.

    Examples
    --------
    >>> draw_state("lstm", np.random.default_rng(0), batch=1, hidden=2, scale=0.0)
    [{'h': array([[0., 0.]]), 'c': array([[0., 0.]])}]
    """
    names = find_cell(cell, "tanh").states
    return [{name: rng.normal(0.0, scale, (batch, hidden)) for name in names} for _ in range(layers)]

"""The share of each step in the derivative of each parameter."""

from __future__ import annotations

import numpy as np

from elman.insight.reference.cells import Array, Arrays
from elman.insight.trace import Trace


def parameter_steps(trace: Trace, grads: Arrays) -> Arrays:
    """Return the derivative by each parameter of what each step alone adds to it, ``(T, ...)``.

    Parameters
    ----------
    trace : Trace
        Of one row.
    grads : dict of str to ndarray, (T, n)
        The derivatives by what the steps computed.

    Returns
    -------
    dict of str to ndarray
        By the names of the parameters; summed over steps, the derivative by each.
    """
    values = {name: array[:, 0] for name, array in trace.values.items()}  # (T, n)
    steps: Arrays = {"embedding.E": _rows(trace, grads["layers.0.x"])}
    for l in range(trace.layers):
        name = f"layers.{l}."
        da = [grads[f"{name}Ux_{gate}"] for gate in trace.gates]
        dr = [grads[f"{name}Wh_{gate}"] for gate in trace.gates]
        steps[f"{name}U"] = _outer(values[f"{name}x"], da)
        steps[f"{name}W"] = _outer(values[f"{name}h_prev"], dr)
        steps[f"{name}b"] = np.stack(da, axis=1)
        if f"{name}b_candidate" in trace.params:
            steps[f"{name}b_candidate"] = dr[-1]
    top, dlogits = values[f"layers.{trace.layers - 1}.h"], grads["output.logits"]
    dV = top[:, :, None] * dlogits[:, None, :]  # (T, H, K)
    if "output.V" in trace.params:
        steps["output.V"] = dV
    else:
        steps["embedding.E"] = steps["embedding.E"] + dV.swapaxes(1, 2)
    steps["output.c"] = dlogits
    return {name: steps[name] for name in trace.params}


def _outer(entering: Array, derivatives: list[Array]) -> Array:
    """Return the outer product at each step and for each gate, (T, G, n, H)."""
    return np.stack([entering[:, :, None] * derivative[:, None, :] for derivative in derivatives], axis=1)


def _rows(trace: Trace, dx: Array) -> Array:
    """Return dE at each step: the derivative of the input, in the row of the word, (T, K, D)."""
    dE = np.zeros((len(dx), *trace.params["embedding.E"].shape))
    dE[np.arange(len(dx)), trace.tokens[:, 0]] = dx
    return dE

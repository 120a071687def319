"""Stacks in any direction, row by row with the cells of the plain implementation: no batch, no padding."""

import numpy as np

from elman.insight.reference.cells import find_cell
from elman.insight.reference.tape import layer as arrays_of


def run_row(model, tokens, state, resets):
    """Return the logits (T, K) of one row of tokens (T,), and its state: a dictionary a layer and way."""
    params = {name: np.asarray(array, np.float64) for name, array in model.params.items()}
    h, leaving = params["embedding.E"][tokens], []
    for l, way in enumerate(ways(model)):
        outputs = []
        for suffix in {"forward": [""], "reverse": ["_reverse"], "bidirectional": ["", "_reverse"]}[way]:
            p = arrays_of(params, l)
            if way == "bidirectional":
                p = {n.removeprefix("reverse."): a for n, a in p.items() if ("reverse." in n) == bool(suffix)}
            keep = suffix if way == "bidirectional" else ""
            entering = {
                n.removesuffix(keep): f for n, f in state[l].items() if n.endswith("_reverse") == bool(keep)
            }
            out, after = run_way(model.cell, p, h, entering, resets, back=bool(suffix))
            outputs.append(out)
            leaving.append(after)
        h = np.concatenate(outputs, axis=1)
    V = params["output.V"] if "output.V" in params else params["embedding.E"].T
    return h @ V + params["output.c"], leaving


def ways(model):
    given = model.direction.split(",")
    return given * len(model.stack.layers) if len(given) == 1 else given


def run_way(cell, p, x, entering, resets, *, back):
    """Return outputs (T, width), each at its step, and the state at the end of the way."""
    name, _, activation = cell.partition("-")
    step = find_cell(name, activation or "tanh").step
    R = p.get("R")
    state, out = {n: f[None].copy() for n, f in entering.items()}, {}
    for t in reversed(range(len(x))) if back else range(len(x)):
        # What begins anew at t is another text: to one who comes from behind it is new after t.
        new = resets[t + 1] if back and t + 1 < len(x) else resets[t] if not back else False
        if new:
            state = {n: np.zeros_like(f) for n, f in state.items()}
        state, _ = step(x[t][None], state, {n: a for n, a in p.items() if n != "R"})
        if R is not None:
            state = {**state, "h": state["h"] @ R}
        out[t] = state["h"][0]
    width = R.shape[1] if R is not None else p["U"].shape[-1]
    outputs = np.array([out[t] for t in range(len(x))]).reshape(len(x), width)
    return outputs, {n: f[0] for n, f in state.items()}

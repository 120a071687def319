"""Regularisers written plainly: masks drawn in the documented order, rows and steps one by one, float64.

With connections past layers, normalised products and learnt states, where the model has them.
"""

from itertools import pairwise

import numpy as np

from elman.insight.reference import find_cell, zoned
from elman.insight.reference.depth import joined
from elman.insight.reference.tape import layer as arrays_of

from .plain_rows import ways


class Masks:
    """What a pass of that window draws from a new generator, in the order of elman.network.masks."""

    def __init__(self, model, T, B, seed):
        given, rng = model.regularisers, None if seed is None else np.random.default_rng(seed)

        def inverted(rate, *shape):
            if rng is None or not rate:
                return np.ones(shape)
            return (rng.random(shape) >= rate) / (1.0 - rate)

        def held(rate, *shape):
            if rng is None or not rate:
                return np.full(shape, rate)
            return (rng.random(shape) < rate).astype(float)

        K, D = model.params["embedding.E"].shape
        steps = 1 if given.variational else T
        self.words = inverted(given.dropout_embedding, K)
        self.x = inverted(given.dropout_input, steps, B, D) * np.ones((T, B, D))
        self.W, self.zones, self.h = [], [], []
        last, depth = len(model.stack.layers) - 1, ways(model)
        for l, (layer, way) in enumerate(zip(model.stack.layers, depth, strict=True)):
            sides = 2 if way == "bidirectional" else 1
            H, P = layer.hidden, layer.width // sides
            gates = layer.cell.gates
            self.W.append([inverted(given.dropout_weights, gates, P, H) for _ in range(sides)])
            widths = {"h": P, "c": H} if "c" in layer.cell.state_type._fields else {"h": P}
            rates = {"h": given.zoneout, "c": given.zoneout_cell}
            self.zones.append(
                [{name: held(rates[name], T, B, n) for name, n in widths.items()} for _ in range(sides)]
            )
            inner = given.dropout if given.dropout_between is None else given.dropout_between
            rate = given.dropout if l == last else inner
            self.h.append(inverted(rate, steps, B, layer.width) * np.ones((T, B, layer.width)))


def objective(model, x, y, state, *, seed=None, reset=None, live=None, skip=0):
    """Return the loss that is reported, and the state that leaves: a list of arrays (B, width)."""
    T, B = x.shape
    given, masks = model.regularisers, Masks(model, T, B, seed)
    params = {name: np.asarray(array, np.float64) for name, array in model.params.items()}
    live = np.ones((T, B), bool) if live is None else live
    nll, squares, counted, changes, pairs, leaving = 0.0, 0.0, 0, 0.0, 0, []
    for b in range(B):
        steps = np.flatnonzero(live[:, b])
        begins = {t: reset is not None and bool(reset[t, b]) for t in steps}
        h = {t: params["embedding.E"][x[t, b]] * masks.words[x[t, b]] * masks.x[t, b] for t in steps}
        after = []
        for l, way in enumerate(ways(model)):
            entering = [{n: f[b][None] for n, f in zip(state[l]._fields, state[l], strict=True)}]
            if way == "bidirectional":
                names = [n for n in state[l]._fields if not n.endswith("_reverse")]
                entering = [
                    {n: getattr(state[l], n + end)[b][None] for n in names} for end in ("", "_reverse")
                ]
            outs = []
            for side, before in enumerate(entering):
                back = way == "reverse" or side == 1
                p = dict(arrays_of(params, l))
                if way == "bidirectional":
                    p = {n.removeprefix("reverse."): a for n, a in p.items() if ("reverse." in n) == side}
                p["W"] = p["W"] * masks.W[l][side]
                out, last = run_way(model.cell, p, h, before, begins, masks.zones[l][side], T, b, back)
                outs.append(out)
                after += last.values()
            raw = {t: np.concatenate([out[t] for out in outs]) for t in steps}
            kind = model.connections
            h = {
                t: joined((raw[t] * masks.h[l][t, b])[None], h[t][None], arrays_of(params, l), kind)[0]
                for t in steps
            }
        leaving.append(after)
        V = params.get("output.V", params["embedding.E"].T)
        for t in (t for t in steps if t >= skip):
            logits = h[t] @ V + params["output.c"]
            nll -= logits[y[t, b]] - np.logaddexp.reduce(logits)
            squares += (h[t] ** 2).sum()
            counted += 1
        for before, t in pairwise(steps):
            if t >= skip:
                changes += 0.0 if begins[t] else ((raw[t] - raw[before]) ** 2).sum()
                pairs += 1
    width = model.stack.width
    loss = (nll + given.activation_reg * squares / width) / max(counted, 1)
    loss += given.temporal_reg * changes / width / pairs if pairs else 0.0
    return loss, [np.concatenate(fields) for fields in zip(*leaving, strict=True)]


def run_way(name, p, x, state, begins, zones, T, b, back):
    """Return the outputs at each step of a row, and the state at the end of the way."""
    cell = find_cell(name, "tanh")
    out, order = {}, list(x)[::-1] if back else list(x)
    for i, t in enumerate(order):
        new = begins[order[i - 1]] if back and i else begins[t] if not back else False
        if new:
            state = {n: np.zeros_like(f) + p.get(f"{n}0", 0.0) for n, f in state.items()}
        place = T - 1 - t if back else t  # masks lie in the order in which a layer takes its steps
        keeps = {n: mask[place, b] for n, mask in zones.items()}
        state, _ = zoned(cell, keeps).step(x[t][None], state, p)
        out[t] = state["h"][0]
    return out, state

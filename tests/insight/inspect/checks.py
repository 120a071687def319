"""Comparisons of each measure with one computed plainly; they take the function that is in question."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from elman.insight.inspect import read

from .plain import TEXT, a_model, run, slope_norm


def check_reading(reader, cell="lstm"):
    """Hold what a model does at each token to a run token by token."""
    model, tokenizer = a_model(cell)
    ids = tokenizer.encode(TEXT).astype(int)
    found = reader(model, tokenizer, TEXT, top=3, starts=[5, 20])
    context = np.concatenate([[tokenizer.start], ids])
    losses, states, gates = run(model, context, resets=(0, 6, 21))
    np.testing.assert_allclose(found.surprise, losses, rtol=1e-10)
    for name, array in found.states.items():
        expected = np.array([[step[l][name] for step in states] for l in range(2)])
        np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-12)
        if name != "c" or cell == "sru":  # whose memory is not shown through tanh
            np.testing.assert_array_equal(found.activations[name], array[:, 1:])
    if "c" in found.states and cell != "sru":
        np.testing.assert_allclose(found.activations["c"], np.tanh(found.states["c"][:, 1:]))
    for name, array in found.gates.items():
        expected = np.array([[step[l][name] for step in gates] for l in range(2)])
        np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-12)
    p = model.params
    for k in (0, 4, 5, 6, 19, 20, len(ids) - 1):  # before token k stands the state after step k
        logits = states[k][-1]["h"] @ p["output.V"] + p["output.c"]
        share = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        best = sorted(range(len(share)), key=lambda i: -share[i])[:3]
        assert found.top_ids[k].tolist() == best
        np.testing.assert_allclose(found.top_p[k], share[best], rtol=1e-9)
        np.testing.assert_allclose(found.surprise[k], -np.log(share[ids[k]]), rtol=1e-9)


def check_lags(gradient_by_lag, cell="lstm"):
    """Hold the norms to central differences through a run from the beginning."""
    model, tokenizer = a_model(cell)
    found = read(model, tokenizer, TEXT[:15], starts=[7])
    lagged = gradient_by_lag(model, found, lags=3, positions=10)
    context, resets = found.context, (0, 8)
    assert lagged.positions.tolist() == [3, 4, 5, 6, 7, 11, 12, 13, 14]  # with three steps of their document
    assert set(lagged.norms) == set(found.states)
    for name, norms in lagged.norms.items():
        assert norms.shape == (2, 4)
        for layer in range(2):
            for lag in range(4):
                expected = np.mean(
                    [slope_norm(model, context, t, lag, layer, name, resets) for t in lagged.positions]
                )
                np.testing.assert_allclose(norms[layer, lag], expected, rtol=1e-5, atol=1e-9)


def check_saturation(saturation, cell="gru"):
    """Hold shares and histograms to counting one by one."""
    model, tokenizer = a_model(cell)
    seen = read(model, tokenizer, TEXT)
    _, _, gates = run(model, seen.context)
    entries = saturation(seen, bins=4)
    assert [(entry.layer, entry.gate) for entry in entries] == [(l, g) for l in (0, 1) for g in seen.gates]
    for entry in entries:
        values = np.array([step[entry.layer][entry.gate] for step in gates])
        if entry.kind == "unbounded":  # its edges are its own extremes, to the last bit
            np.testing.assert_allclose(seen.gates[entry.gate][entry.layer], values, rtol=1e-9, atol=1e-12)
            values = seen.gates[entry.gate][entry.layer]
        low, high = {
            "sigmoid": (lambda v: v < 0.1, lambda v: v > 0.9),
            "tanh": (lambda v: v < -0.9, lambda v: v > 0.9),
            "rectifier": (lambda v: v == 0, lambda v: False),
            "unbounded": (lambda v: False, lambda v: False),
        }[entry.kind]
        for j in range(3):
            assert entry.low[j] == pytest.approx(np.mean([low(v) for v in values[:, j]]))
            assert entry.high[j] == pytest.approx(np.mean([high(v) for v in values[:, j]]))
        assert entry.share_low == pytest.approx(np.mean([low(v) for v in values.ravel()]))
        assert entry.share_high == pytest.approx(np.mean([high(v) for v in values.ravel()]))
        counts = [np.sum((a <= values) & (values < b)) for a, b in pairwise(entry.edges)]
        counts[-1] += np.sum(values == entry.edges[-1])
        assert entry.counts.tolist() == counts
        assert sum(counts) == values.size
    kinds = {
        "rnn": ["tanh"], "rnn-relu": ["rectifier"], "lstm": ["sigmoid"] * 3 + ["tanh"],
        "lstm-peephole": ["sigmoid"] * 3 + ["tanh"], "lstm-coupled": ["sigmoid", "sigmoid", "tanh"],
        "gru": ["sigmoid", "sigmoid", "tanh"], "gru-before": ["sigmoid", "sigmoid", "tanh"],
        "mgu": ["sigmoid", "tanh"], "indrnn": ["rectifier"], "mingru": ["sigmoid", "unbounded"],
        "minlstm": ["sigmoid", "sigmoid", "unbounded"], "sru": ["sigmoid", "sigmoid", "unbounded"],
    }[cell]  # fmt: skip
    assert [entry.kind for entry in entries] == kinds * 2
    if cell not in ("rnn-relu", "indrnn", "mingru", "minlstm"):  # sums of inputs alone are smaller
        assert max(entry.share_low for entry in entries) > 0.05  # there is something to count
        assert max(entry.share_high for entry in entries) > 0.05


def check_spectra(spectra):
    """Hold singular values and radii to blocks whose are known."""
    model, _ = a_model("gru")
    known = {
        "r": (np.diag([0.5, -3.0, 1.0]), [3.0, 1.0, 0.5], 3.0),
        "z": (np.array([[0.0, 5.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]), [5.0, 2.0, 0.0], 0.0),
        "n": (np.array([[0.0, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), [2.0, 2.0, 1.0], 2.0),
    }
    for g, (block, _, _) in enumerate(known.values()):
        model.params["layers.0.W"][g] = block
    entries = spectra(model)
    assert [(entry.layer, entry.gate) for entry in entries] == [(l, g) for l in (0, 1) for g in "rzn"]
    for entry in entries[:3]:
        _, singular, radius = known[entry.gate]
        np.testing.assert_allclose(entry.singular, singular, atol=1e-12)
        assert entry.radius == pytest.approx(radius, abs=1e-5)
    for g, entry in enumerate(entries[3:]):
        block = model.params["layers.1.W"][g]
        np.testing.assert_allclose((entry.singular**2).sum(), (block**2).sum())
        np.testing.assert_allclose(np.prod(entry.singular), abs(np.linalg.det(block)))


def check_correlations(rank_units):
    """Hold every correlation to NumPy's, and the order to the sizes."""
    model, tokenizer = a_model("lstm")
    seen = read(model, tokenizer, TEXT)
    rankings = rank_units(seen)
    assert [entry.feature for entry in rankings] == ["line", "quotes", "brackets"]
    for entry in rankings:
        assert entry.varies
        assert len(entry.units) == 2 * 2 * 3
        assert len({(u.state, u.layer, u.unit) for u in entry.units}) == len(entry.units)
        for tracker in entry.units:
            expected = np.corrcoef(seen.unit(tracker.layer, tracker.unit, tracker.state), entry.values)[0, 1]
            assert tracker.r == pytest.approx(expected, abs=1e-12)
        sizes = [abs(tracker.r) for tracker in entry.units]
        assert sizes == sorted(sizes, reverse=True)


def check_planted_units(rank_units):
    """Put a unit into a network that holds whether a quotation is open, and see it ranked first."""
    text = "he said “no no” and “yes” to them\nall “the more” so.\n" * 3
    model, tokenizer = a_model("rnn", text=text, hidden=6, layers=1)
    p = model.params
    p["embedding.E"][:, :2] = 0
    p["embedding.E"][tokenizer.encode("“")[0], 0] = 1
    p["embedding.E"][tokenizer.encode("”")[0], 1] = 1
    p["layers.0.U"][0, :, 4] = [40, -40, 0, 0]  # sets it and clears it; between them it keeps its sign
    p["layers.0.W"][0, :, 4] = 0
    p["layers.0.W"][0, 4, 4] = 8
    p["layers.0.b"][0, 4] = -0.5
    ranking = rank_units(read(model, tokenizer, text), ["quotes"])[0]
    first = ranking.units[0]
    assert (first.layer, first.unit) == (0, 4)
    assert first.r > 0.99
    assert abs(ranking.units[1].r) < 0.9

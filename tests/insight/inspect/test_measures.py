"""Each measure against one computed plainly; and a bug planted in it is found by the same comparison."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.insight.inspect import gradient_by_lag, lags, rank_units, read, saturation, spectra, walk

from .checks import (
    check_correlations,
    check_lags,
    check_planted_units,
    check_reading,
    check_saturation,
    check_spectra,
)
from .plain import CELLS, TEXT, planted


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_model_did_at_each_token(cell, monkeypatch):
    check_reading(read, cell)
    monkeypatch.setattr(walk, "WINDOW", 7)
    check_reading(read, cell)


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_by_lag_against_central_differences(cell, monkeypatch):
    check_lags(gradient_by_lag, cell)
    monkeypatch.setattr(lags, "ROWS", 2)
    check_lags(gradient_by_lag, cell)


@pytest.mark.parametrize(("cell", "learn_state"), [("gru", False), ("lstm", False), ("lstm", True)])
def test_the_gradient_by_lag_is_that_of_a_trace(cell, learn_state):
    tokenizer = elman.CharTokenizer.from_text(TEXT)
    model = elman.LanguageModel(
        vocab_size=tokenizer.vocab_size, cell=cell, embedding=4, hidden=4, layers=2, tied=True, seed=1,
        learn_state=learn_state,
    )  # fmt: skip
    for name, array in model.params.items():
        if name.endswith("0"):
            array[...] = np.random.default_rng(2).normal(0.0, 2.0, array.shape)
    found = read(model, tokenizer, TEXT[:12])
    lagged = gradient_by_lag(model, found, lags=11, positions=5)
    assert lagged.positions.tolist() == [11]
    counted = np.arange(12) == 11
    seen = elman.trace(model, found.context[:-1], found.context[1:], counted=counted)
    for state, norms in lagged.norms.items():
        for l in range(2):
            whole = np.linalg.norm(seen.grads[f"layers.{l}.{state}"][:, 0], axis=1)
            np.testing.assert_allclose(norms[l], whole[::-1], rtol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_saturation_against_counting(cell):
    check_saturation(saturation, cell)


def test_singular_values_of_blocks_that_are_known():
    check_spectra(spectra)


def test_correlations_against_numpy():
    check_correlations(rank_units)


def test_a_planted_unit_that_tracks_quotes_is_ranked_first():
    check_planted_units(rank_units)


CHECKS = {
    "lags": ("gradient_by_lag", check_lags),
    "reading": ("read", check_reading),
    "saturation": ("saturation", check_saturation),
    "spectra": ("spectra", check_spectra),
    "features": ("rank_units", check_correlations),
}

BUGS = [
    ("lags", "the first lag stands last", "sum(axis=1)", "sum(axis=1)[::-1]"),
    ("lags", "windows begin from zeros", "array[l, first - 1]", "0.0 * array[l, first - 1]"),
    ("lags", "a document begins with a state", "np.isin(first, reading.starts)", "np.isin(first, [0])"),
    ("lags", "the state of a step too late", "array[l, first - 1]", "array[l, first]"),
    ("lags", "what reaches c through h is lost", "(dleaving[l] | met[l])", "dleaving[l]"),
    ("lags", "every loss of the window counts", "dh = np.zeros_like(dh)", "pass"),
    ("lags", "across documents", "steps[steps - begun >= lags]", "steps[steps >= lags]"),
    ("lags", "the target is what is read", "reading.context[at + 1]", "reading.context[at]"),
    ("lags", "squares", "np.linalg.norm(derivatives, axis=2)", "np.square(derivatives).sum(axis=2)"),
    ("reading", "predictions of the step after", "return array[:-1]", "return array[1:]"),
    ("reading", "documents begin a token late", "given + led", "given + led + 1"),
    ("reading", "the memory cell as it is", "np.tanh(self.states[name])", "self.states[name]"),
    ("saturation", "shut below 0.2", "LOW, HIGH = 0.1", "LOW, HIGH = 0.2"),
    (
        "saturation",
        "a tanh is open too early",
        "values < -HIGH, values > HIGH",
        "values < -HIGH, values > 0.8",
    ),
    ("saturation", "over units, not steps", "low.mean(axis=0)", "low.mean(axis=1)[:3]"),
    ("spectra", "the real part alone", "np.abs(np.linalg.eigvals", "np.real(np.linalg.eigvals"),
    ("spectra", "squares", "np.linalg.svd(block,", "np.linalg.svd(block @ block.T,"),
    ("features", "not centred", "feature - feature.mean()", "feature"),
    ("features", "by sign, not by size", "-abs(tracker.r)", "-tracker.r"),
    (
        "features",
        "units from the other end",
        "(_correlations(array, feature))",
        "(_correlations(array, feature)[::-1])",
    ),
    (
        "features",
        "before the token",
        "text_features(reading.pieces)",
        "text_features(('', *reading.pieces[:-1]))",
    ),
]


@pytest.mark.parametrize(("name", "bug", "old", "new"), BUGS, ids=[f"{bug[0]}: {bug[1]}" for bug in BUGS])
def test_a_planted_bug_is_found(name, bug, old, new):
    function, check = CHECKS[name] if bug != "before the token" else ("rank_units", check_planted_units)
    with planted(f"elman.insight.inspect.{name}", old, new) as module, pytest.raises(AssertionError):
        check(getattr(module, function))


@pytest.mark.parametrize("name", CHECKS)
def test_a_copy_without_a_bug_passes(name):
    function, check = CHECKS[name]
    line = "from __future__ import annotations"
    with planted(f"elman.insight.inspect.{name}", line, line) as module:
        check(getattr(module, function))

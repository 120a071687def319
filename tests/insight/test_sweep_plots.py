"""Pictures of sweeps: what is drawn where, and what is refused."""

import math

import pytest
from matplotlib.figure import Figure

from elman.errors import ConfigError, DataError
from elman.insight.sweep_plots import _View, plot_sweep
from tests.insight.test_plots import svg_text


def a_trial(number, loss, state="complete", **settings):
    return {
        "number": number,
        "state": state,
        "loss": loss,
        "settings": {"lr": 0.01, "cell": "lstm", **settings},
    }


TRIALS = [
    a_trial(3, 1.5, lr=0.05, cell="gru"),
    a_trial(0, 2.0, lr=0.001),
    a_trial(1, 1.75),
    a_trial(5, 1.9, "pruned"),
    a_trial(2, None, "failed", lr=0.4),
    a_trial(7, 1.7, "failed", lr=0.4),  # after an evaluation
    a_trial(6, 1.6, "running", cell="_odd$"),
    a_trial(4, 1.8, lr=None),
]
SCALES = {"lr": "log", "cell": "choice"}


def test_a_picture_says_what_it_shows(tmp_path):
    text = svg_text(plot_sweep(TRIALS, SCALES, tmp_path / "sweep.svg"))
    for word in (
        "trial",
        "validation (nats a token)",
        "nats a token",
        "best so far (1.500)",
        "best",
        "pruned",
    ):
        assert f" {word} " in f" {text} "
    for word in ("complete", "broken off", "failed", "lr", "cell", "lstm", "gru", "_odd$"):
        assert word in text
    assert "bits a byte" in svg_text(plot_sweep(TRIALS, {}, tmp_path / "2.svg", measure="bits a byte"))
    assert plot_sweep(TRIALS, SCALES, tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def view_of(trials):
    return _View(
        sorted(trials, key=lambda t: t["number"]), [t["loss"] for t in trials if t["loss"] is not None]
    )


def drawn(axes):
    """Return the points of each label, and of unnamed lines by their marker."""
    return {
        line.get_label() if not line.get_label().startswith("_") else line.get_marker(): list(
            zip(*(map(float, numbers) for numbers in line.get_data()), strict=True)
        )
        for line in axes.get_lines()
    }


def test_the_trials_in_their_order():
    axes = Figure().add_subplot()
    view_of(TRIALS).history(axes, "nats")
    assert drawn(axes) == {
        "complete": [(0, 2.0), (1, 1.75), (3, 1.5), (4, 1.8)],
        "pruned": [(5, 1.9)],
        "broken off": [(6, 1.6)],
        "failed": [(2, 1.0), (7, 1.0)],
        "best": [(3, 1.5)],
        "best so far (1.500)": [(0, 2.0), (1, 1.75), (3, 1.5), (4, 1.5)],
    }


def test_numbers_on_a_logarithmic_axis_and_words_side_by_side():
    axes = Figure().add_subplot()
    view_of(TRIALS).setting(axes, "lr", "log")
    points = [point for line in axes.get_lines() for point in zip(*line.get_data(), strict=True)]
    assert axes.get_xscale() == "log"
    assert {float(x) for x, _ in points} == {0.001, 0.01, 0.05, 0.4}  # that without a value is left out
    axes = Figure().add_subplot()
    view_of(TRIALS).setting(axes, "cell", "choice")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["lstm", "gru", "\u200b_odd\\$"]
    points = {point for line in axes.get_lines() for point in zip(*map(tuple, line.get_data()), strict=True)}
    assert {(1, 1.5), (0, 2.0), (2, 1.6), (0, 1.9)} <= points
    numbers = [a_trial(k, 1.0 + k, hidden=h, tied=k == 1) for k, h in enumerate((64, 8, 16))]
    for name, ticks in {"hidden": ["8", "16", "64"], "tied": ["false", "true"]}.items():
        axes = Figure().add_subplot()
        view_of(numbers).setting(axes, name, "choice")
        assert [label.get_text() for label in axes.get_xticklabels()] == ticks


def test_a_loss_far_above_the_others_does_not_squeeze_them():
    axes = Figure().add_subplot()
    view = view_of(
        [*(a_trial(k, 1.0 + 0.1 * k) for k in range(5)), a_trial(5, 1e6), a_trial(6, 1e28, "pruned")]
    )
    view.history(axes, "nats")
    low, high = axes.get_ylim()
    assert 0.9 < low < 1.0 < 1.9 < high < 2.1
    above = [
        point
        for line in axes.get_lines()
        if line.get_marker() == "^"
        for point in zip(*line.get_data(), strict=True)
    ]
    assert {(float(x), round(float(y), 6)) for x, y in above} == {(5, 1.9), (6, 1.9)}
    # Without a spread there is nothing to squeeze.
    alike = view_of([a_trial(0, 1.0), a_trial(1, 1.0), a_trial(2, 3.0)])
    assert alike.ceiling == 3.0
    assert all(map(math.isfinite, alike.bounds))


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(DataError, match="no trial has a loss"):
        plot_sweep([a_trial(0, None, "failed")], SCALES, tmp_path / "sweep.svg")
    with pytest.raises(ConfigError, match=r"name the picture .png or .svg"):
        plot_sweep(TRIALS, SCALES, tmp_path / "sweep.pdf")
    only = svg_text(plot_sweep([a_trial(0, 2.0, "running")], SCALES, tmp_path / "sweep.svg"))
    assert "best" not in only

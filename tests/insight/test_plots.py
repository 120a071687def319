"""Loss curves: what is drawn, in which format, and what is refused."""

import math
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from elman.errors import ConfigError, DataError
from elman.insight.plots import plot_runs


def a_run(start=4.0, validated=True):
    records = []
    for step in range(1, 101):
        record = {"step": step, "tokens": 2500 * step, "seconds": 0.5 * step, "train_loss": 1 + start / step}
        if validated and step % 25 == 0:
            record["valid_loss"] = 1.2 + start / step
        records.append(record)
    return records


def svg_text(path):
    root = ET.parse(path).getroot()
    return " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))


def test_png_and_svg_by_the_suffix(tmp_path):
    png = plot_runs({"a": a_run()}, tmp_path / "loss.png")
    svg = plot_runs({"a": a_run()}, str(tmp_path / "loss.SVG"))
    assert png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "<svg" in svg.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("against", "label", "tick"),
    [
        ("steps", "optimiser steps", "100"),
        ("tokens", "training tokens", "100,000"),
        ("seconds", "seconds of training", "40"),
    ],
)
def test_axes_say_what_they_are(tmp_path, against, label, tick):
    text = svg_text(plot_runs({"my run": a_run()}, tmp_path / "loss.svg", against=against))
    assert label in text
    assert "loss (nats per token)" in text
    assert f" {tick} " in f" {text} "
    assert "my run, training" in text
    assert "my run, validation (lowest 1.240)" in text


def test_several_runs_and_awkward_names(tmp_path):
    names = ["plain", "_hidden", "$x^2$ <b>&", *(f"run {k}" for k in range(6))]
    text = svg_text(plot_runs({name: a_run(k + 1) for k, name in enumerate(names)}, tmp_path / "loss.svg"))
    for name in names:
        assert f"{name}, validation" in text
    assert "thin lines: training" in text


def test_runs_without_evaluations_or_with_gaps(tmp_path):
    diverged = [
        *a_run(validated=False),
        {"step": 101, "train_loss": math.nan},
        {"step": 102},
        {"step": 103, "train_loss": None},
    ]
    text = svg_text(
        plot_runs({"diverged": diverged, "one": [{"step": 1, "valid_loss": 2.0}]}, tmp_path / "x.svg")
    )
    assert "diverged, training" in text
    assert "one, validation (lowest 2.000)" in text


def test_the_same_runs_give_the_same_file(tmp_path):
    first, second = (plot_runs({"a": a_run()}, tmp_path / name) for name in ("1.svg", "2.svg"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("records", "name", "against", "error", "message"),
    [
        ({"a": a_run()}, "loss.pdf", "steps", ConfigError, r"\.png or \.svg"),
        ({"a": a_run()}, "loss", "steps", ConfigError, r"\.png or \.svg"),
        ({"a": a_run()}, "loss.png", "epochs", ConfigError, "'epochs'.*steps, tokens, seconds"),
        ({}, "loss.png", "steps", DataError, "at least one"),
        ({"a": []}, "loss.png", "steps", DataError, "'a'.*0 records"),
        ({"a": [{"step": 1, "train_loss": 2.0}]}, "loss.png", "seconds", DataError, "'a'.*'seconds'"),
    ],
)
def test_what_is_refused(tmp_path, records, name, against, error, message):
    with pytest.raises(error, match=message):
        plot_runs(records, tmp_path / name, against=against)
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_says_how_to_get_it(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install matplotlib"):
        plot_runs({"a": a_run()}, tmp_path / "loss.png")


def test_matplotlib_is_imported_only_to_draw_and_pyplot_never(tmp_path):
    code = (
        "import sys; from elman.insight.plots import plot_runs; assert 'matplotlib' not in sys.modules;"
        f"plot_runs({{'a': [{{'step': 1, 'train_loss': 2.0}}]}}, {str(tmp_path / 'a.png')!r});"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bits_a_byte_compare_runs_over_different_tokens(tmp_path):
    runs = {}
    for name, bits in (("words", 1.75), ("letters", 1.5)):
        runs[name] = [{**record, "valid_bits_per_byte": bits} for record in a_run()]
    text = svg_text(plot_runs(runs, tmp_path / "bits.svg", bits=True))
    assert "validation (bits a byte)" in text
    assert "letters, validation (lowest 1.500)" in text
    assert "training" not in text
    with pytest.raises(DataError, match=r"none of its 100 records has a finite number of bits a byte"):
        plot_runs({"old": a_run()}, tmp_path / "none.svg", bits=True)

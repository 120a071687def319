"""Pictures for papers: what is drawn, in which format, and what is refused."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from elman.errors import ConfigError, DataError
from elman.insight.inspect import Saturation, gradient_by_lag, read, saturation, spectra
from elman.insight.inspect.plot_text import FONTS, plot_text
from elman.insight.inspect.plots import plot_gradient_by_lag, plot_saturation, plot_singular_values

from .plain import TEXT, a_model

SVG = "{http://www.w3.org/2000/svg}"


def svg_text(path):
    return " ".join("".join(node.itertext()) for node in ET.parse(path).getroot().iter(f"{SVG}text"))


@pytest.fixture(scope="module")
def seen():
    model, tokenizer = a_model("lstm")
    return model, read(model, tokenizer, TEXT)


def test_the_gradient_by_lag(seen, tmp_path):
    model, reading = seen
    lags = gradient_by_lag(model, reading, lags=5)
    text = svg_text(plot_gradient_by_lag(lags, tmp_path / "lags.svg"))
    for label in ("h, layer 0", "h, layer 1", "c, layer 0", "c, layer 1", "steps"):
        assert label in text
    both = svg_text(plot_gradient_by_lag({"first": lags, "$second$": lags}, tmp_path / "both.svg"))
    assert "first h, layer 0" in both
    assert "$second$ c, layer 1" in both
    lags.norms["h"][0, 3:] = 0  # as behind a rectifier that is off
    assert plot_gradient_by_lag(lags, tmp_path / "lags.png").read_bytes().startswith(b"\x89PNG")


def test_saturation_has_a_dot_for_each_unit(seen, tmp_path):
    path = plot_saturation(saturation(seen[1]), tmp_path / "gates.svg")
    text = svg_text(path)
    for label in ("layer 0", "layer 1", "left-saturated", "right-saturated"):
        assert label in text
    groups = [g for g in ET.parse(path).getroot().iter(f"{SVG}g") if "PathCollection" in g.get("id", "")]
    dots = [len(list(g.iter(f"{SVG}use"))) for g in groups]
    assert dots == [3] * 4 * 2 + [1] * 2  # units, gates, layers; and the legend


def test_a_unit_that_is_often_shut_stands_on_the_right(tmp_path):
    shut = Saturation(0, "f", "sigmoid", np.array([1.0]), np.array([0.0]), np.array([1]), np.arange(2.0))
    for name, entry in (("shut", shut), ("open", replace(shut, low=shut.high, high=shut.low))):
        root = ET.parse(plot_saturation([entry], tmp_path / f"{name}.svg")).getroot()
        (dots,) = [g for g in root.iter(f"{SVG}g") if g.get("id") == "PathCollection_1"]
        (dot,) = dots.iter(f"{SVG}use")
        width = float(root.get("viewBox").split()[2])
        assert (float(dot.get("x")) > width / 2) == (name == "shut")


def test_singular_values_name_the_radius(seen, tmp_path):
    found = spectra(seen[0])
    text = svg_text(plot_singular_values(found, tmp_path / "W.svg"))
    for entry in found:
        assert f"{entry.gate} (radius {entry.radius:.2f})" in text


def fills(path):
    """Return the colours of the grounds of a text, in the order of its letters."""
    groups = [g for g in ET.parse(path).getroot().iter(f"{SVG}g") if "PolyCollection" in g.get("id", "")]
    paths = [p for p in groups[0].iter(f"{SVG}path") if "fill" in p.get("style", "")]
    return [re.search("fill: (#[0-9a-f]{6})", p.get("style"))[1] for p in paths]


def test_a_text_is_coloured_letter_by_letter(tmp_path):
    values = [0.0, 2.0, 1.0, np.nan]
    colours = fills(plot_text(["a", "bc", "\n", "d"], values, tmp_path / "text.svg"))
    assert len(colours) == 5
    assert colours[0] == colours[4] == "#ffffff"
    assert colours[1] == colours[2] != colours[3]
    signed = fills(plot_text(list("abc"), [-1.0, 0.0, 1.0], tmp_path / "unit.svg", signed=True))
    assert signed == ["#6aa8f0", "#ffffff", "#f08a80"]
    assert plot_text(list("ab"), [0, 0], tmp_path / "text.png").read_bytes().startswith(b"\x89PNG")


def test_long_lines_are_broken_and_further_ones_left_out(tmp_path):
    colours = fills(plot_text(list("abcdefgh\nij"), np.arange(11), tmp_path / "a.svg", columns=4, lines=2))
    assert len(colours) == 8
    wide = fills(plot_text(list("明月明月"), np.arange(4), tmp_path / "b.svg", columns=4, lines=1))
    assert len(wide) == 2  # each takes two columns


def test_letters_that_no_font_has_stay_text_in_an_svg(tmp_path, monkeypatch):
    monkeypatch.setattr("elman.insight.inspect.plot_text.FONTS", FONTS[:1])  # which every matplotlib has
    path = plot_text(list("a月"), [1, 2], tmp_path / "a.svg")
    assert "月" in svg_text(path)
    plot_text(list("a月"), [1, 2], tmp_path / "a.png")
    assert "ab" not in svg_text(plot_text(["ab"], [1], tmp_path / "b.svg"))  # outlines


def test_the_same_text_gives_the_same_file(tmp_path):
    first, second = (plot_text(["a", "b"], [1, 2], tmp_path / name) for name in ("1.svg", "2.svg"))
    assert first.read_bytes() == second.read_bytes()


def test_what_is_refused(seen, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"\.png or \.svg"):
        plot_saturation(saturation(seen[1]), tmp_path / "a.pdf")
    for draw in (plot_saturation, plot_singular_values):
        with pytest.raises(DataError, match="nothing to draw"):
            draw([], tmp_path / "a.svg")
    with pytest.raises(DataError, match="at least one"):
        plot_gradient_by_lag({}, tmp_path / "a.svg")
    for pieces, values in (([], []), (["a"], [1, 2]), (["a", "b"], [[1, 2]])):
        with pytest.raises(DataError, match="give one for each token"):
            plot_text(pieces, values, tmp_path / "a.svg")
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install matplotlib"):
        plot_text(["a"], [1], tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())

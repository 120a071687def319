"""Pictures of what a model does with a text, through matplotlib (the extra `plot`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import DataError
from elman.insight.drawing import COLOURS, GREY, as_label, in_style, picture
from elman.insight.inspect.lags import LagNorms
from elman.insight.inspect.saturation import Saturation
from elman.insight.inspect.spectra import Spectrum

__all__ = ["plot_gradient_by_lag", "plot_saturation", "plot_singular_values"]

DASHES = ("-", "--", ":", "-.")
PANEL = 2.7  # inches


def plot_gradient_by_lag(lags: LagNorms | Mapping[str, LagNorms], out_path: str | Path) -> Path:
    """Draw the norm of the gradient by lag, on a logarithmic axis, to a PNG or SVG file.

    Parameters
    ----------
    lags : LagNorms, or mapping of str to LagNorms
        Of one model, or of several by their names, to compare them.
    out_path : str or pathlib.Path
        Where to write; the suffix, `.png` or `.svg`, says which format.

    Returns
    -------
    pathlib.Path
        Where it was written.

    Raises
    ------
    ConfigError
        If the suffix is another, or matplotlib is not installed.
    DataError
        If there is no model to draw.

    Examples
    --------
    >>> import tempfile
    >>> lags = LagNorms({"h": np.exp(-np.arange(9.0))[None]}, np.arange(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_gradient_by_lag({"rnn": lags}, Path(folder) / "lags.svg").name
    'lags.svg'
    """
    models = {"": lags} if isinstance(lags, LagNorms) else lags
    if not models:
        raise DataError("there is no model to draw: give at least one")
    with picture(out_path, 6.4, 4.2) as figure:
        axes = figure.add_subplot()
        for k, (name, found) in enumerate(models.items()):
            for s, (state, norms) in enumerate(found.norms.items()):
                for layer, row in enumerate(norms):
                    colour = COLOURS[(layer if len(models) == 1 else k) % len(COLOURS)]
                    dashes = DASHES[(s if len(models) == 1 else layer + s * len(norms)) % len(DASHES)]
                    label = f"{as_label(name)} {state}, layer {layer}".strip()
                    # A logarithm has no place for what is zero.
                    axes.plot(np.where(row > 0, row, np.nan), dashes, color=colour, label=label)
        axes.set_yscale("log")
        axes.set_xlabel("lag (steps)")
        axes.set_ylabel(r"mean norm of $\partial L_t / \partial h_{t-k}$")
        in_style(axes)
        axes.legend(frameon=False, fontsize="small")
    return Path(out_path)


def plot_saturation(found: Sequence[Saturation], out_path: str | Path) -> Path:
    """Draw how saturated gates are, a panel for each gate, to a PNG or SVG file.

    Each dot is a unit: along one axis the share of steps in which its gate is saturated on the left, along
    the other on the right, as by Karpathy, Johnson & Li (2015).

    Parameters
    ----------
    found : sequence of Saturation
        Of one model.
    out_path : str or pathlib.Path
        Where to write; the suffix, `.png` or `.svg`, says which format.

    Returns
    -------
    pathlib.Path
        Where it was written.

    Raises
    ------
    ConfigError
        If the suffix is another, or matplotlib is not installed.
    DataError
        If there is nothing to draw.

    Examples
    --------
    >>> import tempfile
    >>> gate = Saturation(0, "f", "sigmoid", np.array([0.1]), np.array([0.8]), np.array([1]), np.arange(2.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_saturation([gate], Path(folder) / "gates.svg").name
    'gates.svg'
    """
    gates = _names(found)
    with picture(out_path, PANEL * len(gates), PANEL + 0.5) as figure:
        panels = figure.subplots(1, len(gates), squeeze=False, sharex=True, sharey=True)[0]
        for gate, axes in zip(gates, panels, strict=True):
            axes.plot([0, 1], [1, 0], ":", color=GREY, linewidth=1.0)
            for entry in found:
                if entry.gate == gate:
                    marks = {"s": 14, "alpha": 0.75, "linewidths": 0, "label": f"layer {entry.layer}"}
                    axes.scatter(entry.low, entry.high, color=COLOURS[entry.layer % len(COLOURS)], **marks)
            axes.set_title(as_label(gate))
            axes.set_xlim(-0.03, 1.03)
            axes.set_ylim(-0.03, 1.03)
            axes.set_aspect("equal")
            in_style(axes)
        figure.supxlabel("share of steps left-saturated", fontsize="medium")
        panels[0].set_ylabel("right-saturated")
        panels[-1].legend(frameon=False, fontsize="small", loc="upper right")
    return Path(out_path)


def plot_singular_values(found: Sequence[Spectrum], out_path: str | Path) -> Path:
    """Draw the singular values of the recurrent weights, a panel for each layer, to a PNG or SVG file.

    Parameters
    ----------
    found : sequence of Spectrum
        Of one model.
    out_path : str or pathlib.Path
        Where to write; the suffix, `.png` or `.svg`, says which format.

    Returns
    -------
    pathlib.Path
        Where it was written.

    Raises
    ------
    ConfigError
        If the suffix is another, or matplotlib is not installed.
    DataError
        If there is nothing to draw.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_singular_values([Spectrum(0, "h", np.array([2.0, 1.0]), 1.5)], Path(folder) / "W.png").name
    'W.png'
    """
    gates = _names(found)
    layers = sorted({entry.layer for entry in found})
    with picture(out_path, max(4.2, 3.4 * len(layers)), 3.4) as figure:
        panels = figure.subplots(1, len(layers), squeeze=False, sharey=True)[0]
        for layer, axes in zip(layers, panels, strict=True):
            for entry in found:
                if entry.layer == layer:
                    colour = COLOURS[gates.index(entry.gate) % len(COLOURS)]
                    label = f"{as_label(entry.gate)} (radius {entry.radius:.2f})"
                    places = np.arange(1, len(entry.singular) + 1)
                    axes.plot(places, entry.singular, color=colour, label=label)
            axes.set_title(f"layer {layer}")
            axes.set_xlabel("rank")
            axes.set_ylim(bottom=0)
            in_style(axes)
            axes.legend(frameon=False, fontsize="small")
        panels[0].set_ylabel("singular value of $W$")
    return Path(out_path)


def _names(found: Sequence[Any]) -> list[str]:
    """Return the gates, each once, in their order."""
    if not found:
        raise DataError("there is nothing to draw: give the measures of at least one gate")
    return list(dict.fromkeys(entry.gate for entry in found))

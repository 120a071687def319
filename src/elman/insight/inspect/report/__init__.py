"""The report of `elman inspect` as a page in one file."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from elman.insight.inspect.inspection import Inspection
from elman.insight.inspect.reading import Reading, check_unit
from elman.insight.page import assemble, asset, rounded
from elman.insight.reference.cells import Array

__all__ = ["report_page"]

LISTED = 12
"""Units of a ranking that the page lists."""

POINTS = 1000
"""Points of a loss curve that the page draws, at most."""

SURPRISED = 99
"""Percentile of the surprise that gets the full colour."""


def report_page(
    found: Inspection,
    *,
    name: str,
    part: str | None = None,
    cut: bool = False,
    unit: tuple[int, int, str] | None = None,
) -> str:
    """Return what was found as a page in one file of HTML, that needs no network.

    Parameters
    ----------
    found : Inspection
        What :func:`~elman.insight.inspect.inspect_model` returns.
    name : str
        Of the text.
    part : {"test", "valid"}, optional
        Which part of a run's own text it is; `name` is then that of the run.
    cut : bool
        Whether the text went on.
    unit : (int, int, str), optional
        Layer, unit and state to colour the text by at first; by default the surprise.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If there is no such unit.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.inspect import inspect_model
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4, cell="gru", hidden=3, layers=1)
    >>> page = report_page(inspect_model(model, tokenizer, "abba"), name="abba")
    >>> page.startswith("<!DOCTYPE html>"), "://" in page.replace("http://www.w3.org/2000/svg", "")
    (True, False)
    """
    if unit is not None:
        check_unit(found.model, *unit)
    data = _data(found) | {
        "name": name,
        "part": part,
        "cut": cut,
        "unit": dict(zip(("layer", "unit", "state"), unit, strict=True)) if unit else None,
    }
    return assemble(
        {"en": "What a model does with a text", "zh": "模型如何读一段文本"},
        asset(__name__, "report.html"),
        asset(__name__, "report.css"),
        "".join(asset(__name__, f"{part}.js") for part in ("charts", "text", "report")),
        data,
        json.loads(asset(__name__, "strings.json")),
    )


def _data(found: Inspection) -> dict[str, Any]:
    model, reading = found.model, found.reading
    known = reading.surprise[np.isfinite(reading.surprise)]
    return {
        "model": {
            "cell": model.cell,
            "layers": reading.layers,
            "hidden": reading.hidden,
            "parameters": model.n_params,
            "vocabulary": model.vocab_size,
        },
        "nats": reading.nats,
        "pieces": reading.pieces,
        "surprise": rounded(reading.surprise, 4),
        "surprise_most": rounded(max(float(np.percentile(known, SURPRISED)), 0.1), 2),
        **_predictions(reading),
        "units": {
            state: _units(array) | {"tanh": state in reading.squashed}
            for state, array in reading.activations.items()
        },
        "saturation": [
            {
                "layer": entry.layer, "gate": entry.gate, "kind": entry.kind, "low": rounded(entry.low, 3),
                "high": rounded(entry.high, 3), "counts": entry.counts, "edges": rounded(entry.edges, 4),
            }
            for entry in found.saturation
        ],
        "lags": {"norms": {state: rounded(norms, 4) for state, norms in found.lags.norms.items()}},
        "spectra": [
            {
                "layer": entry.layer, "gate": entry.gate, "singular": rounded(entry.singular, 4),
                "radius": rounded(entry.radius, 4),
            }
            for entry in found.spectra
        ],
        "rankings": [
            {
                "feature": entry.feature,
                "units": [vars(tracker) | {"r": rounded(tracker.r, 4)} for tracker in entry.units[:LISTED]],
            }
            for entry in found.rankings
        ],
        "curve": {name: rounded(_thinned(points), 5) for name, points in vars(found.curve).items()},
    }  # fmt: skip


def _predictions(reading: Reading) -> dict[str, Any]:
    """Return the most likely tokens of each position, as places in a list of those that occur."""
    shown = np.unique(np.concatenate([reading.top_ids.ravel(), reading.ids]))
    shown = shown[shown >= 0]
    places = np.where(reading.top_ids >= 0, np.searchsorted(shown, reading.top_ids), -1)
    return {
        "vocabulary": [reading.tokenizer.token(int(i)) for i in shown],
        "top": {
            "n": reading.top_ids.shape[1],
            "ids": places.ravel(),
            "p": rounded(reading.top_p.ravel(), 3),
            "own": np.searchsorted(shown, reading.ids),
        },
    }


def _units(array: Array) -> dict[str, Any]:
    """Return the activations (L, N, H) as signed bytes, unit by unit, in base64: a byte shows as a colour."""
    scale = max(1.0, float(np.abs(array).max()))
    levels = np.rint(array / scale * 127).astype(np.int8)
    layers = [base64.b64encode(layer.T.tobytes()).decode("ascii") for layer in levels]
    return {"scale": scale, "layers": layers}


def _thinned(points: Array) -> Array:
    """Return at most `POINTS` points: of neighbours their mean."""
    size = -(-len(points) // POINTS) or 1
    parts = [points[k : k + size].mean(axis=0) for k in range(0, len(points), size)]
    return np.array(parts).reshape(-1, 2)

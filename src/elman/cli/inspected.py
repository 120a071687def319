"""What ``elman inspect`` found, as lines to read and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from elman.cli.use import perplexity
from elman.insight.inspect import Inspection, Ranking, Reading, Sample, Tracker
from elman.insight.page import rounded
from elman.insight.reference.cells import Array

Unit = tuple[int, int, str]

FEATURES = {"line": "place in the line", "quotes": "quotation marks", "brackets": "brackets"}
LAGS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
LISTED = 4
AROUND = 12  # characters on either side of a token
DIGITS = 6  # of the numbers in JSON


def cut_line(sample: Sample) -> str:
    """Say of a text that goes on how far it was read."""
    return f"read the first {len(sample.ids):,} tokens of {_name_of(sample)}; --length N reads more"


def summary(found: Inspection, sample: Sample, unit: Unit | None) -> str:
    """Return what was found, in some lines."""
    reading, model = found.reading, found.model
    known = np.isfinite(reading.surprise)
    hits = (reading.top_ids == reading.ids[:, None])[known]
    rows = [
        ("text", _text(sample, _unknown(reading))),
        ("model", f"{model.cell} {reading.layers} x {reading.hidden}, {model.n_params:,} parameters"),
        ("surprise", f"{reading.nats:.4f} nats a token, perplexity {perplexity(reading.nats)}"),
        (
            "expected",
            f"{hits[:, 0].mean():.0%} of tokens were the most likely one, "
            f"{hits.any(axis=1).mean():.0%} among the {hits.shape[1]} most likely",
        ),
        ("largest", "; ".join(_surprises(reading))),
        ("gates", "share of units x steps that are saturated, left and right"),
    ]
    for l in range(reading.layers):
        entries = [entry for entry in found.saturation if entry.layer == l]
        shares = [f"{entry.gate} {entry.share_low:4.0%} {entry.share_high:4.0%}" for entry in entries]
        rows.append((f"  layer {l}", "   ".join(shares)))
    shown = [lag for lag in LAGS if lag <= found.lags.lags]
    rows.append(("gradient", "norm of dL(t)/dh(t-k), mean over the text, by lag k"))
    rows.append(("  k", "".join(f"{lag:>9}" for lag in shown)))
    for state, norms in found.lags.norms.items():
        rows += [
            (f"  {state} {l}", "".join(f"{row[lag]:9.2g}" for lag in shown)) for l, row in enumerate(norms)
        ]
    if found.spectra:
        rows.append(("W", "largest singular value and spectral radius"))
    for l in range(reading.layers if found.spectra else 0):
        spectra = [entry for entry in found.spectra if entry.layer == l]
        radii = [f"{entry.gate} {entry.singular[0]:5.2f} {entry.radius:5.2f}" for entry in spectra]
        rows.append((f"  layer {l}", "   ".join(radii)))
    rows.append(("units", "that track something, with the correlation"))
    rows += [(f"  {FEATURES[entry.feature]}", _listed(entry)) for entry in found.rankings]
    if unit is not None:
        rows += _about(reading, unit)
    return "\n".join(f"{name:<20}{value}".rstrip() for name, value in rows)


def _text(sample: Sample, unknown: int) -> str:
    size = f"{len(sample.ids):,} tokens"
    outside = f", {unknown:,} of them outside the vocabulary" if unknown else ""
    read = f"the first {size} (--length N reads more)" if sample.cut else size
    return f"{_name_of(sample)}: {read}{outside}"


def _name_of(sample: Sample) -> str:
    parts = {"test": ", test part", "valid": ", validation part", None: ""}
    return sample.name + parts[sample.part]


def _unknown(reading: Reading) -> int:
    unknown = reading.tokenizer.unknown
    return 0 if unknown is None else int((reading.ids == unknown).sum())


def as_dict(found: Inspection, sample: Sample, unit: Unit | None) -> dict[str, Any]:
    """Return all of it but the activations, of which those of `unit` alone, for JSON."""
    reading = found.reading
    result = {
        "text": sample.name,
        "part": sample.part,
        "tokens": len(sample.ids),
        "cut": sample.cut,
        "unknown": _unknown(reading),
        "nats_per_token": reading.nats,
        "pieces": list(reading.pieces),
        "surprise": rounded(reading.surprise, DIGITS),
        "predictions": [
            [
                {"token": reading.tokenizer.token(int(i)), "probability": rounded(p, DIGITS)}
                for i, p in zip(ids, probabilities, strict=True)
                if i >= 0
            ]
            for ids, probabilities in zip(reading.top_ids, reading.top_p, strict=True)
        ],
        "saturation": [_plain(vars(entry)) for entry in found.saturation],
        "gradient_by_lag": {
            "positions": found.lags.positions.tolist(),
            **{state: rounded(norms, DIGITS) for state, norms in found.lags.norms.items()},
        },
        "singular_values": [_plain(vars(entry)) for entry in found.spectra],
        "units": {entry.feature: [_plain(vars(u)) for u in entry.units] for entry in found.rankings},
        "curve": _plain(vars(found.curve)),
    }
    if unit is not None:
        layer, number, state = unit
        values = rounded(reading.unit(*unit), DIGITS)
        result["unit"] = {"layer": layer, "unit": number, "state": state, "values": values}
    return result


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    numbers = {k: rounded(v, DIGITS) for k, v in fields.items() if isinstance(v, np.ndarray | float)}
    return fields | numbers


def _listed(ranking: Ranking) -> str:
    if not ranking.varies:
        return "left out: the same all through this text"
    return ", ".join(f"{_name(tracker)} {tracker.r:+.3f}" for tracker in ranking.units[:LISTED])


def _name(tracker: Tracker) -> str:
    """Name a unit as --unit takes it."""
    return f"{tracker.layer}:{tracker.unit}" + (f":{tracker.state}" if tracker.state != "h" else "")


def _surprises(reading: Reading) -> Iterator[str]:
    """Yield the tokens of the largest surprise, in their places."""
    order = np.argsort(-np.nan_to_num(reading.surprise, nan=-1.0), kind="stable")
    for k in order[: LISTED - 1]:
        yield f"{_place(reading, int(k))} {reading.surprise[k]:.1f}"


def _about(reading: Reading, unit: Unit) -> list[tuple[str, str]]:
    values: Array = reading.unit(*unit)
    order = np.argsort(values, kind="stable")
    name = f"unit {unit[0]}:{unit[1]}" + (f":{unit[2]}" if unit[2] != "h" else "")
    rows = [(name, f"from {values.min():.3f} to {values.max():.3f}, mean {values.mean():.3f}")]
    for label, places in (("  highest after", order[::-1]), ("  lowest after", order)):
        rows.append((label, "; ".join(_place(reading, int(k)) for k in places[: LISTED - 1])))
    return rows


def _place(reading: Reading, k: int) -> str:
    """Show a token, in brackets, with what stands around it."""
    before = "".join(reading.pieces[max(0, k - AROUND) : k])[-AROUND:]
    after = "".join(reading.pieces[k + 1 : k + 1 + AROUND])[:AROUND]
    return repr(f"{before}[{reading.pieces[k]}]{after}")

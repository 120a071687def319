"""Pictures of training runs, through matplotlib (the extra `plot`)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elman.errors import ConfigError, DataError
from elman.insight.drawing import COLOURS, as_label, in_style, picture

__all__ = ["plot_runs"]

LABELS = {"step": "optimiser steps", "tokens": "training tokens", "seconds": "seconds of training"}
KEYS = {"steps": "step", "tokens": "tokens", "seconds": "seconds", "time": "seconds"}


def plot_runs(
    records: Mapping[str, Sequence[Mapping[str, Any]]],
    out_path: str | Path,
    *,
    against: str = "steps",
    bits: bool = False,
) -> Path:
    """Draw the loss curves of one or more runs to a PNG or SVG file.

    The training loss is a thin, pale line, the validation loss a strong one with a dot at each evaluation;
    the lowest validation loss of each run stands in the legend. The vertical axis leaves out the first fall
    of the training loss (2 % of a run's records), which would squeeze all the rest.

    Parameters
    ----------
    records : mapping of str to sequence of mapping
        For each run, by its name, the records of `metrics.jsonl`: numbers under `step`, `tokens`, `seconds`
        and `train_loss` (nats a token), and at evaluations `valid_loss`. A record without the number that is
        asked for, or with one that is not finite, is left out.
    out_path : str or pathlib.Path
        Where to write; the suffix, `.png` or `.svg`, says which format.
    against : {"steps", "tokens", "seconds", "time"}
        What runs along the horizontal axis; "time" is another name for "seconds".
    bits : bool
        Draw the validation loss in bits a byte (`valid_bits_per_byte`) and no training loss, so that runs
        over different kinds of tokens compare.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or `against` or the suffix is none of those above.
    DataError
        If a run has no loss to draw.

    Examples
    --------
    >>> import tempfile
    >>> run = [{"step": 1, "train_loss": 3.2}, {"step": 2, "train_loss": 2.9, "valid_loss": 3.0}]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_runs({"first run": run}, Path(folder) / "loss.svg").name
    'loss.svg'
    """
    if against not in KEYS:
        raise ConfigError(f"against={against!r}: choose one of {', '.join(KEYS)}")
    if not records:
        raise DataError("there is no run to draw: give at least one")
    with picture(out_path, 8.0, 4.8) as figure:
        _draw(figure.add_subplot(), records, against, bits)
    return Path(out_path)


def _draw(axes: Any, records: Mapping[str, Sequence[Mapping[str, Any]]], against: str, bits: bool) -> None:
    """Draw every run and label the axes."""
    floor, ceiling, unnamed = math.inf, -math.inf, False
    for k, (name, run) in enumerate(records.items()):
        colour = COLOURS[k % len(COLOURS)]
        dashes = "-" if k < len(COLOURS) else "--"  # colours come round again with dashes
        train, valid = _curve(run, KEYS[against], "train_loss"), _curve(run, KEYS[against], "valid_loss")
        if bits:
            train, valid = ([], []), _curve(run, KEYS[against], "valid_bits_per_byte")
        if not train[0] and not valid[0]:
            what = "number of bits a byte" if bits else "loss"
            raise DataError(
                f"run {name!r}: none of its {len(run)} records has a finite {what} and a {KEYS[against]!r}"
            )
        label = as_label(name)
        if train[0]:
            named = not valid[0] or len(records) == 1  # of several runs the legend names one line each
            text = f"{label}, training" if named else "_"
            axes.plot(*train, dashes, color=colour, linewidth=1.0, alpha=0.45, label=text)
            unnamed = unnamed or not named
        if valid[0]:
            text = f"{label}, validation (lowest {min(valid[1]):.3f})"
            marked = {"marker": "o", "markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.6}
            axes.plot(*valid, dashes, color=colour, linewidth=2.0, label=text, zorder=3, **marked)
        settled = train[1][len(train[1]) // 50 :] + valid[1]
        floor, ceiling = min(floor, *train[1], *valid[1]), max(ceiling, *settled)
    margin = 0.05 * (ceiling - floor) or 0.05 * abs(ceiling) or 0.05
    axes.set_ylim(floor - margin, ceiling + margin)
    axes.set_xlabel(LABELS[KEYS[against]])
    axes.set_ylabel("validation (bits a byte)" if bits else "loss (nats per token)")
    axes.xaxis.set_major_formatter(_thousands)
    in_style(axes)
    title = "thin lines: training" if unnamed else None
    axes.legend(frameon=False, loc="upper right", title=title, alignment="left")


def _curve(run: Sequence[Mapping[str, Any]], along: str, what: str) -> tuple[list[float], list[float]]:
    """Return the points of the records that have both numbers, and finite."""
    pairs = [(record[along], record[what]) for record in run if along in record and what in record]
    finite = [(float(x), float(y)) for x, y in pairs if _is_finite(x) and _is_finite(y)]
    return [x for x, _ in finite], [y for _, y in finite]


def _is_finite(number: Any) -> bool:
    return isinstance(number, int | float) and math.isfinite(number)


def _thousands(value: float, position: int | None = None) -> str:
    """Write 2500 as "2,500", 3000000 as "3 M" and 0.5 as "0.5"."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"

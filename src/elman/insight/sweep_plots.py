"""A picture of a sweep: the losses of its trials in their order, and against each setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elman.errors import DataError
from elman.insight.drawing import COLOURS, GREY, as_label, in_style, picture

__all__ = ["plot_sweep"]

COLUMNS = 3
STYLES: dict[str, dict[str, Any]] = {
    "complete": {"color": COLOURS[0]},
    "pruned": {"color": COLOURS[1], "markerfacecolor": "white"},
    "other": {"color": GREY, "markerfacecolor": "white"},
}
"""Of the dots; what was neither complete nor pruned is running or was broken off."""


def plot_sweep(
    trials: Sequence[Mapping[str, Any]],
    scales: Mapping[str, str],
    out_path: str | Path,
    *,
    measure: str = "nats a token",
) -> Path:
    """Draw the validation losses of a sweep to a PNG or SVG file.

    Above, a dot a trial in their order, and the best loss so far as a line; below, for each setting, the
    losses against its values. The best trial has a ring. A loss far above the others is drawn as a triangle
    at the upper edge, and a trial that failed as a cross there, whatever its losses before.

    Parameters
    ----------
    trials : sequence of mapping
        Each with its ``number``, ``state`` (``complete``, ``pruned``, ``failed`` or another), ``loss`` (or
        None) and ``settings``, in any order.
    scales : mapping of str to str
        For each setting how its axis runs: ``"linear"``, ``"log"``, or ``"choice"`` for values one beside
        another.
    out_path : str or pathlib.Path
        Where to write; the suffix, `.png` or `.svg`, says which format.
    measure : str
        What the losses are in.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the suffix is another.
    DataError
        If no trial has a loss.

    Examples
    --------
    >>> import tempfile
    >>> trials = [
    ...     {"number": 0, "state": "complete", "loss": 2.1, "settings": {"lr": 0.001}},
    ...     {"number": 1, "state": "pruned", "loss": 2.6, "settings": {"lr": 0.1}},
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_sweep(trials, {"lr": "log"}, Path(folder) / "sweep.svg").name
    'sweep.svg'
    """
    losses = [trial["loss"] for trial in trials if trial["loss"] is not None]
    if not losses:
        raise DataError("no trial has a loss: there is nothing to draw")
    rows = -(-len(scales) // COLUMNS)
    with picture(out_path, 8.0, 3.4 + 2.4 * rows) as figure:
        grid = figure.add_gridspec(1 + rows, COLUMNS, height_ratios=[1.3, *[1.0] * rows])
        view = _View(sorted(trials, key=lambda trial: int(trial["number"])), losses)
        view.history(figure.add_subplot(grid[0, :]), measure)
        for k, (name, scale) in enumerate(scales.items()):
            axes = figure.add_subplot(grid[1 + k // COLUMNS, k % COLUMNS])
            view.setting(axes, name, scale)
            axes.set_ylabel(measure if k % COLUMNS == 0 else "")
    return Path(out_path)


class _View:
    """Draws trials on axes that all have the same height."""

    def __init__(self, trials: Sequence[Mapping[str, Any]], losses: Sequence[float]) -> None:
        self.trials = trials
        complete = [t for t in trials if t["state"] == "complete" and t["loss"] is not None]
        self.best = min(complete, key=lambda t: (t["loss"], t["number"]), default=None)
        low, spread = min(losses), sorted(losses)[len(losses) // 2] - min(losses)
        # Three times as far from the best as the middle one: what is above would squeeze all the rest.
        self.ceiling = min(max(losses), low + 3 * spread) if spread else max(losses)
        margin = 0.08 * (self.ceiling - low) or 0.05 * abs(low) or 0.05
        self.bounds = low - margin, self.ceiling + margin

    def history(self, axes: Any, measure: str) -> None:
        """Draw losses by the number of the trial."""
        self._dots(axes, [(trial, trial["number"]) for trial in self.trials], named=True)
        complete = [(t["number"], t["loss"]) for t in self.trials if t["state"] == "complete"]
        if complete:
            lowest, best = [], math.inf
            for _, loss in complete:
                best = min(best, loss)
                lowest.append(min(best, self.ceiling))
            line = {"color": "#000000", "linewidth": 1.2, "where": "post", "zorder": 1}
            axes.step([n for n, _ in complete], lowest, label=f"best so far ({best:.3f})", **line)
        axes.set_xlabel("trial")
        axes.set_ylabel(f"validation ({measure})")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))

    def setting(self, axes: Any, name: str, scale: str) -> None:
        """Draw losses by the value of a setting."""
        having = [trial for trial in self.trials if trial["settings"].get(name) is not None]
        values = [trial["settings"][name] for trial in having]
        if scale == "choice":
            kinds = sorted(set(values)) if all(_is_number(v) for v in values) else list(dict.fromkeys(values))
            axes.set_xticks(range(len(kinds)), [_word(kind) for kind in kinds])
            axes.set_xlim(-0.5, len(kinds) - 0.5 if kinds else 0.5)
            values = [kinds.index(value) for value in values]
        elif scale == "log" and values:
            axes.set_xscale("log")
        self._dots(axes, list(zip(having, values, strict=True)), named=False)
        axes.set_xlabel(as_label(name))

    def _dots(self, axes: Any, placed: Sequence[tuple[Mapping[str, Any], float]], *, named: bool) -> None:
        axes.set_ylim(*self.bounds)
        in_style(axes)
        for state, style in STYLES.items():
            for high in (False, True):
                points = [
                    (x, min(trial["loss"], self.ceiling))
                    for trial, x in placed
                    if trial["loss"] is not None
                    and trial["state"] != "failed"
                    and _kind(trial["state"]) == state
                    and (trial["loss"] > self.ceiling) == high
                ]
                if points:
                    label = state.replace("other", "broken off") if named and not high else "_"
                    marks = {"marker": "^" if high else "o", "markersize": 5, "linestyle": "none"}
                    axes.plot(*zip(*points, strict=True), label=label, clip_on=False, **marks, **style)
        failed = [x for trial, x in placed if trial["state"] == "failed"]
        if failed:
            marks = {"marker": "x", "color": GREY, "linestyle": "none", "clip_on": False}
            top = axes.get_xaxis_transform()
            axes.plot(failed, [1.0] * len(failed), transform=top, label="failed" if named else "_", **marks)
        ringed = [(x, trial["loss"]) for trial, x in placed if trial is self.best]
        if ringed:
            ring = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "color": COLOURS[2]}
            axes.plot(*ringed[0], linestyle="none", label="best" if named else "_", **ring)


def _kind(state: str) -> str:
    return state if state in STYLES else "other"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else as_label(f"{value}")

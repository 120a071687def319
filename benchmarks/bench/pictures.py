"""The curves of the page as SVG, through matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Okabe & Ito (2008), told apart by readers with any colour vision.
COLOURS = {"elman": "#0072B2", "PyTorch": "#D55E00", "PyTorch, logits in chunks": "#E69F00"}
MARKERS = {"elman": "o", "PyTorch": "s", "PyTorch, logits in chunks": "^"}
GREY = "#555555"
AXES = {
    "H": "hidden width H",
    "B": "rows B",
    "K": "vocabulary K",
    "T": "steps T",
    "threads": "threads",
}
# Text as text keeps an SVG small and searchable; a fixed salt and no date make it reproducible.
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "elman"}


def speed(curves: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw tokens a second against each size."""
    _panels([curve for curve in curves if not curve["memory"]], "tokens a second", path)


def memory(curves: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the peak memory against each size."""
    _panels([curve for curve in curves if curve["memory"]], "peak memory, MB", path)


def losses(row: dict[str, Any], path: Path) -> None:
    """Draw the validation loss of every run of both sides against the seconds of training."""
    figure, axes = _figure(1)
    for side in row["sides"]:
        for number, curve in enumerate(side["curves"]):
            axes[0].plot(
                [seconds for _, seconds, _ in curve], [loss for _, _, loss in curve], lw=1.4,
                color=COLOURS[side["name"]], label=side["name"] if number == 0 else None,
            )  # fmt: skip
    axes[0].axhline(row["goal"], color=GREY, lw=0.8, ls=":")
    # The first losses would squeeze all the rest.
    axes[0].set_ylim(row["goal"] - 0.03, row["goal"] + 0.5)
    axes[0].set(xlabel="seconds of training", ylabel="validation loss, nats a character")
    axes[0].legend(frameon=False)
    _save(figure, path)


def _panels(curves: Sequence[dict[str, Any]], label: str, path: Path) -> None:
    figure, axes = _figure(len(curves))
    for ax, curve in zip(axes, curves, strict=False):
        points = curve["points"]
        for name in points[0]:
            if name != "x":
                ax.plot(
                    [point["x"] for point in points], [point[name] for point in points], lw=1.6,
                    marker=MARKERS[name], ms=4, color=COLOURS[name], label=name,
                )  # fmt: skip
        if curve["size"] == "threads":
            ax.set_xticks([point["x"] for point in points])
            ax.yaxis.set_major_formatter(_plainly)
            ax.set_ylim(bottom=0)
        else:
            ax.set_xscale("log")
            ax.set_yscale("log")
            _ticks(ax, [point["x"] for point in points])
        ax.set(xlabel=AXES[curve["size"]], ylabel=label)
        ax.set_title(curve["base"], fontsize=8, color=GREY)
        ax.legend(frameon=False, fontsize=8)
    for ax in axes[len(curves) :]:
        ax.set_axis_off()
    _save(figure, path)


def _ticks(ax: Any, values: Sequence[int]) -> None:
    """Label the points that were measured rather than powers of ten, and the other axis in plain numbers."""
    from matplotlib.ticker import NullFormatter

    ax.set_xticks(values, [f"{value:,}" for value in values], fontsize=8)
    ax.set_xticks([], minor=True)
    ax.yaxis.set_major_formatter(_plainly)
    low, high = ax.get_ylim()
    ax.yaxis.set_minor_formatter(_plainly if high / low < 10 else NullFormatter())
    ax.tick_params(axis="y", which="both", labelsize=8)


def _plainly(value: float, _: int) -> str:
    return f"{value:,.0f}"


def _figure(panels: int) -> tuple[Any, Any]:
    import numpy as np
    from matplotlib.figure import Figure

    columns = min(panels, 2)
    rows = -(-panels // 2)
    figure = Figure(figsize=(4.6 * max(columns, 1.6), 3.4 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).reshape(-1)
    for ax in axes:
        ax.grid(True, which="major", lw=0.4, color="#dddddd")
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    from matplotlib import rc_context

    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        figure.savefig(path, metadata={"Date": None})

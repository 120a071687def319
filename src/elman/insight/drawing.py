"""What all pictures share: the format by the suffix, the colours, the look of the axes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.errors import ConfigError

# Okabe & Ito (2008), told apart by readers with any colour vision; its yellow is too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
SUFFIXES = (".png", ".svg")
GREY = "#555555"


@contextmanager
def picture(out_path: str | Path, width: float, height: float, *, outlines: bool = False) -> Iterator[Any]:
    """Give a figure to draw on, and write it to a PNG or SVG file.

    Parameters
    ----------
    out_path : str or pathlib.Path
        Where to write; the suffix says which format.
    width, height : float
        Inches.
    outlines : bool
        Draw the letters of an SVG as outlines: it is then larger, and looks the same whatever fonts there
        are.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the suffix is another, or matplotlib is not installed.
    """
    out_path = check_picture(out_path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Text as text keeps an SVG small and searchable; a fixed salt and no date make it reproducible.
    with rc_context({"svg.fonttype": "path" if outlines else "none", "svg.hashsalt": "elman"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        metadata = {"Date": None} if out_path.suffix.lower() == ".svg" else None
        figure.savefig(out_path, dpi=150, metadata=metadata)


def check_picture(out_path: str | Path) -> Path:
    """Return where to write a picture; raise ConfigError if none can be written there, or at all."""
    out_path = Path(out_path)
    if out_path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out_path.name!r} ends in {out_path.suffix!r}: name the picture .png or .svg")
    check_drawing()
    return out_path


def check_drawing() -> None:
    """Raise ConfigError unless matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "drawing needs matplotlib, which is not installed: python -m pip install matplotlib"
        ) from error


def in_style(axes: Any) -> None:
    """Draw no frame, and a pale grid behind the lines."""
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.tick_params(colors=GREY, labelcolor="black")


def as_label(name: str) -> str:
    """Return the name so that matplotlib shows it as it is: "$" begins mathematics, and "_" hides a label."""
    name = name.replace("$", r"\$")
    return "\u200b" + name if name.startswith("_") else name

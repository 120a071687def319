"""``elman inspect``: what a trained model does with a text."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elman.cli.pages import check_page, write_page
from elman.cli.use import AsJson, RunPath
from elman.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from elman.insight.inspect import Inspection
    from elman.storage.run import Run


def inspect(
    run: RunPath,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Text to read, or - for standard input; by default the run's own test part, or else its "
            "validation part.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page to look at, in one file.", show_default=False),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help='Write pictures there, as .svg (needs matplotlib, the extra "plot").',
            show_default=False,
        ),
    ] = None,
    length: Annotated[int, typer.Option(help="Tokens of the text to read, at most.")] = 3000,
    lags: Annotated[int, typer.Option(help="How many steps back to follow the gradient, at most.")] = 50,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="L:J",
            help="Look at unit J of layer L, both counted from 0; at its memory cell with L:J:c.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at a model while it reads a text: surprise, predictions, units, gates, gradients.

    Without --html, --plots and --json it prints a summary.
    """
    from elman.cli import inspected
    from elman.insight.inspect import check_unit, inspect_model, sample_of_corpus, sample_of_text
    from elman.storage.run import Run

    wanted = _parsed(unit)
    check_page(html)
    _check_folder(plots)
    found_run = Run.existing(run)
    model, tokenizer = found_run.load_model(), found_run.tokenizer
    if wanted is not None:
        check_unit(model, *wanted)
    if text is None:
        _check_text(found_run)
        sample = sample_of_corpus(found_run.corpus(), length, name=str(found_run.path))
    else:
        sample = sample_of_text(tokenizer, text, length, documents=found_run.config.documents)
    found = inspect_model(
        model, tokenizer, sample.ids, lags=lags, starts=sample.starts, original=sample.text,
        records=found_run.metrics.read() if found_run.metrics.path.exists() else (),
    )  # fmt: skip
    wrote = []
    if html is not None:
        from elman.insight.inspect.report import report_page

        page = report_page(found, name=sample.name, part=sample.part, cut=sample.cut, unit=wanted)
        wrote.append(write_page(html, page))
    if plots is not None:
        wrote += _draw(found, plots, wanted)
    if as_json:
        print(json.dumps(inspected.as_dict(found, sample, wanted), ensure_ascii=False, allow_nan=False))
    elif not wrote:
        print(inspected.summary(found, sample, wanted))
    elif sample.cut:
        print(inspected.cut_line(sample))
    for name in wrote:
        print(f"wrote {name}", file=sys.stderr if as_json else sys.stdout)


def _parsed(unit: str | None) -> tuple[int, int, str] | None:
    """Return layer, unit and state of "L:J" or "L:J:state"."""
    if unit is None:
        return None
    layer, _, rest = unit.partition(":")
    number, _, state = rest.partition(":")
    if not (layer.isdecimal() and number.isdecimal()):
        raise ConfigError(f"--unit {unit}: give a layer and a unit, both counted from 0, such as 0:17")
    return int(layer), int(number), state or "h"


def _check_text(run: Run) -> None:
    """Refuse a run without a text of its own, as an imported one is."""
    if not run.text_folder.is_dir():
        absent = f"the text of {run.path} is not here ({run.text_folder} is missing)"
        if run.imported:
            absent = f"{run.path} was imported, and never had a text"
        raise CheckpointError(f"{absent}: give one: elman inspect {run.path} --text FILE")


def _check_folder(path: Path | None) -> None:
    """Refuse a folder that cannot be made, and pictures that cannot be drawn."""
    from elman.insight.drawing import check_drawing

    if path is None:
        return
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file: name a folder for the pictures")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent} to make {path.name} in: make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{path} cannot be written: name another folder")

    check_drawing()


def _draw(found: Inspection, folder: Path, unit: tuple[int, int, str] | None) -> list[str]:
    """Draw what there is to draw; return the names of the pictures."""
    from elman.insight.inspect.plot_text import plot_text
    from elman.insight.inspect.plots import plot_gradient_by_lag, plot_saturation, plot_singular_values

    folder.mkdir(exist_ok=True)
    reading = found.reading
    wrote = [
        plot_text(reading.pieces, reading.surprise, folder / "surprise.svg"),
        plot_saturation(found.saturation, folder / "saturation.svg"),
        plot_gradient_by_lag(found.lags, folder / "gradient-by-lag.svg"),
    ]
    if found.spectra:
        wrote.append(plot_singular_values(found.spectra, folder / "singular-values.svg"))
    if unit is not None:
        layer, number, state = unit
        label = f"layer {layer}, unit {number}, {'tanh ' * (state in reading.squashed)}{state}"
        path = folder / f"unit-{layer}-{number}-{state}.svg"
        wrote.append(plot_text(reading.pieces, reading.unit(*unit), path, label=label, signed=True))
    return [str(path) for path in wrote]

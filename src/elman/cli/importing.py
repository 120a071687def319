"""``elman import``: a model out of another framework's file becomes a run."""

from __future__ import annotations

import typer

from elman.cli.formats import ImportFormats

app = typer.Typer(
    cls=ImportFormats, no_args_is_help=True, help="Make a run of a model from another framework."
)

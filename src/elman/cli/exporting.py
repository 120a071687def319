"""``elman export``: a run's model as a file for another framework."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Write a run's model as a file for another framework.")

"""The table of commands. Each lives in its own module, and imports what it needs when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

import elman
from elman.cli import (
    data,
    explain,
    exporting,
    following,
    generate,
    importing,
    inspect,
    keras,
    look,
    pytorch,
    scoring,
    sweep,
    train,
    use,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Recurrent networks on NumPy: train a language model on a text, measure it, let it write.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"elman {elman.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("evaluate")(use.evaluate)
app.command("generate")(generate.generate)
app.command("next")(following.next_tokens)
app.command("score")(scoring.score)
app.command("rerank")(scoring.rerank)
app.command("explain")(explain.explain)
app.command("gradcheck")(look.gradcheck)
app.command("info")(look.info)
app.command("plot")(look.plot)
app.command("inspect")(inspect.inspect)
app.command("doctor")(look.doctor)
importing.app.command("torch")(pytorch.import_torch)
exporting.app.command("torch")(pytorch.export_torch)
importing.app.command("keras")(keras.import_keras)
exporting.app.command("keras")(keras.export_keras)
app.add_typer(data.app, name="data")
app.add_typer(importing.app, name="import")
app.add_typer(exporting.app, name="export")

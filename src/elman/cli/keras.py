"""``elman import keras`` and ``elman export keras``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elman.cli.exported import target_of
from elman.cli.imported import File, Out, Overwrite, Tokens, Vocab, make_run
from elman.cli.use import RunPath

_OF_WEIGHTS = "Of a .weights.h5, which does not say it: "


def import_keras(
    file: File,
    out: Out,
    vocab: Vocab = None,
    tokens: Tokens = None,
    activation: Annotated[
        str | None,
        typer.Option(
            help=f"{_OF_WEIGHTS}the activation, by Keras's name; by default tanh.", show_default=False
        ),
    ] = None,
    recurrent_activation: Annotated[
        str | None,
        typer.Option(help=f"{_OF_WEIGHTS}that of the gates; by default sigmoid.", show_default=False),
    ] = None,
    go_backwards: Annotated[
        bool, typer.Option("--go-backwards", help=f"{_OF_WEIGHTS}all layers go backwards.")
    ] = False,
    mask_zero: Annotated[bool, typer.Option("--mask-zero", help=f"{_OF_WEIGHTS}token 0 is masked.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Make a run of a language model that Keras 3 saved: .keras or .weights.h5 (needs the extra "keras").

    An Embedding, layers of SimpleRNN, LSTM or GRU, and a Dense layer. Nothing in the file is run.
    """
    from elman.interop.keras import read

    imported = read(
        file, activation=activation, recurrent_activation=recurrent_activation,
        go_backwards=go_backwards or None, mask_zero=mask_zero or None,
    )  # fmt: skip
    make_run(imported, out, vocab, tokens, overwrite)


def export_keras(
    run: RunPath,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File to write; by default RUN.keras, beside the run.", show_default=False
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the model as a .keras file (needs the extra "keras")."""
    from elman.interop.blocks import REWRITTEN
    from elman.interop.keras import write
    from elman.storage.run import Run

    found = Run.existing(run)
    target = target_of(found.path, out, ".keras")
    model = found.load_model()
    write(model, target, overwrite=overwrite)
    if model.cell in REWRITTEN:
        print(f"{model.cell} is written as the {REWRITTEN[model.cell].upper()} that computes the same")
    print(f"wrote {target}; in Keras:\n")
    print(f"import keras\nmodel = keras.saving.load_model({str(target)!r})  # (B, T) tokens in, logits out")

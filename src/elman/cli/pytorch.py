"""``elman import torch`` and ``elman export torch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elman.cli.exported import target_of
from elman.cli.imported import File, Out, Overwrite, Tokens, Vocab, make_run
from elman.cli.use import RunPath


def import_torch(
    file: File,
    out: Out,
    vocab: Vocab = None,
    tokens: Tokens = None,
    cell: Annotated[
        str | None,
        typer.Option(
            help="rnn-relu for an nn.RNN with nonlinearity='relu', which its weights do not show.",
            show_default=False,
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="Read only names that begin so, where a file holds several models.")
    ] = "",
    overwrite: Overwrite = False,
) -> None:
    """Make a run of a language model that PyTorch saved: .safetensors, .pt or .pth.

    Its layers are found by name and shape. Of a .pt file only tensors are read, and nothing in it is run.
    """
    from elman.interop.torch import read

    make_run(read(file, cell=cell, prefix=prefix), out, vocab, tokens, overwrite)


def export_torch(
    run: RunPath,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File to write; by default RUN.safetensors, beside the run.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the weights as safetensors under PyTorch's names, and print the lines that load them there."""
    from elman.interop.blocks import REWRITTEN
    from elman.interop.torch import write
    from elman.interop.torch.writing import code, metadata
    from elman.storage.run import Run

    found = Run.existing(run)
    model = found.load_model()
    target = target_of(found.path, out, ".safetensors")
    write(model, target, overwrite=overwrite)
    if model.cell in REWRITTEN:
        print(f"{model.cell} is written as the {metadata(model)['module']} that computes the same")
    print(f"wrote {target}; in PyTorch:\n")
    print(code(model, target))

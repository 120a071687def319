"""What every ``elman import`` has in common: the options, and a model made into a run."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elman.cli.advice import as_argument, program

if TYPE_CHECKING:
    from elman.data import Tokenizer
    from elman.interop.said import Imported

File = Annotated[Path, typer.Argument(metavar="FILE", help="File to read.", show_default=False)]
Out = Annotated[Path, typer.Option(metavar="RUN", help="Directory of the run to make.", show_default=False)]
Vocab = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The symbols in the order of their ids: a JSON list, a JSON object of symbols and ids, an elman "
        "tokenizer.json, or a symbol a line. Without it the ids stand for numbers.",
        show_default=False,
    ),
]
Tokens = Annotated[
    str | None,
    typer.Option(help="What a symbol is: char or word; or byte, without a vocabulary.", show_default=False),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a run that is there.")]


def make_run(imported: Imported, out: Path, vocab: Path | None, tokens: str | None, overwrite: bool) -> None:
    """Write a run, and say what was assumed and what can be done with it."""
    from elman.interop.runs import write_run
    from elman.interop.vocabulary import vocabulary

    model = imported.model
    tokenizer, assumed = vocabulary(model.vocab_size, vocab, tokens)
    run = write_run(model, tokenizer, out, overwrite=overwrite)
    for sentence in (*imported.said, *assumed):
        print(f"elman: {sentence}", file=sys.stderr)
    print(f"made {run.path}: {model}, {tokenizer.name} tokens")
    if not model.stack.forwards:
        print(
            "it reads whole sequences, and cannot write or be evaluated on a text: use it from Python, "
            f"elman.load({str(run.path)!r}).model.logits, or {program()} export onnx {as_argument(run.path)}"
        )
        return
    prompt = _prompt(tokenizer)
    if prompt is not None:
        print(f"try: {program()} generate {as_argument(run.path)}{prompt}")


def _prompt(tokenizer: Tokenizer) -> str | None:
    """Return the option that begins a text, "" where none is needed; None where no symbol can begin one."""
    if tokenizer.start is not None:
        return ""
    for index in range(min(tokenizer.vocab_size, 1000)):
        symbol = tokenizer.token(index)
        if symbol.isalnum() and tokenizer.encode(symbol).tolist() == [index]:
            return f" --prompt {shlex.quote(symbol)}"
    return None

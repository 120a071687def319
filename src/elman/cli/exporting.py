"""``elman export``: a run's model as a file for another framework."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from elman.cli.exported import target_of
from elman.cli.formats import ExportFormats
from elman.cli.pages import check_page, write_page
from elman.cli.use import AsJson, RunPath

app = typer.Typer(
    cls=ExportFormats, no_args_is_help=True, help="Write a run's model as a file for another framework."
)


@app.command("onnx")
def export_onnx(
    run: RunPath,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File to write; by default RUN.onnx, beside the run.", show_default=False
        ),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what is printed as a page, too.", show_default=False),
    ] = None,
    log_probabilities: Annotated[
        bool, typer.Option("--log-probabilities", help="Add them to the graph as a last output.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the model as ONNX, checked in ONNX Runtime against the run (needs the extra "onnx").

    The file is kept only if logits and states agree to 1e-5.
    """
    from elman.interop.onnx import export
    from elman.interop.onnx.out.verify import need_packages
    from elman.interop.target import check_target
    from elman.storage.run import Run

    found = Run.existing(run)
    target = target_of(found.path, out, ".onnx")
    need_packages()
    check_target(target, overwrite=overwrite)
    check_page(card)
    made = export(
        found.load_model(), target, tokenizer=found.tokenizer, log_probabilities=log_probabilities,
        overwrite=overwrite, source=str(found.path),
    )  # fmt: skip
    page = None if card is None else write_page(card, made.html())
    if as_json:
        print(json.dumps(made.as_dict(), ensure_ascii=False))
        return
    print(made if page is None else f"{made}\n{'card':<12}{page}")

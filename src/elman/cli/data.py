"""``elman data``: large texts, prepared once to be trained on by many."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.settings import with_text_settings
from elman.cli.use import AsJson
from elman.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from elman.data.shards.context import Report

app = typer.Typer(no_args_is_help=True, help="Prepare large texts in shards, check them, say what they are.")

Prepared = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="What elman data prepare made.", show_default=False)
]
Workers = Annotated[
    int | None,
    typer.Option(help="Processes; by default one a core.", min=1, metavar="N", show_default=False),
]
_SHOWN = 5  # damaged files that a message names
_PLAIN_SECONDS = 15.0  # between lines where there is no terminal


@app.command("prepare")
@with_text_settings
def prepare(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write to.", show_default=False)],
    text: Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders, or .gz files of text.", show_default=False),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            help="Shards of the training part, others in proportion; by default one for 128 MiB of text.",
            min=1,
            metavar="N",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew, whatever has been prepared in the folder.")
    ] = False,
    **settings: Any,
) -> None:
    """Encode large texts by many processes to files of which each reader opens those it needs.

    The ids are those that elman train would make of the same texts. Interrupted, the same command goes on
    from what is done; of what is finished it checks every file, and makes damaged ones anew.
    """
    from elman.data import read_tokenizer
    from elman.data.shards import index_checksum, prepare_corpus
    from elman.data.split import DEFAULT_SPLIT
    from elman.storage.config import TrainConfig

    given = {name: value for name, value in settings.items() if value is not None}
    config = TrainConfig.from_mapping({**given, "text": text or []})
    parts = {name: path for name in ("train", "valid", "test") if (path := getattr(config, name))}
    if not text and not parts:
        raise ConfigError("give the texts to prepare, or each part by --train, --valid and --test")
    split = DEFAULT_SPLIT if parts else config.fractions()
    with _told_how_to_go_on(), _progress() as report:
        corpus = prepare_corpus(
            parts or config.text, out, shards=shards, workers=workers or _cores(), tokens=config.tokens,
            max_vocab=config.max_vocab, min_count=config.min_count, lowercase=config.lowercase,
            documents=config.documents, overwrite=overwrite, report=report,
            tokenizer=None if config.tokenizer is None else read_tokenizer(config.tokenizer), split=split,
        )  # fmt: skip
    sizes = ", ".join(f"{part.tokens:,} {name}" for name, part in corpus.parts.items())
    tokenizer = corpus.tokenizer
    kind = "open" if tokenizer.open else "closed"
    print(f"text    {sizes} {tokenizer.name} tokens, {kind} vocabulary of {tokenizer.vocab_size:,}")
    for note in corpus.notes:
        print(f"note    {note}")
    print(f"index   {index_checksum(out)}")
    if "train" in corpus.parts:
        from elman.cli.advice import as_argument, program

        print(f"Train on it by:\n  {program()} train --data {as_argument(out)}")


@app.command("check")
def check(folder: Prepared, workers: Workers = None) -> None:
    """Hold every file of a prepared text to its checksum, and say which is damaged."""
    from elman.data.shards import check_corpus
    from elman.data.shards.index import files_of, read_index

    damaged = check_corpus(folder, workers=workers or _cores())
    if not damaged:
        print(f"{folder}: all {len(files_of(read_index(folder))):,} files are as they were made")
        return
    named = ", ".join(f"{name} {how}" for name, how in list(damaged.items())[:_SHOWN])
    more = f", and {len(damaged) - _SHOWN} more" if len(damaged) > _SHOWN else ""
    raise CheckpointError(
        f"damaged in {folder}: {named}{more}; the elman data prepare that made the text makes them anew"
    )


@app.command("info")
def info(folder: Prepared, as_json: AsJson = False) -> None:
    """Say what a prepared text is: tokens, parts, shards, and the checksum of its index."""
    from elman.data.shards import index_checksum
    from elman.data.shards.index import notes_in, read_index

    fields = read_index(folder)
    facts: dict[str, Any] = {
        "folder": str(folder),
        "index": index_checksum(folder),
        **{name: fields[name] for name in ("tokens", "vocab_size", "dtype", "documents")},
    }
    for part, shards in fields["parts"].items():
        counts = ["tokens", "chars", "bytes", "unknown"]
        counts += ["documents"] if fields["documents"] != "none" else []
        facts[part] = {"shards": len(shards)} | {name: sum(s[name] for s in shards) for name in counts}
    facts["notes"] = notes_in(folder, fields)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{what} {number:,}" for what, number in value.items())
        for shown in value if isinstance(value, tuple) else [value]:
            print(f"{name.replace('_', ' '):<12}{f'{shown:,}' if isinstance(shown, int) else shown}")


def _cores() -> int:
    from elman.network.threads import usable_cores

    return usable_cores()


@contextmanager
def _told_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print("elman: interrupted; the same command goes on from what is done", file=sys.stderr)
        raise typer.Exit(130) from None


@contextmanager
def _progress() -> Iterator[Report]:
    """Give what shows how far preparing has come: a bar on a terminal, a line now and then elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    last = time.monotonic()

    def line(what: str, done: int, of: int) -> None:
        nonlocal last
        if of == 0:
            console.print(f"note    {what}")
        elif time.monotonic() - last >= _PLAIN_SECONDS:
            last = time.monotonic()
            console.print(f"{what} {done:,} of {of:,}")

    if not console.is_terminal:
        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: int, of: int) -> None:
            if of == 0:
                line(what, done, of)
            else:
                bar.update(task, description=what, completed=done, total=of)

        yield show

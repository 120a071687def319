"""``elman gradcheck``, ``info``, ``plot`` and ``doctor``: looking inside."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from elman.cli.settings import with_network_settings
from elman.cli.use import CELL_NAMES, AsJson
from elman.errors import CheckpointError, ConfigError

MANY = 10_000  # derivatives, above which a check takes its time


@with_network_settings
def gradcheck(
    cell: Annotated[str, typer.Option(help=f"{CELL_NAMES}.")] = "lstm",
    layers: Annotated[int, typer.Option(help="Depth, L.")] = 3,
    hidden: Annotated[int, typer.Option(help="Width of the layers, H.")] = 5,
    embedding: Annotated[int, typer.Option(help="Width of the word vectors, D.")] = 4,
    vocab_size: Annotated[int, typer.Option(help="Size of the vocabulary, K.")] = 7,
    projection: Annotated[
        int | None, typer.Option(help="Width of every layer's output, P, where it is not H.")
    ] = None,
    direction: Annotated[
        str, typer.Option(help="forward, reverse or bidirectional; one, or one a layer, joined by commas.")
    ] = "forward",
    batch: Annotated[int, typer.Option(help="Rows, B.")] = 3,
    window: Annotated[int, typer.Option(help="Steps, T.")] = 5,
    lengths: Annotated[
        str | None, typer.Option(help="How many steps of each row count, such as 5,0,3; by default all.")
    ] = None,
    tied: Annotated[bool, typer.Option("--tied", help="Tie the word vectors and output weights.")] = False,
    scale: Annotated[float, typer.Option(help="Spread of the random weights.")] = 1.0,
    projections: Annotated[
        int, typer.Option(help="Check along this many random directions, not element by element.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of weights, tokens, states and masks.", min=0)] = 0,
    **given: Any,
) -> None:
    """Prove a model's gradients: compare each with central differences, in float64.

    What is drawn while training is drawn here with a fixed seed, the same at every call. The status is 1 if
    any is wrong.
    """
    import numpy as np

    from elman.insight import gradcheck as check
    from elman.network import LanguageModel

    if batch < 1 or window < 1:
        raise ConfigError(f"batch and window must be at least 1, not {batch} and {window}")
    model = LanguageModel(
        vocab_size=vocab_size, cell=cell, embedding=embedding, hidden=hidden, layers=layers, tied=tied,
        dtype="float64", seed=seed, projection=projection, direction=direction,
        **{name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    for array in model.params.values():
        array[...] = scale * rng.standard_normal(array.shape)
    x, y = rng.integers(0, vocab_size, (2, window, batch))
    if not projections and model.n_params > MANY:
        print(
            f"elman: taking {model.n_params:,} derivatives one by one; --projections 5 is quicker",
            file=sys.stderr,
        )
    counts = None if lengths is None else _whole_numbers("lengths", lengths)
    noise = seed if model.stochastic else None
    report = check(model, x=x, y=y, lengths=counts, noise=noise, projections=projections, seed=seed)
    print(report)
    if not report.passed:
        raise typer.Exit(1)


def _whole_numbers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{name} must be whole numbers joined by commas, not {text!r}") from None


def info(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN|FILE",
            help="Directory of a run, or a .safetensors, .pt, .pth, .keras, .weights.h5 or .onnx file of any "
            "origin.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    recipes: Annotated[
        bool, typer.Option("--recipes", help="List the recipes of elman train, instead.")
    ] = False,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="Print a recipe, as a file for elman train --config.")
    ] = None,
) -> None:
    """Print what a run is: settings, parameters, text, and how training went. Of a file: what it holds.

    That is names, shapes, types and metadata of its tensors, and what recurrent model they could be.
    """
    if recipes or recipe is not None:
        if (run is not None) + recipes + (recipe is not None) > 1:
            raise ConfigError("give one of RUN, --recipes and --recipe NAME")
        _show_recipes(recipe, as_json)
        return
    if run is None:
        raise ConfigError("give a RUN or a FILE, --recipes or --recipe NAME")
    if run.is_file():
        from elman.cli.files import describe

        describe(run, as_json)
        return
    from elman.network.regularisers import Regularisers
    from elman.storage.run import Run

    found = Run.existing(run)
    model, config = found.load_model(), found.config
    facts: dict[str, object] = {
        "run": str(found.path),
        "tokens": config.tokens,
        "vocabulary": "open" if found.tokenizer.open else "closed",
        "vocab_size": model.vocab_size,
        "tokenizer": config.tokenizer,
        "data": config.data,
        "vectors": config.vectors,
        "freeze_vectors": config.freeze_vectors,
        "cell": config.cell,
        "layers": config.layers,
        "hidden": config.hidden,
        "hidden_last": config.hidden_last,
        "embedding": config.embedding,
        "projection": config.projection,
        "direction": config.direction,
        "tied": config.tied,
        "output": config.output,
        **{name: getattr(config, name) for name in ("cutoffs", "samples", "experts")},
        "dtype": config.dtype,
        "init_scale": config.init_scale,
        "layer_norm": config.layer_norm,
        "connections": config.connections,
        "learn_state": config.learn_state,
        **model.regularisers.settings,
        "batch": config.batch,
        "window": config.window,
        "optimizer": config.optimizer,
        "lr": config.lr,
        "weight_decay": config.weight_decay,
        "schedule": config.schedule,
        "random_window": config.random_window,
        "average": config.average,
        "imported": found.imported,
        "parameters": model.n_params,
        "bytes": sum(array.nbytes for array in model.params.values()),
    }
    arrays = {name: list(array.shape) for name, array in model.params.items()}
    records = found.metrics.read() if found.metrics.path.exists() else []
    losses = [(r["valid_loss"], r["step"]) for r in records if "valid_loss" in r]
    with contextlib.suppress(CheckpointError):  # what a run is can be said without its text
        facts |= {f"{name}_tokens": part.tokens for name, part in found.corpus().parts.items()}
    if records:
        facts |= {"steps": records[-1]["step"], "seconds": records[-1]["seconds"]}
        facts["finished"] = "end" in records[-1]
    if losses:
        facts |= {"best_valid_loss": min(losses)[0], "best_step": min(losses)[1]}
    if records and "test_loss" in records[-1]:
        facts["test_loss"] = records[-1]["test_loss"]
    for name in _OF_TRAINING if facts["imported"] else ():
        del facts[name]
    if as_json:
        print(json.dumps({**facts, "arrays": arrays}, ensure_ascii=False))
        return
    unused = {
        "freeze_vectors": False, "layer_norm": False, "connections": "none", "learn_state": False,
        "random_window": False, **Regularisers().settings,
    }  # fmt: skip
    for name, value in unused.items():
        if facts.get(name) == value and name != "dropout":
            facts.pop(name, None)
    absent = (
        "tokenizer", "data", "hidden_last", "vectors", "projection", "init_scale", "average", "cutoffs",
        "samples", "experts",
    )  # fmt: skip
    for name in absent:
        if facts.get(name, 0) is None:
            del facts[name]
    if not facts["imported"]:
        del facts["imported"]
    width = max(15, *map(len, facts)) + 1
    for name, value in facts.items():
        shown = f"{value:,}" if type(value) is int else f"{value:.6g}" if type(value) is float else value
        print(f"{name.replace('_', ' '):<{width}}{shown}")
    print("arrays")
    for name, shape in arrays.items():
        print(f"  {name:<24}{' x '.join(map(str, shape))}")


def _show_recipes(name: str | None, as_json: bool) -> None:
    """Print a recipe, or what there are."""
    from elman.storage.recipes import recipe_text, recipes
    from elman.storage.toml import parse_toml

    if name is not None:
        text = recipe_text(name)
        print(json.dumps(parse_toml(text, name), ensure_ascii=False) if as_json else text.rstrip())
    elif as_json:
        print(json.dumps(recipes(), ensure_ascii=False))
    else:
        for known, line in recipes().items():
            print(f"{known:<14}{line}")


_OF_TRAINING = (
    "batch", "window", "optimizer", "lr", "weight_decay", "schedule", "random_window", "average",
)  # fmt: skip
"""Settings that say nothing of a model that was not trained here."""


def plot(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN [RUN ...]", help="Directories of runs.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Picture to write: .png or .svg.")] = Path("loss.png"),
    against: Annotated[str, typer.Option(help="steps, tokens or time (in seconds).")] = "steps",
    bits: Annotated[
        bool,
        typer.Option("--bits", help="Validation in bits a byte, to compare runs over different tokens."),
    ] = False,
) -> None:
    """Draw training and validation loss of one or several runs (needs matplotlib, the extra "plot")."""
    from elman.insight.plots import plot_runs
    from elman.storage.run import Run

    records = {}
    for path in runs:
        found = Run.existing(path)
        records[str(path)] = found.metrics.read()
        if not records[str(path)]:
            raise ConfigError(f"{found.metrics.path} holds no records yet; nothing to draw")
    plot_runs(records, out, against=against, bits=bits)
    print(f"wrote {out}")


def doctor(
    size: Annotated[int, typer.Option(help="Side of the large matrices.", min=1)] = 1024,
    rounds: Annotated[int, typer.Option(help="How often to measure; the median counts.", min=1)] = 5,
    as_json: AsJson = False,
) -> None:
    """Say what holds this machine back: its BLAS, its processor, how fast they are, and what to set.

    What a variable of the environment costs is measured without it, in a second process.
    """
    from elman.insight.doctor import examine
    from elman.insight.rates import Sizes

    report = examine(Sizes(matrix=size, rounds=rounds))
    print(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else report)

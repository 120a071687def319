"""``elman explain``: a sentence, and every number a network makes of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elman.cli.given import typed
from elman.cli.pages import check_page, write_page
from elman.cli.use import CELL_NAMES, AsJson
from elman.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from elman.data import Tokenizer
    from elman.network import LanguageModel

ON_THE_SPOT = ("tokens", "cell", "embedding", "hidden", "layers", "epochs", "lr", "seed")
"""The options that describe a model trained on the spot."""

MOST_NUMBERS, TOGETHER = 200_000, 2_000_000
"""JSON has no array of more numbers than the first, and no more than the second in all (40 MB)."""

PER_GATE = ("U", "W", "b", "Ux", "Wh", "a")
"""What has a block for each gate."""


def explain(
    context: typer.Context,
    sentence: Annotated[
        list[str], typer.Argument(help="Some words, or - for standard input.", show_default=False)
    ],
    run: Annotated[
        Path | None,
        typer.Option(help="Explain this run, not a small model trained on the spot.", show_default=False),
    ] = None,
    step: Annotated[int | None, typer.Option(help="Only this step, from 0.", show_default=False)] = None,
    what: Annotated[
        str | None,
        typer.Option(
            help="Print this array: x, Ux, Wh, a, h, p, a gate, U, W ... or a derivative: dh, dW ...",
            show_default=False,
        ),
    ] = None,
    layer: Annotated[int, typer.Option(help="Which layer --what means, from 0; -1 is the last.")] = -1,
    truncate: Annotated[
        int | None,
        typer.Option(help="Steps that each loss reaches back, itself the first; by default all.", min=1,
                     show_default=False),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page to look inside, one file.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    cell: Annotated[str, typer.Option(help=f"On the spot: {CELL_NAMES}.")] = "rnn",
    tokens: Annotated[str, typer.Option(help="On the spot: word, char or byte.")] = "word",
    embedding: Annotated[int, typer.Option(help="On the spot: width of the word vectors, D.")] = 3,
    hidden: Annotated[int, typer.Option(help="On the spot: width of the layers, H.")] = 4,
    layers: Annotated[int, typer.Option(help="On the spot: depth, L.")] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(help="On the spot: how often it reads the sentence; by default until the loss is 0.5.",
                     min=0, show_default=False),
    ] = None,
    lr: Annotated[float, typer.Option(help="On the spot: learning rate.")] = 0.5,
    seed: Annotated[int, typer.Option(help="On the spot: of the first weights.", min=0)] = 0,
) -> None:  # fmt: skip
    """Show every number of a network on a sentence: forward, backward, and what truncation cuts off.

    The plain implementation computes them, in float64. Without --run a small model is trained first. With it
    the sentence stands at the beginning of a line, as for next.
    """
    from elman.cli.explained import render
    from elman.insight.explain import explain as unroll
    from elman.insight.explain.lookup import look_up

    check_page(html)
    text = sys.stdin.read() if sentence == ["-"] else " ".join(sentence)
    if html is not None and (as_json or what is not None):
        raise ConfigError("--html writes a page: leave out --json and --what")
    if step is not None and (as_json or html is not None):
        raise ConfigError("--step is for what is printed: --json and --html have every step, leave it out")
    if as_json and what is not None:
        raise ConfigError("--json has every array: leave out --what")
    if what is None and typed(context, "layer"):
        raise ConfigError("--layer says of which layer --what is: give --what too")
    given = [name for name in ON_THE_SPOT if typed(context, name)]
    if run is not None and given:
        raise ConfigError(f"--{given[0]} is for a model trained on the spot: give it or --run, not both")
    if run is not None:
        model, tokenizer, source = _from_run(run)
    else:
        model, tokenizer, source = _on_the_spot(
            text, tokens=tokens, cell=cell, embedding=embedding, hidden=hidden, layers=layers,
            epochs=epochs, lr=lr, seed=seed,
        )  # fmt: skip
    found = unroll(model, tokenizer, text.strip(), back=truncate, new_line=run is not None)
    if as_json:
        from elman.insight.explain.document import document

        made = document(found, source=source["en"], most=MOST_NUMBERS, together=TOGETHER)
        print(json.dumps(made, ensure_ascii=False, allow_nan=False))
    elif what is not None:
        print(_array(what, look_up(found, what, step=step, layer=layer), step, found.trace.gates))
    elif html is not None:
        from elman.insight.explain.page import page

        print(f"wrote {write_page(html, page(found, source=source))}")
    else:
        print(render(found, source=source["en"], step=step))


def _from_run(path: Path) -> tuple[LanguageModel, Tokenizer, dict[str, str]]:
    from elman.storage.run import Run

    found = Run.existing(path)
    return found.load_model(), found.tokenizer, {"en": f"the run {path}", "zh": f"训练目录 {path}"}


def _on_the_spot(sentence: str, **settings: object) -> tuple[LanguageModel, Tokenizer, dict[str, str]]:
    """Return a small model, and where it comes from in each language of the page."""
    from elman.insight.explain import small_model

    model, tokenizer, losses = small_model(sentence, **settings)  # type: ignore[arg-type]
    if len(losses) == 1:
        drawn = {"en": "a small model as it was drawn, not trained", "zh": "随机初始化的小模型，未经训练"}
        return model, tokenizer, drawn
    epochs, lr, first, last = len(losses) - 1, settings["lr"], losses[0], losses[-1]
    source = {
        "en": f"a small model, trained here on this sentence: {epochs} epochs of gradient descent "
        f"at rate {lr:g}, loss {first:.3f} to {last:.3f}",
        "zh": f"当场在这个句子上训练的小模型：梯度下降 {epochs} 轮，学习率 {lr:g}，"
        f"损失由 {first:.3f} 变为 {last:.3f}",
    }
    return model, tokenizer, source


def _array(what: str, array: np.ndarray, step: int | None, gates: tuple[str, ...]) -> str:
    """Return an array under its name, shape and gates."""
    import numpy as np

    title = [what] if step is None else [what, f"step {step}"]
    if len(gates) > 1 and what.rpartition(".")[2].removeprefix("d") in PER_GATE:
        title.append(f"gates {' '.join(gates)}")
    with np.printoptions(precision=6, suppress=True, threshold=10_000, linewidth=110):
        return f"{', '.join(title)}, shape {array.shape}\n{array}"

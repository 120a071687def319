"""``elman score`` and ``rerank``: what a run thinks of given lines."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Annotated

import typer

from elman.cli.given import named
from elman.cli.use import AsJson, RunPath, finite
from elman.errors import ConfigError, DataError

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE [FILE ...]", help="UTF-8 text, or - for standard input.", show_default=False
    ),
]
Eos = Annotated[bool, typer.Option("--eos/--no-eos", help="Count the line end as a token of the line.")]
AsTsv = Annotated[bool, typer.Option("--tsv", help="Print columns with a tab between, below their names.")]


def score(
    run: RunPath,
    files: Files,
    eos: Eos = True,
    carry: Annotated[
        bool, typer.Option("--carry", help="Go on from line to line; by default each is by itself.")
    ] = False,
    tokens: Annotated[bool, typer.Option("--tokens", help="Print every token too.")] = False,
    as_tsv: AsTsv = False,
    as_json: AsJson = False,
) -> None:
    """Print the log-probability of every line of a text, in nats, and how many of its tokens are unknown."""
    from elman.api import load
    from elman.cli.scores import Json, Text, Totals, Tsv
    from elman.data import read_lines

    if as_json and as_tsv:
        raise ConfigError("--json and --tsv are two forms of the result: give one of them")
    model = load(run)
    read: deque[str] = deque()

    def texts() -> Iterator[str]:
        for line in read_lines(files):
            read.append(line.text)
            yield line.text

    scores = model.score_lines(texts(), eos=eos, carry=carry)
    first = next(scores, None)  # what cannot be read is refused before anything is shown
    if first is None:
        raise DataError("there is no line in what was given: give a text to read")
    form = Json if as_json else Tsv if as_tsv else Text
    shown, totals = form(model.tokenizer, tokens), Totals(model.tokenizer, eos)
    shown.begin()
    for scored in chain([first], scores):
        text = read.popleft()
        totals.add(text, scored)
        shown.line(totals.lines, text, scored)
    shown.end(totals, model.vocabulary)


def rerank(
    run: RunPath,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE [FILE ...]", help="N-best lists, or - for standard input.", show_default=False
        ),
    ],
    form: Annotated[
        str,
        typer.Option(
            "--format", help="moses, tsv, jsonl, kaldi or espnet; auto tells the first three.", metavar="NAME"
        ),
    ] = "auto",
    scores: Annotated[
        list[str] | None,
        typer.Option(help="File of given scores, for each FILE of the forms kaldi and espnet."),
    ] = None,
    weight: Annotated[float, typer.Option(help="Of the model's log-probability.")] = 1.0,
    given_weight: Annotated[
        float, typer.Option(help="Of the given score; negative where that is a cost.")
    ] = 1.0,
    log_base: Annotated[
        str, typer.Option(help="To which base the given scores are logarithms: e, or a number.", metavar="X")
    ] = "e",
    word_bonus: Annotated[
        float, typer.Option(help="For every word of a candidate; a penalty is negative.")
    ] = 0.0,
    length_penalty: Annotated[
        float, typer.Option(help="A: the model's log-probability is divided by (number of tokens)^A.")
    ] = 0.0,
    unknown_penalty: Annotated[
        float, typer.Option(help="Taken off for every token outside the vocabulary.")
    ] = 0.0,
    eos: Eos = True,
    best: Annotated[bool, typer.Option("--best", help="Print the best candidate of each id alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a line.")] = False,
) -> None:
    """Order n-best lists anew: given scores, and what the run thinks of each candidate.

    The total is given-weight x given + weight x log p / tokens^A + word-bonus x words - unknown-penalty x
    unknown, with logarithms to the base of the given scores.
    """
    from elman.api import load
    from elman.cli.scores import cell
    from elman.decoding import Weights, read_nbest
    from elman.decoding import rerank as order

    with named(model="--weight", given="--given-weight"):
        weights = Weights(weight, given_weight, _base(log_base), word_bonus, length_penalty, unknown_penalty)
    candidates = read_nbest(files, form, scores or ())
    model = load(run)
    found = order(model.model, model.tokenizer, candidates, weights, eos=eos)
    names = ("id", "rank", "total", "given", "log_prob", "tokens", "unknown", "text")
    if not as_json:
        print("\t".join(names))
    for one in found:
        if best and one.rank > 1:
            continue
        if as_json:
            print(json.dumps({name: finite(getattr(one, name)) for name in names}, ensure_ascii=False))
        else:
            print("\t".join(cell(getattr(one, name)) for name in names))


def _base(text: str) -> float:
    if text == "e":
        return math.e
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"log_base is {text!r}: give e, or a number such as 10") from None

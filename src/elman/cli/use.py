"""``elman evaluate``, ``generate`` and ``next``: a run in use."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from elman.data import Tokenizer

CELL_NAMES = (
    "rnn, rnn-relu, lstm, lstm-peephole, lstm-coupled, gru, gru-before, mgu, indrnn, mingru, minlstm or sru"
)
"""The cells as a help text names them; a test holds it to the registry."""

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def evaluate(
    run: RunPath,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE ...]",
            help="Text to evaluate on, or - for standard input; by default the run's own test part.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="Rows at a time; sets the speed, not the result.")] = 50,
    window: Annotated[int, typer.Option(help="Steps at a time; sets the speed, not the result.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Measure how well a run predicts a text: loss, perplexity, bits, accuracy."""
    from elman.api import load

    result = load(run).evaluate(files or None, batch=batch, window=window)
    if as_json:
        # JSON has no infinity: the perplexity of a model that has diverged is null.
        figures = {name: value if math.isfinite(value) else None for name, value in result.as_dict().items()}
        print(json.dumps(figures, allow_nan=False))
        return
    rows = (
        ("loss", f"{result.nats_per_token:.4f} nats a token"),
        ("perplexity", f"{result.perplexity:,.3f}"),
        ("bits", f"{result.bits_per_char:.4f} a character, {result.bits_per_byte:.4f} a byte"),
        ("accuracy", f"{result.accuracy:.2%} of tokens were the most likely one"),
        ("tokens", f"{result.tokens:,} predicted, {result.unknown:,} of them outside the vocabulary"),
    )
    for name, value in rows:
        print(f"{name:<12}{value}")


def generate(
    run: RunPath,
    prompt: Annotated[
        str | None, typer.Option(help="What to continue; without it a new line is begun.", show_default=False)
    ] = None,
    length: Annotated[int, typer.Option(help="Tokens to write, at most.")] = 500,
    temperature: Annotated[float, typer.Option(help="Below 1 bolder, above 1 wilder; 0 is greedy.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Draw from the K most likely tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest tokens up to P.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another text.", min=0)] = 0,
    samples: Annotated[int, typer.Option(help="How many texts.")] = 1,
    stop: Annotated[list[str] | None, typer.Option(help="End before this string; may be repeated.")] = None,
    allow_unknown: Annotated[bool, typer.Option("--allow-unknown", help="Let it write <unk>.")] = False,
    as_json: AsJson = False,
) -> None:
    r"""Write text. The prompt may hold \n for a line end."""
    from elman.api import load

    model = load(run)
    prompt = prompt.replace("\\n", "\n") if prompt else prompt
    _warn_of_unknown(model.tokenizer, prompt or "")
    pieces = model.stream(
        prompt, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, samples=samples,
        stop=[text.replace("\\n", "\n") for text in stop or ()], ban_unknown=not allow_unknown,
    )  # fmt: skip
    if samples == 1 and not as_json:
        first = next(pieces, (0, ""))  # settings are checked before anything is shown
        _write((prompt or "") + first[1])
        for _, piece in pieces:
            _write(piece)
        _write("\n")
        return
    texts = [prompt or ""] * max(samples, 0)
    for row, piece in pieces:
        texts[row] += piece
    if as_json:
        print(json.dumps(texts, ensure_ascii=False))
        return
    for number, text in enumerate(texts, start=1):
        print(f"--- {number} ---\n{text}")


def next_tokens(
    run: RunPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What comes before.", show_default=False)],
    top: Annotated[int, typer.Option(help="How many tokens.", min=1)] = 10,
    as_json: AsJson = False,
) -> None:
    """Print the most likely next tokens and their probabilities."""
    from elman.api import load

    model = load(run)
    text = text.replace("\\n", "\n")
    _warn_of_unknown(model.tokenizer, text)
    found = model.next_tokens(text, top)
    if as_json:
        print(json.dumps([{"token": t, "probability": p} for t, p in found], ensure_ascii=False))
        return
    width = max(len(visible(token)) for token, _ in found)
    shares = percents([probability for _, probability in found])
    for (token, probability), share in zip(found, shares, strict=True):
        print(f"{visible(token):<{width}}  {share}  {'█' * round(40 * probability)}".rstrip())


def visible(token: str) -> str:
    """Show a token so that a space or a line end can be seen."""
    return token if token.isprintable() and token.strip() else repr(token)


def percents(probabilities: Sequence[float]) -> list[str]:
    """Return probabilities in percent, their points under one another.

    Below 1% there are three significant digits: of a large vocabulary all may be small.

    >>> percents([0.5, 0.0012345, 4.5e-9])
    [' 50.00%    ', '  0.123%   ', '  4.50e-07%']
    """
    shown = [_percent(probability) for probability in probabilities]
    behind = max(len(text.partition(".")[2]) for text in shown)
    return [f"{whole:>3}.{rest:<{behind}}" for whole, _, rest in (text.partition(".") for text in shown)]


def _percent(probability: float) -> str:
    share = 100 * probability
    if share >= 1 or share == 0:
        return f"{share:.2f}%"
    # The g of Python's formats writes a small number as 1.23e-05, and with # keeps its last zeros.
    return f"{share:#.3g}%"


def perplexity(nats: float) -> str:
    """Return the perplexity of a loss; an enormous one in a few digits."""
    number = math.exp(nats) if nats < 700 else math.inf
    return f"{number:,.2f}" if number < 1e6 else f"{number:.3g}"


def _warn_of_unknown(tokenizer: Tokenizer, text: str) -> None:
    symbols = tokenizer.unknown_symbols(text)
    if symbols and tokenizer.unknown is not None:  # without <unk> the text is refused, and they are named
        shown = ", ".join(repr(symbol) for symbol in symbols[:10]) + (", ..." if len(symbols) > 10 else "")
        print(f"elman: not in the vocabulary, read as <unk>: {shown}", file=sys.stderr)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()

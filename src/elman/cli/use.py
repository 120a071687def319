"""``elman evaluate``, and what the commands that use a run share."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from elman.data import Tokenizer

CELL_NAMES = (
    "rnn, rnn-relu, lstm, lstm-peephole, lstm-coupled, gru, gru-before, mgu, indrnn, mingru, minlstm or sru"
)
"""The cells as a help text names them; a test holds it to the registry."""

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run.", show_default=False)]
ADAPTING = "Adapting to the text"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def evaluate(
    ctx: typer.Context,
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
    eos: Annotated[bool, typer.Option("--eos/--no-eos", help="Count line ends, or only read them.")] = True,
    as_json: AsJson = False,
    dynamic: Annotated[
        str | None,
        typer.Option(
            help="Let a copy of the model learn from what it has predicted: sgd or rms.",
            metavar="RULE",
            rich_help_panel=ADAPTING,
        ),
    ] = None,
    dynamic_lr: Annotated[
        float | None, typer.Option(help="Its rate; by default that of the rule.", rich_help_panel=ADAPTING)
    ] = None,
    dynamic_decay: Annotated[
        float | None,
        typer.Option(help="Its way back to the trained parameters, in [0, 1].", rich_help_panel=ADAPTING),
    ] = None,
    dynamic_window: Annotated[
        int, typer.Option(help="Tokens that it predicts before it learns.", rich_help_panel=ADAPTING)
    ] = 5,
    cache: Annotated[
        int | None, typer.Option(help="Mix in a cache of the last N tokens.", rich_help_panel=ADAPTING)
    ] = None,
    cache_theta: Annotated[
        float, typer.Option(help="How much likeness counts in it.", rich_help_panel=ADAPTING)
    ] = 0.3,
    cache_weight: Annotated[
        float, typer.Option(help="Its weight in the mixture, in [0, 1).", rich_help_panel=ADAPTING)
    ] = 0.1,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune", help="Search these numbers on the validation part first.", rich_help_panel=ADAPTING
        ),
    ] = False,
) -> None:
    """Measure how well a run predicts a text: loss, perplexity, bits, accuracy."""
    from elman.api import load
    from elman.cli import adapting
    from elman.cli.figures import of_what

    learning = adapting.dynamic_of(ctx, dynamic, dynamic_lr, dynamic_decay, dynamic_window)
    beside = adapting.cache_of(ctx, cache, cache_theta, cache_weight)
    adapting.check(ctx, learning, beside, tune)
    model = load(run)
    with adapting.waiting(learning, tune):
        result = model.evaluate(
            files or None, batch=batch, window=window, eos=eos, dynamic=learning, cache=beside, tune=tune
        )
    if as_json:
        # JSON has no infinity: the perplexity of a model that has diverged is null.
        figures = {name: finite(value) for name, value in result.as_dict().items()}
        print(json.dumps(figures, allow_nan=False))
        return
    rows = (
        ("loss", f"{result.nats_per_token:.4f} nats a token"),
        ("perplexity", f"{result.perplexity:,.3f}"),
        ("bits", f"{result.bits_per_char:.4f} a character, {result.bits_per_byte:.4f} a byte"),
        ("accuracy", f"{result.accuracy:.2%} of tokens were the most likely one"),
        ("tokens", f"{result.tokens:,} predicted"),
        ("vocabulary", of_what(result)),
        *adapting.methods(result),
    )
    for name, value in rows:
        print(f"{name:<12}{value}")


def finite(value: Any) -> Any:
    """Return a value, or None where it is a number that JSON has not."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


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


def warn_of_unknown(tokenizer: Tokenizer, *texts: str) -> None:
    """Say on standard error which symbols of some texts the model does not know."""
    if tokenizer.unknown is None:  # such a text is refused, and they are named
        return
    symbols = list(dict.fromkeys(symbol for text in texts for symbol in tokenizer.unknown_symbols(text)))
    if symbols:
        shown = ", ".join(repr(symbol) for symbol in symbols[:10]) + (", ..." if len(symbols) > 10 else "")
        print(f"elman: not in the vocabulary, read as <unk>: {shown}", file=sys.stderr)

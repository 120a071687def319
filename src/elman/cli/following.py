"""``elman next``: what may come next, of all tokens or of given continuations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Annotated

import typer

from elman.cli.given import refuse
from elman.cli.use import AsJson, RunPath, percents, visible, warn_of_unknown


def next_tokens(
    ctx: typer.Context,
    run: RunPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What comes before.", show_default=False)],
    top: Annotated[int, typer.Option(help="How many tokens.", min=1)] = 10,
    among: Annotated[
        list[str] | None,
        typer.Option(help="Choose among these continuations, each of any length; repeat it for each."),
    ] = None,
    length_penalty: Annotated[
        float, typer.Option(help="A, with --among: compare log p / (number of tokens)^A.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    r"""Print the most likely next tokens and their probabilities, or those of given continuations.

    The text and the continuations may hold \n for a line end. Probabilities of continuations are among those
    given, and add up to 1.
    """
    from elman.api import load

    if among is None:
        refuse(ctx, "length_penalty", "without --among")
    else:
        refuse(ctx, "top", "with --among")
    model = load(run)
    text = text.replace("\\n", "\n")
    choices = [choice.replace("\\n", "\n") for choice in among or ()]
    warn_of_unknown(model.tokenizer, text, *choices)
    if among is None:
        tokens = model.next_tokens(text, top)
        if as_json:
            print(json.dumps([{"token": t, "probability": p} for t, p in tokens], ensure_ascii=False))
        else:
            _table(tokens)
        return
    found = model.choose(text, choices, length_penalty=length_penalty)
    if as_json:
        names = ("text", "probability", "log_prob", "tokens", "unknown")
        print(json.dumps([{n: getattr(c, n) for n in names} for c in found], ensure_ascii=False))
    else:
        notes = [f"  ({choice.unknown} unknown)" if choice.unknown else "" for choice in found]
        _table([(choice.text, choice.probability) for choice in found], notes)


def _table(found: Sequence[tuple[str, float]], notes: Iterable[str] = repeat("")) -> None:
    """Print texts and their probabilities, each with a note at the end."""
    width = max(len(visible(token)) for token, _ in found)
    shares = percents([probability for _, probability in found])
    for (token, probability), share, note in zip(found, shares, notes, strict=False):
        print(f"{visible(token):<{width}}  {share}  {'█' * round(40 * probability)}{note}".rstrip())

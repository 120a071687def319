"""``elman generate``: text from a run, drawn or searched for."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.given import named, refuse
from elman.cli.use import AsJson, RunPath, warn_of_unknown

if TYPE_CHECKING:
    from elman.text_model import TextModel

DRAWN = "Drawing"
SEARCHED = "Searching"


def generate(
    ctx: typer.Context,
    run: RunPath,
    prompt: Annotated[
        str | None, typer.Option(help="What to continue; without it a new line is begun.", show_default=False)
    ] = None,
    length: Annotated[int, typer.Option(help="Tokens to write, at most.")] = 500,
    samples: Annotated[int, typer.Option(help="How many texts; with --beam, the best so many.")] = 1,
    stop: Annotated[
        list[str] | None,
        typer.Option(help="End before this string; may be repeated. With --beam, by default the line end."),
    ] = None,
    allow_unknown: Annotated[bool, typer.Option("--allow-unknown", help="Let it write <unk>.")] = False,
    as_json: AsJson = False,
    temperature: Annotated[
        float, typer.Option(help="Below 1 bolder, above 1 wilder; 0 is greedy.", rich_help_panel=DRAWN)
    ] = 0.8,
    top_k: Annotated[
        int | None, typer.Option(help="Draw from the K most likely tokens.", rich_help_panel=DRAWN)
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the likeliest tokens up to P.", rich_help_panel=DRAWN)
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from tokens that have this share of the likeliest one's probability.",
            rich_help_panel=DRAWN,
        ),
    ] = None,
    typical: Annotated[
        float | None,
        typer.Option(help="Draw from tokens of the most typical surprise up to P.", rich_help_panel=DRAWN),
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option(help="Above 1, what was said lately is less likely.", rich_help_panel=DRAWN)
    ] = 1.0,
    repetition_window: Annotated[
        int, typer.Option(help="How many of the last tokens that is.", rich_help_panel=DRAWN)
    ] = 64,
    seed: Annotated[int, typer.Option(help="Another seed, another text.", min=0, rich_help_panel=DRAWN)] = 0,
    beam: Annotated[
        int | None,
        typer.Option(help="Search with a beam of this width in place of drawing.", rich_help_panel=SEARCHED),
    ] = None,
    length_penalty: Annotated[
        float,
        typer.Option(help="A: the score is log p / (number of tokens)^A.", rich_help_panel=SEARCHED),
    ] = 1.0,
) -> None:
    r"""Write text. The prompt may hold \n for a line end."""
    from elman.api import load

    if beam is not None:
        sampling = "temperature top_k top_p min_p typical repetition_penalty repetition_window seed"
        refuse(ctx, sampling, "with --beam")
    else:
        refuse(ctx, "length_penalty", "without --beam")
        if repetition_penalty == 1:
            refuse(ctx, "repetition_window", "without a --repetition-penalty")
        if temperature == 0:
            refuse(ctx, "top_k top_p min_p typical", "with --temperature 0, which takes the likeliest token")
    model = load(run)
    prompt = prompt.replace("\\n", "\n") if prompt else prompt
    warn_of_unknown(model.tokenizer, prompt or "")
    stops = [text.replace("\\n", "\n") for text in stop or ()]
    if beam is not None:
        _search(
            model, prompt, as_json, width=beam, n=samples, length=length, length_penalty=length_penalty,
            stop=stops or None, ban_unknown=not allow_unknown,
        )  # fmt: skip
        return
    _draw(
        model, prompt, as_json, length=length, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
        typical=typical, repetition_penalty=repetition_penalty, repetition_window=repetition_window,
        seed=seed, samples=samples, stop=stops, ban_unknown=not allow_unknown,
    )  # fmt: skip


def _draw(model: TextModel, prompt: str | None, as_json: bool, *, samples: int, **settings: Any) -> None:
    if samples == 1 and not as_json:
        pieces = model.stream(prompt, **settings)
        first = next(pieces, (0, ""))  # settings are checked before anything is shown
        _write((prompt or "") + first[1])
        for _, piece in pieces:
            _write(piece)
        _write("\n")
        return
    texts = [(prompt or "") + text for text in model.generate_samples(samples, prompt, **settings)]
    if as_json:
        print(json.dumps(texts, ensure_ascii=False))
        return
    for number, text in enumerate(texts, start=1):
        print(f"--- {number} ---\n{text}")


def _search(model: TextModel, prompt: str | None, as_json: bool, *, n: int, **settings: Any) -> None:
    with named(width="--beam", n="--samples"):
        found = model.beam(prompt, n=n, **settings)
    if as_json:
        shown = [
            {
                "text": (prompt or "") + one.text, "score": one.score, "log_prob": one.log_prob,
                "tokens": len(one.ids), "ended": one.ended,
            }
            for one in found
        ]  # fmt: skip
        print(json.dumps(shown, ensure_ascii=False, allow_nan=False))
        return
    for number, one in enumerate(found, start=1):
        if n > 1:
            many = f"{len(one.ids)} token{'s' * (len(one.ids) != 1)}"
            print(f"--- {number}: score {one.score:.4f}, log-probability {one.log_prob:.4f}, {many} ---")
        print((prompt or "") + one.text)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()

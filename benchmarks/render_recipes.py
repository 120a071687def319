"""The parts of docs/results.md that are about recipes."""

from __future__ import annotations

import math
import tomllib
from typing import Any

from bench.pages import where
from elman.storage.recipes import recipe_text

PUBLISHED = {
    ("word-small", "Penn Treebank"): "120.7 / 114.5",
    ("word-medium", "Penn Treebank"): "86.2 / 82.7",
    ("awd", "Penn Treebank"): "61.2 / 58.8, fine-tuned 60.0 / 57.3",
    ("awd", "WikiText-2"): "68.7 / 65.6, fine-tuned 68.6 / 65.8",
}
"""Perplexities on validation and test text; {doc}`/guide/recipes` says where they come from."""


ADAPTING = """Models that adapt to the text as they read it ({doc}`guide/evaluation`), their numbers tuned on the validation text; the time is that of tuning
and reading.

| recipe | corpus | evaluated by | time | as it is | test |
| --- | --- | --- | ---: | ---: | ---: |"""


def loss(unit: str, nats: float) -> str:
    """Return a loss as one compares it: of words or parts of them as perplexity, of characters in nats."""
    return f"{nats:.4f} nats" if unit in ("char", "byte") else f"{math.exp(nats):.2f}"


def clock(seconds: float) -> str:
    """Return a time in minutes or hours."""
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def in_full(kept: dict[str, Any]) -> str:
    """Say how long a recipe would take that was stopped by the clock."""
    epochs = tomllib.loads(recipe_text(kept["recipe"])).get("epochs", 0)
    if "--minutes" not in kept["command"] or "--epochs" in kept["command"] or kept["epochs"] >= epochs:
        return ""
    hours = epochs * kept["tokens"]["train"] / kept["tokens_per_second"] / 3600
    length = f"{hours:,.0f} hours" if hours < 100 else f"{hours / 24:,.0f} days"
    return f", with which its {epochs} epochs would take {length}"


def called(kept: dict[str, Any]) -> str:
    """Return the recipe, and what is different from it."""
    return f"`{kept['recipe']}`" + (f", {kept['title']}" if kept["title"] else "")


def row(kept: dict[str, Any]) -> str:
    """Return a line of the table."""
    unit, test, valid = kept["unit"], kept["test"], kept["valid_loss"]
    exact = not kept["title"]  # a figure that was published is of the recipe as it is
    shown = [
        called(kept), kept["corpus"], clock(kept["seconds"]), f"{kept['epochs']:g}",
        "" if valid is None else loss(unit, valid),
        "" if test is None else f"**{loss(unit, test['nats_per_token'])}**",
        "" if test is None else f"{test['bits_per_byte']:.3f}",
        PUBLISHED.get((kept["recipe"], kept["corpus"]), "") if exact else "",
    ]  # fmt: skip
    return f"| {' | '.join(shown)} |"


def recipes(kept: dict[str, Any]) -> str:
    """The table of all recipes that were measured, and their commands."""
    rows = kept["rows"]
    table = "\n".join(map(row, rows))
    commands = "\n".join(f"$ {each['command']}" for each in rows)
    notes = "\n".join(
        f"- {called(each)}, {each['corpus']}: "
        f"{each['parameters']:,} parameters, {each['vocab_size']:,} tokens, {each['tokens_per_second']:,} tokens "
        f"a second{in_full(each)}. {where(each)}"
        for each in rows
    )
    adapted = [
        f"| {called(each)} | {each['corpus']} | "
        f"`elman evaluate RUN {one['options']}` | {clock(one['seconds'])} | "
        f"{loss(each['unit'], each['test']['nats_per_token'])} | **{loss(each['unit'], one['nats_per_token'])}** |"
        for each in rows
        for one in each.get("adapted", [])
    ]
    adapting = "\n".join(["", ADAPTING, *adapted, ""]) if adapted else ""
    return f"""## Recipes

`python benchmarks/recipes.py`. {{doc}}`/guide/recipes` says what they are. The loss is that of the best model by validation: perplexity, or nats where
tokens are characters. Bits are those of a byte of the test text, and the published figures perplexities on validation
and test text.

| recipe | corpus | time | epochs | validation | test | bits a byte | published |
| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |
{table}

```console
{commands}
```

{notes}
{adapting}"""


def tang(kept: dict[str, Any]) -> str:
    """Poems by character, beside n-gram models."""
    model, poems = kept["model"], kept["poems"]
    rows = "\n".join(
        f"| {each['order']}-gram, modified Kneser-Ney | {each['perplexity']:.2f} |" for each in kept["ngrams"]
    )
    return f"""## Tang poems

`python benchmarks/tang.py`: {poems["train"]:,} poems for training, {poems["valid"]:,} for validation and {poems["test"]:,} for the test, of every
twenty the nineteenth and the twentieth; {model["tokens"]["test"]:,} test tokens, characters and line ends. Characters
that occur once in the training poems are `<unk>` to every model. The n-gram models are those of KenLM's `lmplz`.

| model | test perplexity |
| --- | ---: |
{rows}
| LSTM, {clock(model["seconds"])} | **{model["test"]["perplexity"]:.2f}** |

```console
$ {kept["command"]}
```

At temperature {kept["temperature"]:g} it wrote {kept["lines"]:,} lines, of which {kept["regular"]:.0%} have exactly five
characters before each mark, or exactly seven; of the test poems' lines {kept["regular_text"]:.0%} have. The first of them:

```text
{kept["sample"].rstrip()}
```

{where(kept)}
"""

"""What a file says of itself, so that it can be used with nothing else."""

from __future__ import annotations

import json
from typing import Any

import elman
from elman.data import Tokenizer
from elman.network import LanguageModel

LARGEST_VOCABULARY = 4_000_000
"""Characters of JSON; a larger vocabulary is left out, and the card says so."""

VOCABULARY = "elman.vocabulary"


def sizes_of(model: LanguageModel) -> dict[str, Any]:
    """Return what a model's shape is described by; a projection and directions where there are such."""
    settings = model.settings
    sizes = {name: settings[name] for name in ("vocab_size", "embedding", "hidden", "layers")}
    if model.projection is not None:
        sizes["projection"] = model.projection
    if model.direction != "forward":
        sizes["direction"] = model.direction
    if model.connections != "none":
        sizes["connections"] = model.connections
    return sizes


def metadata_of(model: LanguageModel, tokenizer: Tokenizer | None) -> dict[str, str]:
    """Return the entries of a file's metadata; all values are text, the structured ones JSON.

    ``elman.vocabulary`` lists the text of every token by its id. ``elman.start`` is the id that stands before
    the beginning of a text, ``elman.unknown`` that of what is outside the vocabulary, where there are such.
    """
    entries = {
        "elman.version": elman.__version__,
        "elman.cell": model.cell,
        "elman.sizes": json.dumps(sizes_of(model)),
        "elman.tied": json.dumps(model.output.tied),
    }
    if tokenizer is None:
        return entries
    entries["elman.tokens"] = tokenizer.name
    for name, value in (("start", tokenizer.start), ("unknown", tokenizer.unknown)):
        if value is not None:
            entries[f"elman.{name}"] = str(value)
    # Escapes, since a lone surrogate has no UTF-8 but may be a token.
    vocabulary = json.dumps([tokenizer.token(i) for i in range(tokenizer.vocab_size)])
    if len(vocabulary) <= LARGEST_VOCABULARY:
        entries[VOCABULARY] = vocabulary
        fields = {k: v for k, v in tokenizer.to_json().items() if not isinstance(v, list)}
        entries["elman.tokenizer"] = json.dumps(fields)  # its options: the list is the vocabulary
    return entries

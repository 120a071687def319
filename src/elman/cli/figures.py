"""The figures of an evaluation in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.cli.use import perplexity

if TYPE_CHECKING:
    from elman.data import Vocabulary
    from elman.training.figures import Evaluation


def in_a_line(result: Evaluation) -> str:
    """Return the loss in the four units people compare; huge ones as powers of ten."""
    nats = result.nats_per_token
    loss = f"{nats:.4f}" if nats < 1000 else f"{nats:.4g}"
    chars, size = (
        f"{b:.3f}" if b < 1000 else f"{b:.4g}" for b in (result.bits_per_char, result.bits_per_byte)
    )
    return f"{loss} nats a token, perplexity {perplexity(nats)}, {chars} bits a character, {size} a byte"


def of_what(result: Evaluation) -> str:
    """Return what kind of vocabulary an evaluation was with, and whether line ends were counted."""
    kind = result.vocabulary
    if kind is None:
        return ""
    parts = [of_vocabulary(kind, result.tokens, result.unknown, result.replaced)]
    if not result.eos:
        parts.append("line ends are not counted")
    return "; ".join(parts)


def of_vocabulary(kind: Vocabulary, tokens: int, unknown: int, replaced: int | None) -> str:
    """Return whether a vocabulary is open or closed, and how much of a text it has not.

    >>> from elman.data import Vocabulary
    >>> of_vocabulary(Vocabulary(True, 8000, None), 1000, 0, 0)
    'open, 8,000 tokens that can write every text'
    >>> of_vocabulary(Vocabulary(False, 10_000, True), 82_430, 4794, 0)
    'closed, 10,000 tokens; 4,794 (5.82%) of the text are <unk>, which is so in the text'
    >>> of_vocabulary(Vocabulary(False, 10_000, False), 1000, 20, 20)
    'closed, 10,000 tokens; 20 (2.00%) of the text are <unk>, all in the place of others, and not learnt'
    """
    if kind.open:
        return f"open, {kind.size:,} tokens that can write every text"
    said = f"closed, {kind.size:,} tokens; "
    if not unknown:
        return said + "none of the text is <unk>"
    said += f"{unknown:,} ({unknown / max(tokens, 1):.2%}) of the text are <unk>"
    if replaced is not None:
        some = "all" if replaced == unknown else f"{replaced:,} of them"
        said += f", {some} in the place of others" if replaced else ", which is so in the text"
    return said + (", and not learnt" if kind.learnt is False else "")

"""The figures of an evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.data import Vocabulary
    from elman.training.cache import Cache
    from elman.training.dynamic import Dynamic


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts a text.

    Attributes
    ----------
    nats : float
        Negative log-likelihood of all tokens, summed.
    tokens : int
        Tokens predicted.
    correct : int or None
        Tokens that were the model's most likely; None where that was not looked for.
    unknown : int
        Tokens that are ``<unk>``: so in the text, or in the place of what is outside the vocabulary.
    chars, bytes : int
        Length of the predicted text in characters and in UTF-8 bytes.
    replaced : int or None
        Of the unknown tokens those that stand for something else in the text; None where that is not known.
    eos : bool
        Whether line ends were counted.
    vocabulary : Vocabulary or None
        Whether it is open or closed, and how large.
    dynamic : Dynamic or None
        How the model went on learning from the text, if it did.
    cache : Cache or None
        What stood beside it, if something did.
    tuned : int
        On how many tokens of the validation part the numbers of these two were searched; 0 where they were
        given.

    Examples
    --------
    >>> import elman
    >>> result = elman.Evaluation(nats=20.0, tokens=10, correct=4, unknown=0, chars=10, bytes=12)
    >>> result.nats_per_token, round(result.perplexity, 3), round(result.bits_per_byte, 3)
    (2.0, 7.389, 2.404)
    """

    nats: float
    tokens: int
    correct: int | None
    unknown: int
    chars: int
    bytes: int
    replaced: int | None = None
    eos: bool = True
    vocabulary: Vocabulary | None = None
    dynamic: Dynamic | None = None
    cache: Cache | None = None
    tuned: int = 0

    @property
    def nats_per_token(self) -> float:
        """Mean negative log-likelihood of a token, in nats."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """The exponential of `nats_per_token`."""
        return math.exp(self.nats_per_token) if self.nats_per_token < 700 else math.inf

    @property
    def bits_per_char(self) -> float:
        """Bits to encode a character of the text."""
        return self.nats / math.log(2) / self.chars

    @property
    def bits_per_byte(self) -> float:
        """Bits to encode a byte of the text in UTF-8."""
        return self.nats / math.log(2) / self.bytes

    @property
    def accuracy(self) -> float:
        """Share of tokens that were the model's most likely; not a number where that was not looked for."""
        return math.nan if self.correct is None else self.correct / self.tokens

    def as_dict(self) -> dict[str, Any]:
        """Return all figures and how they were measured, for JSON; None stands for what is not known."""
        kind = self.vocabulary
        names = (
            "nats_per_token",
            "perplexity",
            "bits_per_char",
            "bits_per_byte",
            "accuracy",
            "tokens",
            "unknown",
        )
        figures = {name: getattr(self, name) for name in (*names, "replaced", "chars", "bytes", "eos")}
        figures |= {"accuracy": None} if self.correct is None else {}
        if kind is not None:
            figures |= {"vocabulary": kind.kind, "vocab_size": kind.size, "unknown_learnt": kind.learnt}
        return figures | {
            "dynamic": None if self.dynamic is None else self.dynamic.as_dict(),
            "cache": None if self.cache is None else self.cache.as_dict(),
            "tuned": self.tuned,
        }

"""The scores of lines, as text, as columns and as JSON: shown one after the other, as they are made."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from typing import Any

from elman.cli.figures import of_vocabulary
from elman.cli.use import finite, perplexity, visible
from elman.data import Tokenizer, Vocabulary
from elman.decoding import Score


class Totals:
    """What all lines come to."""

    def __init__(self, tokenizer: Tokenizer, eos: bool) -> None:
        # Without a line end the first token of a line is not predicted, so that bytes would count too much.
        self.all_predicted = tokenizer.start is not None
        self.eos = eos and self.all_predicted
        self.lines = self.tokens = self.unknown = self.written = self.bytes = 0
        self._tokenizer = tokenizer
        self.log_prob = 0.0

    def add(self, text: str, scored: Score) -> None:
        """Count a line."""
        self.lines += 1
        self.tokens += len(scored.tokens)
        self.unknown += scored.unknown
        self.written += self._tokenizer.written_unknown(text)
        self.bytes += len(text.encode()) + self.eos
        self.log_prob += scored.total

    @property
    def replaced(self) -> int:
        """How many of the unknown tokens stand for something else in the text."""
        return max(0, self.unknown - self.written)

    @property
    def nats_per_token(self) -> float:
        """Mean over all tokens; 0 where there is none."""
        return -self.log_prob / max(self.tokens, 1)

    @property
    def bits_per_byte(self) -> float | None:
        """Bits to encode a byte of the lines; None where not all of them is predicted."""
        return -self.log_prob / math.log(2) / max(self.bytes, 1) if self.all_predicted else None


class Form(ABC):
    """A form of the result.

    Parameters
    ----------
    tokenizer : Tokenizer
        Of the model.
    tokens : bool
        Whether every token is shown.
    """

    def __init__(self, tokenizer: Tokenizer, tokens: bool) -> None:
        self.tokens = tokens
        self.unknown = None if tokenizer.unknown is None else tokenizer.token(tokenizer.unknown)

    @abstractmethod
    def begin(self) -> None:
        """Print what comes before all lines."""

    @abstractmethod
    def line(self, number: int, text: str, scored: Score) -> None:
        """Print a line."""

    @abstractmethod
    def end(self, totals: Totals, vocabulary: Vocabulary) -> None:
        """Print what comes after all lines."""


class Text(Form):
    """To be read by people."""

    def begin(self) -> None:
        """Print what comes before all lines."""
        print(f"{'log-prob':>12}  {'tokens':>6}  {'unknown':>7}  line")

    def line(self, number: int, text: str, scored: Score) -> None:
        """Print a line."""
        print(f"{scored.total:12.4f}  {len(scored.tokens):6}  {scored.unknown:7}  {text}".rstrip())
        if self.tokens:
            for token, log_prob in zip(scored.tokens, scored.log_probs.tolist(), strict=True):
                print(f"{log_prob:12.4f}  {visible(token)}")

    def end(self, totals: Totals, vocabulary: Vocabulary) -> None:
        """Print what comes after all lines."""
        nats, bits = totals.nats_per_token, totals.bits_per_byte
        counted = "line ends counted" if totals.eos else "no line ends counted"
        rows = [
            ("total", f"{totals.log_prob:,.4f} nats"),
            ("tokens", f"{totals.tokens:,} in {totals.lines:,} lines, {counted}"),
            ("loss", f"{nats:.4f} nats a token, perplexity {perplexity(nats)}"),
            ("bits", "" if bits is None else f"{bits:.4f} a byte"),
            ("vocabulary", of_vocabulary(vocabulary, totals.tokens, totals.unknown, totals.replaced)),
        ]
        for name, value in rows:
            if value:
                print(f"{name:<12}{value}")


class Tsv(Form):
    """Columns for other programs."""

    def begin(self) -> None:
        """Print what comes before all lines."""
        names = "line place token log_prob unknown" if self.tokens else "line log_prob tokens unknown text"
        print("\t".join(names.split()))

    def line(self, number: int, text: str, scored: Score) -> None:
        """Print a line."""
        if not self.tokens:
            values = (number, scored.total, len(scored.tokens), scored.unknown, text)
            print("\t".join(map(cell, values)))
            return
        each = zip(scored.tokens, scored.log_probs.tolist(), strict=True)
        for place, (token, log_prob) in enumerate(each, start=1):
            print("\t".join(map(cell, (number, place, token, log_prob, int(token == self.unknown)))))

    def end(self, totals: Totals, vocabulary: Vocabulary) -> None:
        """Print nothing: columns can be added up."""


class Json(Form):
    """One object, a line of the text a line of the output, and the totals last."""

    def begin(self) -> None:
        """Print what comes before all lines."""
        print('{"lines": [', end="")
        self.comma = "\n"

    def line(self, number: int, text: str, scored: Score) -> None:
        """Print a line."""
        fields: dict[str, Any] = {
            "line": number, "log_prob": finite(scored.total), "tokens": len(scored.tokens),
            "unknown": scored.unknown, "text": text,
        }  # fmt: skip
        if self.tokens:
            each = zip(scored.tokens, scored.log_probs.tolist(), strict=True)
            fields["each"] = [{"token": token, "log_prob": finite(log_prob)} for token, log_prob in each]
        print(f"{self.comma}{json.dumps(fields, ensure_ascii=False, allow_nan=False)}", end="")
        self.comma = ",\n"

    def end(self, totals: Totals, vocabulary: Vocabulary) -> None:
        """Print what comes after all lines."""
        nats = totals.nats_per_token
        fields = {
            "lines": totals.lines, "log_prob": totals.log_prob, "tokens": totals.tokens,
            "unknown": totals.unknown, "replaced": totals.replaced, "nats_per_token": nats,
            "perplexity": math.exp(nats) if nats < 700 else math.inf, "bits_per_byte": totals.bits_per_byte,
            "eos": totals.eos, "vocabulary": vocabulary.kind, "vocab_size": vocabulary.size,
            "unknown_learnt": vocabulary.learnt,
        }  # fmt: skip
        shown = {name: finite(value) for name, value in fields.items()}
        print(f'\n], "total": {json.dumps(shown, ensure_ascii=False, allow_nan=False)}}}')


def cell(value: object) -> str:
    """Return a value as a column of TSV has it: a tab, a line end and a backslash are written with one.

    >>> cell("a\\tb"), cell(-0.5), cell(3)
    ('a\\\\tb', '-0.500000', '3')
    """
    if isinstance(value, float):
        return f"{value:.6f}"
    return "".join(_ESCAPED.get(character, character) for character in str(value))


_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}

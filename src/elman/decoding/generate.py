"""Text from a model, piece by piece, as it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from elman.data import Tokenizer
from elman.data.tokenize import TokenStream
from elman.decoding.decoder import Decoder, context
from elman.decoding.sampling import Sampling, draw
from elman.errors import ConfigError
from elman.network import LanguageModel
from elman.network.checks import check_whole
from elman.typing import Ints


class StopFilter:
    """Lets text through until one of the stop strings appears, and holds back what may begin one.

    Parameters
    ----------
    stops : sequence of str
        None of them empty.

    Examples
    --------
    >>> from elman.decoding.generate import StopFilter
    >>> passed = StopFilter(["END"])
    >>> passed.feed("the E"), passed.feed("ND of"), passed.done
    ('the ', '', True)
    """

    def __init__(self, stops: Sequence[str]) -> None:
        if isinstance(stops, str) or not all(isinstance(stop, str) and stop for stop in stops):
            raise ConfigError(f"stop must be a sequence of strings, none of them empty, not {stops!r}")
        self.stops, self.held, self.done = tuple(stops), "", False

    def feed(self, piece: str) -> str:
        """Take a piece; return what is safe to show."""
        if self.done:
            return ""
        text = self.held + piece
        found = [at for at in (text.find(stop) for stop in self.stops) if at >= 0]
        if found:
            self.done, self.held = True, ""
            return text[: min(found)]
        hold = max((_overlap(text, stop) for stop in self.stops), default=0)
        self.held = text[len(text) - hold :]
        return text[: len(text) - hold]

    def flush(self) -> str:
        """Return what was held back, now that nothing follows."""
        held, self.held = self.held, ""
        return held

    def copy(self) -> StopFilter:
        """Return one that has let through the same, and goes on by itself."""
        twin = object.__new__(StopFilter)
        twin.stops, twin.held, twin.done = self.stops, self.held, self.done
        return twin


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of text that begins stop."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)


def generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | None,
    *,
    length: int,
    sampling: Sampling,
    seed: int,
    samples: int = 1,
    stop: Sequence[str] = (),
) -> Iterator[tuple[int, str]]:
    """Continue a prompt.

    Parameters
    ----------
    model, tokenizer
        What to write with.
    prompt : str or None
        What to continue; None begins a new line.
    length : int
        Tokens to write, at most.
    sampling : Sampling
        How each is chosen.
    seed : int
        Of the draws. Sample number i is the same however many are drawn beside it.
    samples : int
        How many texts to write side by side.
    stop : sequence of str
        A text ends before the first of these.

    Returns
    -------
    iterator of (int, str)
        Which text, from 0, and what it goes on with: not empty, and without the prompt. Arguments are
        checked before it is returned; the model runs as it is read.

    Raises
    ------
    ConfigError
        If `length` or `samples` is not a whole number of at least 1, `seed` not one of at least 0, the prompt
        no string, or a stop string empty; and from the iterator, if nothing is left to draw.
    DataError
        If the prompt is empty.
    """
    length, samples = check_whole("length", length, 1), check_whole("samples", samples, 1)
    seed = check_whole("seed", seed, 0)
    ids = context(tokenizer, check_text("prompt", prompt))
    filters = [StopFilter(stop) for _ in range(samples)]
    return _pieces(model, tokenizer, ids, length, sampling, seed, filters)


def check_text(name: str, text: Any) -> str | None:
    """Return text if it is a string or None, or raise ConfigError."""
    if text is not None and not isinstance(text, str):
        raise ConfigError(f"{name} must be a string, not {text!r:.60}")
    return text


def stream_after(tokenizer: Tokenizer, ids: Ints) -> TokenStream:
    """Return a stream that has read the context, so that the first piece is spaced as the prompt demands."""
    stream = tokenizer.stream()
    for token in ids:
        stream(int(token))
    return stream


def _pieces(
    model: LanguageModel,
    tokenizer: Tokenizer,
    ids: Ints,
    length: int,
    sampling: Sampling,
    seed: int,
    filters: list[StopFilter],
) -> Iterator[tuple[int, str]]:
    samples = len(filters)
    before = stream_after(tokenizer, ids)
    streams = [before.copy() for _ in range(samples)]
    generators = [np.random.default_rng((seed, row)) for row in range(samples)]
    decoder = Decoder(model, ids, samples)
    recent = _last(ids, samples, sampling.repetition_window) if sampling.remembers else None
    for step in range(length):
        uniforms = np.array([generator.random() for generator in generators])
        tokens = draw(decoder.logits, sampling, uniforms, recent)
        if recent is not None:
            recent[:, step % recent.shape[1]] = tokens  # in the place of the oldest
        for row, token in enumerate(tokens):
            piece = "" if filters[row].done else filters[row].feed(streams[row](int(token)))
            if piece:
                yield row, piece
        if all(row.done for row in filters):
            return
        if step + 1 < length:
            decoder.feed(tokens)
    for row in range(samples):
        rest = "" if filters[row].done else filters[row].feed(streams[row].flush()) + filters[row].flush()
        if rest:
            yield row, rest


def _last(ids: Ints, samples: int, window: int) -> Ints:
    """Return the last tokens of the context for each sample, the oldest first and -1 where there are none."""
    recent = np.full((samples, window), -1, np.intp)
    ids = ids[-window:]
    recent[:, window - len(ids) :] = ids
    return recent

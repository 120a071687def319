"""What a text model writes: samples, and what may come next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from elman import decoding
from elman.decoding import Decoder, Sampling, context, top
from elman.decoding.generate import check_text
from elman.errors import ConfigError
from elman.network.checks import check_whole
from elman.text_model.held import Held, banned


class Writing(Held):
    """The part of :class:`elman.TextModel` that writes."""

    def stream(
        self,
        prompt: str | None = None,
        *,
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        samples: int = 1,
        stop: Sequence[str] = (),
        ban_unknown: bool = True,
        min_p: float | None = None,
        typical: float | None = None,
        repetition_penalty: float = 1.0,
        repetition_window: int = 64,
    ) -> Iterator[tuple[int, str]]:
        """Continue a prompt, a piece at a time, as the pieces are made.

        Parameters
        ----------
        prompt : str, optional
            What to continue; without it a new line is begun.
        length : int
            Tokens to write, at most.
        temperature : float
            The logits are divided by it; 0 always takes the most likely token.
        top_k : int, optional
            Draw from the k most likely tokens only.
        top_p : float, optional
            Draw from the fewest most likely tokens whose probability reaches p.
        seed : int
            Of the draws; the same seed gives the same text.
        samples : int
            Texts to write side by side; each is what it would be alone.
        stop : sequence of str
            A text ends before the first of these.
        ban_unknown : bool
            Never write ``<unk>``.
        min_p : float, optional
            Draw from the tokens only that have at least this share of the likeliest one's probability.
        typical : float, optional
            Draw from the fewest tokens of the most typical surprise whose probability reaches this.
        repetition_penalty : float
            Above 1: tokens among the last `repetition_window` are less likely; their log-probability is
            multiplied by it.
        repetition_window : int
            How many of the last tokens those are, the prompt's among them.

        Returns
        -------
        iterator of (int, str)
            Which text, from 0, and what it goes on with. Arguments are checked before it is returned; the
            model runs as it is read.

        Raises
        ------
        ConfigError
            If a setting is out of range or of the wrong type.
        DataError
            If the prompt is empty, or there is none and the vocabulary has no line end to begin after.
        DivergenceError
            From the iterator, if the model's parameters are not finite.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> list(model.stream("a", length=2, samples=2))
        [(0, 'b'), (1, 'b'), (0, 'b'), (1, 'b')]
        """
        sampling = Sampling(
            temperature, top_k, top_p, banned(self.tokenizer) if ban_unknown else (), min_p, typical,
            repetition_penalty, repetition_window,
        )  # fmt: skip
        return decoding.generate(
            self.model, self.tokenizer, prompt, length=length, sampling=sampling, seed=seed,
            samples=samples, stop=stop,
        )  # fmt: skip

    def generate(self, prompt: str | None = None, **settings: Any) -> str:
        """Return the continuation of a prompt, without the prompt.

        Parameters
        ----------
        prompt : str, optional
            What to continue; without it a new line is begun.
        **settings
            Those of :meth:`stream`, but for `samples`.

        Returns
        -------
        str

        Raises
        ------
        ConfigError, DataError, DivergenceError
            As :meth:`stream`; ConfigError also if `samples` is given.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> model.generate("a", length=9, stop=["bbb"])
        ''
        """
        if "samples" in settings:
            raise ConfigError("generate returns one text; generate_samples returns several")
        return "".join(piece for _, piece in self.stream(prompt, **settings))

    def generate_samples(self, samples: int, prompt: str | None = None, **settings: Any) -> list[str]:
        """Return several continuations of a prompt.

        Parameters
        ----------
        samples : int
            How many.
        prompt : str, optional
            What to continue.
        **settings
            Those of :meth:`stream`.

        Returns
        -------
        list of str

        Raises
        ------
        ConfigError, DataError, DivergenceError
            As :meth:`stream`.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> model.generate_samples(2, "a", length=3)
        ['bbb', 'bbb']
        """
        pieces = self.stream(prompt, samples=samples, **settings)
        texts = [""] * samples
        for row, piece in pieces:
            texts[row] += piece
        return texts

    def next_tokens(self, text: str | None = None, n: int = 10) -> list[tuple[str, float]]:
        """Return the most likely next tokens after a text, with their probabilities.

        Parameters
        ----------
        text : str, optional
            What comes before; without it, the beginning of a line.
        n : int
            How many, at most the vocabulary.

        Returns
        -------
        list of (str, float)
            From the most likely down.

        Raises
        ------
        ConfigError
            If `n` is not a whole number of at least 1, or the text no string.
        DataError
            If the text is empty, or there is none and the vocabulary has no line end to begin after.
        DivergenceError
            If the model's parameters are not finite.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> [(token, p > 0.9) for token, p in model.next_tokens("a", n=1)]
        [('b', True)]
        """
        n = check_whole("n", n, 1)
        logits = Decoder(self.model, context(self.tokenizer, check_text("text", text))).logits[0]
        ids, probabilities = top(logits, n)
        return [(self.tokenizer.token(int(i)), float(p)) for i, p in zip(ids, probabilities, strict=True)]

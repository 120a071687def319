"""What a text model finds without chance: the best continuations, and the likeliest of given texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from elman import decoding
from elman.text_model.held import Held, banned

if TYPE_CHECKING:  # loaded when it is first used
    from elman.decoding import Choice, Hypothesis, Ranked


class Searching(Held):
    """The part of :class:`elman.TextModel` that compares texts."""

    def beam(
        self,
        prompt: str | None = None,
        *,
        width: int = 5,
        n: int = 1,
        length: int = 200,
        length_penalty: float = 1.0,
        stop: Sequence[str] | None = None,
        ban_unknown: bool = True,
    ) -> list[Hypothesis]:
        """Return the best continuations of a prompt that a beam search finds. There is no chance in it.

        Parameters
        ----------
        prompt : str, optional
            What to continue; without it a new line is begun.
        width : int
            How many beginnings are followed side by side.
        n : int
            How many continuations are wanted, at most `width`.
        length : int
            Tokens to write, at most.
        length_penalty : float
            A: continuations are ordered by log-probability / (number of tokens) ** A.
        stop : sequence of str, optional
            A continuation ends before the first of these; by default at the line end.
        ban_unknown : bool
            Never write ``<unk>``.

        Returns
        -------
        list of Hypothesis
            From the best down, each with `text`, `score` and `log_prob`; see
            :class:`elman.decoding.Hypothesis`.

        Raises
        ------
        ConfigError
            If a setting is out of range.
        DataError
            If the prompt is empty, or there is none and the vocabulary has no line end to begin after.
        DivergenceError
            If the model's parameters are not finite.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> [found.text for found in model.beam("a", length=4)]
        ['bbbb']
        """
        return decoding.beam_search(
            self.model, self.tokenizer, prompt, width=width, length=length, n=n,
            length_penalty=length_penalty, stop=stop, banned=banned(self.tokenizer) if ban_unknown else (),
        )  # fmt: skip

    def choose(
        self, text: str | None, choices: Sequence[str], *, length_penalty: float = 0.0
    ) -> list[Choice]:
        """Order given continuations of a text by their probability.

        Parameters
        ----------
        text : str or None
            What comes before; None for the beginning of a line.
        choices : sequence of str
            What may follow, each of any number of tokens. With words as tokens these are the words that
            follow; with others the text and a choice are one text, so that a space between belongs to one of
            them.
        length_penalty : float
            A: log-probabilities are divided by (number of tokens) ** A before they are compared.

        Returns
        -------
        list of Choice
            From the most probable down, each with its `probability` among those given; see
            :class:`elman.decoding.Choice`.

        Raises
        ------
        ConfigError
            If there is no choice, or one is given twice or is no string.
        DataError
            If a choice has no token, the text is empty, or there is none and the vocabulary has no line end.
        DivergenceError
            If the model's parameters are not finite.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 2
        >>> [(choice.text, choice.probability > 0.5) for choice in model.choose("a", ["a", "b"])]
        [('b', True), ('a', False)]
        """
        return decoding.choose(self.model, self.tokenizer, text, choices, length_penalty=length_penalty)

    def rerank(
        self,
        texts: Sequence[str],
        scores: Sequence[float] | None = None,
        ids: Sequence[str] | None = None,
        *,
        weight: float = 1.0,
        given_weight: float = 1.0,
        log_base: float = math.e,
        word_bonus: float = 0.0,
        length_penalty: float = 0.0,
        unknown_penalty: float = 0.0,
        eos: bool = True,
    ) -> list[Ranked]:
        """Order the candidates of a recogniser or a translator anew, with what the model thinks of them.

        Parameters
        ----------
        texts : sequence of str
            The candidates.
        scores : sequence of float, optional
            What each was given; without it the model alone decides.
        ids : sequence of str, optional
            What each is a candidate for; without it all are for one thing.
        weight, given_weight : float
            Of the model's log-probability and of the given score.
        log_base : float
            To which base the given scores are logarithms; that of the model is then too.
        word_bonus : float
            For every word of a candidate; a penalty is negative.
        length_penalty : float
            A: the model's log-probability is divided by (number of tokens) ** A.
        unknown_penalty : float
            For every token outside the vocabulary.
        eos : bool
            Whether the line end is a token of a candidate.

        Returns
        -------
        list of Ranked
            The best first, for each id in the order in which they first appear; see
            :class:`elman.decoding.Ranked`.

        Raises
        ------
        ConfigError
            If there are not as many scores, or ids, as texts, a score is no finite number, or a weight is out
            of range.
        DataError
            If the vocabulary has no ``<unk>`` and a text has what is not in it.
        DivergenceError
            If the model's parameters are not finite.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 5
        >>> [ranked.text for ranked in model.rerank(["ab", "bb"], [-1.0, -1.5], weight=0.8)]
        ['bb', 'ab']
        """
        weights = decoding.Weights(
            weight, given_weight, log_base, word_bonus, length_penalty, unknown_penalty
        )
        candidates = decoding.candidates_of(texts, scores, ids)
        return decoding.rerank(self.model, self.tokenizer, candidates, weights, eos=eos)

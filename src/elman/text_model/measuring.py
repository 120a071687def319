"""What a text model measures: how well it predicts a text, or each of many lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from elman import decoding
from elman.data import Vocabulary, vocabulary_of
from elman.decoding import Score
from elman.errors import ConfigError, DataError, ElmanError
from elman.network.checks import check_whole
from elman.text_model.held import Held

if TYPE_CHECKING:  # the training room is loaded when it is needed, and predictions do without
    from elman.data import Part
    from elman.training.cache import Cache
    from elman.training.dynamic import Dynamic
    from elman.training.figures import Evaluation


class Measuring(Held):
    """The part of :class:`elman.TextModel` that measures."""

    def evaluate(
        self,
        source: Any = None,
        *,
        batch: int = 50,
        window: int = 50,
        eos: bool = True,
        dynamic: Dynamic | str | None = None,
        cache: Cache | int | None = None,
        tune: bool = False,
    ) -> Evaluation:
        """Measure the model on a text.

        Parameters
        ----------
        source : path, list of paths, or elman.Text, optional
            What to evaluate on; without it, the test part of the run.
        batch, window : int
            Rows and steps taken at a time; they set the speed, and not the result. A model that adapts reads
            the text in one row.
        eos : bool
            Whether line ends are counted; the model reads them in any case.
        dynamic : Dynamic or str, optional
            Dynamic evaluation: after each window a copy of the model learns from it, by
            :class:`elman.training.Dynamic`, or by that of the rule ``"sgd"`` or ``"rms"``.
        cache : Cache or int, optional
            A neural cache beside the model, :class:`elman.training.Cache`, or one of so many tokens.
        tune : bool
            Search the numbers of these two on the validation part of the run first.

        Returns
        -------
        Evaluation
            Which says how it was measured. The model stays as it is.

        Raises
        ------
        DataError
            If the text cannot be read, or has no token to predict, or there is no test part.
        ConfigError
            If `batch` or `window` is not a whole number of at least 1, or `source` no text, or line ends
            are not to be counted and are not tokens of their own; if there is nothing to tune.
        CheckpointError
            If a part of the run that is needed is missing or damaged.
        DivergenceError
            If the model goes astray while it learns.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> found = model.evaluate(elman.Text("abbb"))
        >>> found.tokens, found.accuracy
        (4, 0.75)
        """
        import tempfile

        from elman.data import check_given, encode_corpus
        from elman.text_model.adapting import measure

        batch, window = check_whole("batch", batch, 1), check_whole("window", window, 1)

        def measured(part: Part) -> Evaluation:
            return measure(
                self, part, batch=batch, window=window, eos=eos, dynamic=dynamic, cache=cache, tune=tune
            )

        if source is None:
            return measured(self._part("test", "say which text to evaluate on"))
        with tempfile.TemporaryDirectory(prefix="elman-") as folder:
            corpus = encode_corpus(
                {"test": check_given(source)},
                folder,
                tokenizer=self.tokenizer,
                documents=self.config.documents,
            )
            return measured(corpus.parts["test"])

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What kind of vocabulary the figures of this model are of.

        Returns
        -------
        Vocabulary
            Whether ``<unk>`` has been learnt is known where the training text is there.
        """
        train = None
        if self.run is not None and self.run.text_folder.is_dir():
            with suppress(ElmanError):  # a text that is not whole is none, for figures of another
                train = self.run.corpus().parts["train"]
        return vocabulary_of(self.tokenizer, train)

    def _part(self, name: str, otherwise: str) -> Part:
        """Return a part of the text of the run, or raise DataError and say what to do."""
        found = self.run.corpus().parts.get(name) if self.run else None
        if found is None:
            raise DataError(f"this run has no {name} part; {otherwise}")
        return found

    def score(self, text: str) -> Score:
        """Return the log-probability of every token of a text; see :class:`elman.Score`.

        Parameters
        ----------
        text : str
            What to score; it stands at the beginning of a line.

        Returns
        -------
        Score

        Raises
        ------
        DataError
            If there is no token to predict.
        ConfigError
            If the text is no string.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> scored = model.score("ab")
        >>> scored.tokens, bool(scored.log_probs[0] < scored.log_probs[1])
        (['a', 'b'], True)
        """
        if not isinstance(text, str):
            raise ConfigError(f"text must be a string, not {text!r:.60}")
        return decoding.score(self.model, self.tokenizer, text)

    def score_lines(self, lines: Iterable[str], *, eos: bool = True, carry: bool = False) -> Iterator[Score]:
        """Score many lines, those of like length side by side.

        Parameters
        ----------
        lines : iterable of str
            Without their ends. Some thousand are read ahead.
        eos : bool
            Whether the line end is a token of the line, where the vocabulary has one.
        carry : bool
            Whether the model goes on from one line to the next. By default each line is by itself.

        Returns
        -------
        iterator of Score
            One a line, in their order; see :class:`elman.Score`.

        Raises
        ------
        ConfigError
            If the model does not read forward alone, or a line is no string.
        DataError
            If the vocabulary has no ``<unk>`` and a line has what is not in it.
        DivergenceError
            If the model's parameters are not finite.

        Examples
        --------
        >>> import elman
        >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
        >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
        >>> best = max(model.score_lines(["aa", "ab", "bb"]), key=lambda score: score.total)
        >>> best.tokens
        ['b', 'b', '\\n']
        """
        return decoding.score_lines(self.model, self.tokenizer, lines, eos=eos, carry=carry)

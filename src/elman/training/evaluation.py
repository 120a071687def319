"""Honest evaluation: every token once, the state carried from the first to the last."""

from __future__ import annotations

from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from elman.data import Part, Tokenizer, Vocabulary, vocabulary_of
from elman.errors import ConfigError, DataError
from elman.network import ModelState
from elman.network.checks import check_forwards
from elman.network.stack import Stack
from elman.ranks import ALONE, Ranks
from elman.training.figures import Evaluation
from elman.training.shares import concatenate, rows_of, split_rows
from elman.typing import Floats, Ints

AGREE = {"float32": 1e-6, "float64": 1e-10}
"""States that differ by this much, relative to one plus their size, have met: within a few roundings."""

COMPARED = 32
"""Windows whose states a first run keeps, for the next to meet; bounds the memory of a long text."""

PASSES = 4
"""Runs after the first before rows are given up for one: a model may not forget at all."""

READ = 4096
"""Steps of every row that are read from the text at a time."""

COUNTED = 1 << 18
"""Tokens counted at a time; NumPy makes eight bytes of each."""

SHORTEST_ROW = 1024
"""Rows shorter than this would spend more time on meeting the one before than they save."""


class Predictor(Protocol):
    """What can be evaluated: a model, or one that adapts to the text (``elman.training.adapted``)."""

    stack: Stack
    dtype: np.dtype[Any]

    def initial_state(self, batch: int) -> ModelState: ...

    def nll(
        self,
        x: Ints,
        y: Ints,
        state: ModelState,
        *,
        reset: NDArray[np.bool_] | None = None,
        guess: bool = True,
    ) -> tuple[Floats, Ints, ModelState]: ...


def evaluate(
    model: Predictor,
    part: Part,
    tokenizer: Tokenizer,
    *,
    batch: int = 50,
    window: int = 50,
    eos: bool = True,
    vocabulary: Vocabulary | None = None,
    guesses: bool = True,
    ranks: Ranks = ALONE,
) -> Evaluation:
    """Measure a model on an encoded text.

    The text is one stream: the state is carried from the first token to the last, and no token is
    dropped. A text begins where a line begins, so that the first token follows a line end, if the
    tokenizer has one; otherwise the first token has nothing before it and is not predicted.

    Parameters
    ----------
    model : LanguageModel
        The model.
    part : Part
        The encoded text.
    tokenizer : Tokenizer
        Of the vocabulary.
    batch, window : int
        Rows and steps taken at a time. They set the speed and the memory, and not the result beyond
        rounding: rows start in the middle of the text with the state that the row before ends with (see
        Notes).
    eos : bool
        Whether line ends are counted. Where not, the model reads them all the same: they are left out of
        the sums, and of the characters and bytes.
    vocabulary : Vocabulary, optional
        What kind of vocabulary it is; by default what the tokenizer says.
    guesses : bool
        Whether to count the tokens that were the most likely, which for a large vocabulary can take longer
        than all the rest.
    ranks : Ranks, optional
        Processes that have the same model and text, and take some of the rows each; all are told the result.

    Returns
    -------
    Evaluation
        Sums in float64.

    Raises
    ------
    DataError
        If the text has no token to predict.
    ConfigError
        If `batch` or `window` is less than 1, or line ends are not to be counted and are not tokens of
        their own.

    Notes
    -----
    The text is cut into rows that run side by side, each from the zero state. Then each row is run again
    from the state in which the row before ended, until its state meets that of the first run, which is
    soon, as a recurrent network forgets; if the end of a row is reached, its last state has changed, and
    the next rows are run again in turn. A model that does not forget is run as one row in the end. The
    figures are those of one long row.
    """
    if batch < 1 or window < 1:
        raise ConfigError(f"batch and window must be at least 1, not {batch} and {window}")
    check_forwards(model.stack, "the loss of a text, each token predicted from those before it,")
    if not eos and tokenizer.line_end is None:
        raise ConfigError(
            "line ends are not tokens of their own in this vocabulary: count them with the rest"
        )
    vocabulary = vocabulary or vocabulary_of(tokenizer)
    skipped = None if eos else tokenizer.line_end
    rows = _Rows(model, part, tokenizer, max(batch, ranks.size), window, skipped, guesses, ranks)
    if rows.batch < ranks.size or not (rows.meet() or rows.batch - 1 <= PASSES):
        one = ranks.leads and evaluate(
            model, part, tokenizer, batch=1, window=window, eos=eos, vocabulary=vocabulary, guesses=guesses
        )
        return cast("Evaluation", ranks.broadcast(one))
    return rows.result(vocabulary)


class _Rows:
    """The text as rows side by side, what each window of them cost, and the states they left."""

    def __init__(
        self, model: Predictor, part: Part, tokenizer: Tokenizer, batch: int, window: int,
        skipped: int | None = None, guesses: bool = True, ranks: Ranks = ALONE,
    ) -> None:  # fmt: skip
        self.skipped, self.guesses = skipped, guesses  # the id that is not counted; whether hits are
        self.model, self.part, self.tokenizer = model, part, tokenizer
        self.led = int(tokenizer.start is not None)  # tokens put before the text
        self.tokens = part.tokens + self.led - 1
        if self.tokens < 1:
            raise DataError(f"evaluation needs a token to predict, but the text has {part.tokens} token(s)")
        batch = max(1, min(batch, self.tokens // SHORTEST_ROW))
        self.steps = -(-self.tokens // batch)
        self.batch = -(-self.tokens // self.steps)  # only the last row may be shorter than the others
        self.ranks, count = ranks, min(ranks.size, self.batch)
        self.own = split_rows(self.batch, count)[min(ranks.rank, count - 1)]
        self.mine = self.own.stop - self.own.start  # rows
        self.window = window
        self.met: list[ModelState] = []
        self.sums: list[tuple[float, int, int]] = []  # nats, hits and tokens of each window of met
        self.rest = (0.0, 0, 0)  # of all windows after those
        self._held = (0, 0)  # the steps in the block
        self._block = np.zeros((0, 0), np.intp)  # (own rows, steps + 1)

    def meet(self) -> bool:
        """Run all rows until each begins as the one before ends; say whether they came to that."""
        entering = self.model.initial_state(self.mine)
        leaving, settled = self.run(entering) or entering, False
        for _ in range(min(self.batch - 1, PASSES)):
            # Row i enters with what row i - 1 left, of whatever rank; the first entered with the truth.
            before = self.ranks.gather(rows_of(leaving, slice(self.mine - 1, self.mine)))
            ahead = before[self.ranks.rank - 1] if self.ranks.rank else rows_of(entering, slice(0, 1))
            entering = concatenate([ahead, rows_of(leaving, slice(0, self.mine - 1))])
            found = self.run(entering)
            leaving = found or leaving
            settled = bool(self.ranks.agree([found is None]).all())
            if settled:
                break
        return settled

    def run(self, state: ModelState) -> ModelState | None:
        """Run all rows; return the states they end with, or None where they met those of the run before."""
        rest = (0.0, 0, 0)
        for number, begin in enumerate(range(0, self.steps, self.window)):
            x, y, real, reset = self._window(begin, min(begin + self.window, self.steps))
            # A model that has diverged shows in the sum; no warning as well.
            with np.errstate(all="ignore"):
                nll, best, state = self.model.nll(x, y, state, reset=reset, guess=self.guesses)
            counted = real if self.skipped is None else real & (y != self.skipped)
            nats = float(np.sum(nll, where=counted, dtype=np.float64))
            sums = nats, int(np.sum((best == y) & counted)), int(np.sum(counted))
            if number >= COMPARED:
                rest = rest[0] + sums[0], rest[1] + sums[1], rest[2] + sums[2]
                continue
            if number == len(self.met):
                self.met.append(state)
                self.sums.append(sums)
                continue
            self.sums[number] = sums
            if self._agree(state, self.met[number]):
                return None
            self.met[number] = state
        self.rest = rest
        return state

    def result(self, vocabulary: Vocabulary) -> Evaluation:
        """Add up the windows of all ranks."""
        own = [sum(values) for values in zip(self.rest, *self.sums, strict=True)]
        nats, hits, tokens = self.ranks.agree(own).sum(axis=0).tolist()
        if not tokens:
            raise DataError("the text has no token but line ends, which are not counted")
        left_out = self.tokens - int(tokens)  # line ends: a character each, and a byte
        chars, size, unknown = self.part.chars - left_out, self.part.bytes - left_out, self.part.unknown
        if not self.led:
            # The first token is not predicted, so that its text is not counted either.
            first = int(self.part.ids[0])
            unknown -= first == self.tokenizer.unknown
            chars, size = (
                whole - its for whole, its in zip((chars, size), self.tokenizer.extent(first), strict=True)
            )
        replaced = None if self.part.written is None else max(0, unknown - self.part.written)
        return Evaluation(
            nats, int(tokens), int(hits) if self.guesses else None, unknown, max(chars, 1), max(size, 1),
            replaced, self.skipped is None, vocabulary,
        )  # fmt: skip

    def _window(
        self, begin: int, stop: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_] | None]:
        """Return x, y, which of them are of the text rather than padding, and resets: (T, B) each."""
        if not self._held[0] <= begin < stop <= self._held[1]:
            self._read(begin, max(stop, min(begin + READ, self.steps)))
        at = begin - self._held[0]
        block = self._block[:, at : at + stop - begin + 1].T
        x, y = np.ascontiguousarray(block[:-1]), np.ascontiguousarray(block[1:])
        rows = np.arange(self.own.start, self.own.stop)
        places = rows * self.steps + np.arange(begin, stop)[:, None]
        real = places < self.tokens
        reset, starts = None, self.part.starts
        if starts is not None and len(starts):
            # Keys of the type of the starts: of any other, NumPy would convert the whole of a mapped file.
            own = np.maximum(places - self.led, 0).astype(starts.dtype)
            nearest = np.minimum(starts.searchsorted(own), len(starts) - 1)
            reset = (starts[nearest] == own) & real & (places >= self.led)
        return x, y, real, reset

    def _read(self, begin: int, stop: int) -> None:
        """Take steps `begin` to `stop` of one's rows, and the token after, from the text into memory.

        Rows lie far apart in a mapped file, of which a touch may map megabytes: they are read one by one,
        and given back in between.
        """
        self._held = begin, stop
        self._block = np.zeros((self.mine, stop - begin + 1), np.intp)
        for at, row in enumerate(range(self.own.start, self.own.stop)):
            first = row * self.steps + begin - self.led  # in the ids; -1 is the token before the text
            last = min(first + stop - begin + 1, self.part.tokens)
            if last > max(first, 0):
                ids = self.part.ids[max(first, 0) : last]
                self.part.check(ids)
                self._block[at, max(-first, 0) : last - first] = ids
            if first < 0 and self.tokenizer.start is not None:
                self._block[at, 0] = self.tokenizer.start
            self.part.release()

    def _agree(self, state: ModelState, other: ModelState) -> bool:
        limit = AGREE[self.model.dtype.name]
        pairs = ((a, b) for one, two in zip(state, other, strict=True) for a, b in zip(one, two, strict=True))
        # Memory cells of an LSTM may count into the hundreds, so that their roundings are larger too.
        return all(bool((np.abs(a - b) <= limit * (1 + np.abs(a))).all()) for a, b in pairs)


def unigram_loss(train: Part, text: Part, vocab_size: int) -> float:
    """Return the loss on a text of predicting every token by its frequency in the training part.

    Counts are increased by one, so that no token is impossible.

    Parameters
    ----------
    train, text : Part
        What frequencies are counted in, and what is predicted.
    vocab_size : int
        Number of tokens, ``K``.

    Returns
    -------
    float
        Mean negative log-likelihood in nats.
    """
    seen, wanted = _counts(train, vocab_size), _counts(text, vocab_size)
    log_p = np.log((seen + 1) / (seen.sum() + vocab_size))
    return float(-(wanted @ log_p) / wanted.sum())


def _counts(part: Part, vocab_size: int) -> NDArray[np.int64]:
    if part.counts is not None:
        return part.counts
    counts = np.zeros(vocab_size, np.int64)
    for start in range(0, part.tokens, COUNTED):
        ids = part.ids[start : start + COUNTED]
        part.check(ids)
        counts += np.bincount(ids, minlength=vocab_size)
        part.release()
    return counts

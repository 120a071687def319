"""What of a text a unit may keep track of: place in the line, quotation marks, brackets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from elman.insight.inspect.reading import Reading
from elman.insight.reference.cells import Array

__all__ = ["FEATURES", "Ranking", "Tracker", "rank_units", "text_features"]

FEATURES = ("line", "quotes", "brackets")

OPENING, CLOSING = "([{（［｛〔【〖《〈", ")]}）］｝〕】〗》〉"
OPENING_QUOTES, CLOSING_QUOTES = "“‘„«‹「『", "”’»›」』"
STRAIGHT = '"'


@dataclass(frozen=True)
class Tracker:
    """How well a unit tracks a feature.

    Attributes
    ----------
    state : str
        "h", or "c" for the tanh of the memory cell of an lstm.
    layer, unit : int
        Which, counted from 0.
    r : float
        The correlation.
    """

    state: str
    layer: int
    unit: int
    r: float


@dataclass(frozen=True, eq=False)
class Ranking:
    """The units that track a feature, the best first.

    Attributes
    ----------
    feature : str
        One of `FEATURES`.
    values : ndarray, (N,)
        The feature after each token.
    units : tuple of Tracker
        By falling absolute correlation; empty if the feature does not vary in the text. Units that do not
        vary are left out.
    """

    feature: str
    values: Array
    units: tuple[Tracker, ...]

    @property
    def varies(self) -> bool:
        """Whether the feature has more than one value in the text."""
        return bool(np.ptp(self.values))


def text_features(pieces: Sequence[str]) -> dict[str, Array]:
    """Return the features of a text after each of its tokens.

    Parameters
    ----------
    pieces : sequence of str, of length N
        The text of each token.

    Returns
    -------
    dict of str to ndarray, (N,)
        ``line``: characters since the last line end. ``quotes``: 1 within quotation marks, else 0; a
        straight mark opens and closes in turn, a blank line closes all, and ’ without a ‘ is an apostrophe.
        ``brackets``: how many round, square, curly or East Asian brackets are open; one that closes nothing
        is passed over.

    Examples
    --------
    >>> {name: values.tolist() for name, values in text_features('a ("b")\\nc').items()}
    {'line': [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 0.0, 1.0], 'quotes': [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0,
     0.0], 'brackets': [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]}
    """
    line = depth = 0
    straight, nested = False, 0
    values = np.empty((len(pieces), len(FEATURES)))
    for row, piece in zip(values, pieces, strict=True):
        for character in piece:
            if character == "\n":
                if line == 0:
                    straight, nested = False, 0
                line = 0
                continue
            line += 1
            if character == STRAIGHT:
                straight = not straight
            nested = max(0, nested + (character in OPENING_QUOTES) - (character in CLOSING_QUOTES))
            depth = max(0, depth + (character in OPENING) - (character in CLOSING))
        row[:] = line, straight or nested > 0, depth
    return dict(zip(FEATURES, values.T, strict=True))


def rank_units(reading: Reading, features: Iterable[str] = FEATURES) -> list[Ranking]:
    """Rank the units by how well they track the features of a text.

    Parameters
    ----------
    reading : Reading
        Of the text.
    features : iterable of str
        Of `FEATURES`.

    Returns
    -------
    list of Ranking
        In the order of `features`.

    Notes
    -----
    With ``a`` the activation of a unit and ``f`` the feature, each after each of the ``N`` tokens, the
    correlation is Pearson's::

        r = sum((a - mean(a)) (f - mean(f))) / sqrt(sum((a - mean(a))^2) sum((f - mean(f))^2))

    It finds what grows or falls with the feature. A unit that marks one place in the line alone, as one that
    waits for its end, has a small one.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.inspect import read
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4, cell="gru", hidden=3, layers=2)
    >>> [(found.feature, len(found.units)) for found in rank_units(read(model, tokenizer, "ab\\nabb\\n"))]
    [('line', 6), ('quotes', 0), ('brackets', 0)]
    """
    found, activations = text_features(reading.pieces), reading.activations
    return [Ranking(name, found[name], _trackers(activations, found[name])) for name in features]


def _trackers(activations: dict[str, Array], feature: Array) -> tuple[Tracker, ...]:
    if not np.ptp(feature):
        return ()
    trackers = [
        Tracker(state, layer, unit, float(r))
        for state, arrays in activations.items()
        for layer, array in enumerate(arrays)
        for unit, r in enumerate(_correlations(array, feature))
        if np.isfinite(r)
    ]
    return tuple(sorted(trackers, key=lambda tracker: -abs(tracker.r)))


def _correlations(array: Array, feature: Array) -> Array:
    """Return the correlation of each column (N, H) with the feature; NaN where a column does not vary."""
    a, f = array - array.mean(axis=0), feature - feature.mean()
    varies = np.ptp(array, axis=0) > 0
    scale = np.sqrt((a**2).sum(axis=0) * (f**2).sum())
    r: Array = np.divide(f @ a, scale, out=np.full(len(scale), np.nan), where=varies & (scale > 0))
    return r

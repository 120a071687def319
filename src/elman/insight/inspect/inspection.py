"""All measures of a model on a text, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from elman.data import Tokenizer
from elman.insight.inspect.curve import LossCurve, loss_curve
from elman.insight.inspect.features import Ranking, rank_units
from elman.insight.inspect.lags import LagNorms, gradient_by_lag
from elman.insight.inspect.reading import Reading, read
from elman.insight.inspect.saturation import Saturation, saturation
from elman.insight.inspect.spectra import Spectrum, spectra
from elman.network import LanguageModel
from elman.network.threads import one_thread

__all__ = ["Inspection", "inspect_model"]


@dataclass(frozen=True, eq=False, repr=False)
class Inspection:
    """What there is to see of a model that reads a text.

    Attributes
    ----------
    model : LanguageModel
        The model.
    reading : Reading
        Surprise, top predictions, and every unit.
    saturation : list of Saturation
        Of each layer and gate.
    lags : LagNorms
        The gradient's norm by lag.
    spectra : list of Spectrum
        The singular values of the recurrent weights.
    rankings : list of Ranking
        Which units track the place in the line, quotation marks, brackets.
    curve : LossCurve
        Of the training; empty where it is not known.
    """

    model: LanguageModel
    reading: Reading
    saturation: list[Saturation]
    lags: LagNorms
    spectra: list[Spectrum]
    rankings: list[Ranking]
    curve: LossCurve

    def __repr__(self) -> str:
        return f"<Inspection of {self.model!r}: {self.reading!r}>"


def inspect_model(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str | ArrayLike,
    *,
    top: int = 5,
    lags: int = 50,
    positions: int = 128,
    starts: ArrayLike = (),
    original: str | None = None,
    records: Sequence[Mapping[str, Any]] = (),
) -> Inspection:
    """Take all measures of a model on a text.

    Parameters
    ----------
    model, tokenizer, text, top, starts, original
        As for :func:`~elman.insight.inspect.read`.
    lags, positions : int
        As for :func:`~elman.insight.inspect.gradient_by_lag`.
    records : sequence of mapping
        As for :func:`~elman.insight.inspect.loss_curve`.

    Returns
    -------
    Inspection

    Raises
    ------
    DataError, ShapeError, ConfigError, DivergenceError
        As :func:`~elman.insight.inspect.read` and :func:`~elman.insight.inspect.gradient_by_lag`.

    Examples
    --------
    >>> import elman
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4, cell="gru", hidden=3, layers=1)
    >>> found = inspect_model(model, tokenizer, "abba" * 10)
    >>> found.lags.lags, len(found.spectra), found.rankings[0].feature
    (39, 3, 'line')
    """
    # One thread: these products are small, and more threads cost more than they save.
    with one_thread():
        reading = read(model, tokenizer, text, top=top, starts=starts, original=original)
        return Inspection(
            model,
            reading,
            saturation(reading),
            gradient_by_lag(model, reading, lags=lags, positions=positions),
            spectra(model),
            rank_units(reading),
            loss_curve(records),
        )

"""What a trained model does with a text: surprise, predictions, units, gates, gradients, weights."""

from elman.insight.inspect.curve import LossCurve, loss_curve
from elman.insight.inspect.features import FEATURES, Ranking, Tracker, rank_units, text_features
from elman.insight.inspect.inspection import Inspection, inspect_model
from elman.insight.inspect.lags import LagNorms, gradient_by_lag
from elman.insight.inspect.pieces import pieces_of
from elman.insight.inspect.reading import Reading, check_unit, read
from elman.insight.inspect.sample import Sample, sample_of_corpus, sample_of_text
from elman.insight.inspect.saturation import Saturation, saturation
from elman.insight.inspect.spectra import Spectrum, spectra

__all__ = [
    "FEATURES",
    "Inspection",
    "LagNorms",
    "LossCurve",
    "Ranking",
    "Reading",
    "Sample",
    "Saturation",
    "Spectrum",
    "Tracker",
    "check_unit",
    "gradient_by_lag",
    "inspect_model",
    "loss_curve",
    "pieces_of",
    "rank_units",
    "read",
    "sample_of_corpus",
    "sample_of_text",
    "saturation",
    "spectra",
    "text_features",
]

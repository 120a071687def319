"""The settings of a training run, a group a file; :class:`elman.TrainConfig` is all of them."""

from elman.storage.settings.declare import SEEDS
from elman.storage.settings.length import LengthSettings
from elman.storage.settings.model import ModelSettings
from elman.storage.settings.ranks import RanksSettings
from elman.storage.settings.regularisers import RegulariserSettings
from elman.storage.settings.text import TextSettings
from elman.storage.settings.training import LEARNING_RATES, TrainingSettings

__all__ = [
    "LEARNING_RATES",
    "SEEDS",
    "LengthSettings",
    "ModelSettings",
    "RanksSettings",
    "RegulariserSettings",
    "TextSettings",
    "TrainingSettings",
]

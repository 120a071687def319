"""Training: the loop, optimisers, schedules, evaluation."""

from elman.training.cache import Cache
from elman.training.clip import clip_by_global_norm
from elman.training.dynamic import Dynamic
from elman.training.evaluation import evaluate
from elman.training.events import Evaluated, Finished
from elman.training.figures import Evaluation
from elman.training.fit import fit
from elman.training.loop import StepRecord, training_steps
from elman.training.windows import RandomWindows

__all__ = [
    "Cache",
    "Dynamic",
    "Evaluated",
    "Evaluation",
    "Finished",
    "RandomWindows",
    "StepRecord",
    "clip_by_global_norm",
    "evaluate",
    "fit",
    "training_steps",
]

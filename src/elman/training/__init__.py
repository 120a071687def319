"""Training: the loop, optimisers, schedules, evaluation."""

from elman.training.clip import clip_by_global_norm
from elman.training.evaluation import evaluate
from elman.training.figures import Evaluation
from elman.training.fit import Evaluated, Finished, fit
from elman.training.loop import StepRecord, training_steps
from elman.training.windows import RandomWindows

__all__ = [
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

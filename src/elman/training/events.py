"""What happens in the course of training, beside steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from elman.training.figures import Evaluation
from elman.training.loop import StepRecord
from elman.training.pace import Slow
from elman.training.profile import Profile


@dataclass(frozen=True)
class Evaluated:
    """An evaluation in the course of training.

    Attributes
    ----------
    step : int
        Updates made.
    valid : Evaluation or None
        On the validation part, if there is one.
    best : bool
        Whether it is the best so far, and was saved as the run's model.
    sample : str or None
        Text the model wrote.
    averaged : int
        How many sets of parameters the model evaluated is the mean of; 0 where it is that in training.
    """

    step: int
    valid: Evaluation | None
    best: bool
    sample: str | None
    averaged: int = 0


@dataclass(frozen=True)
class Finished:
    """The end of a session.

    Attributes
    ----------
    reason : str
        ``done``, ``time``, ``early`` or, if the caller asked to stop, ``stopped``.
    step : int
        Updates made.
    seconds : float
        Time spent on the run, over all its sessions.
    profile : Profile or None
        Where the time of this session went, if that was asked.
    test : Evaluation or None
        The run's model, the best, on the test part, if the run is at its end and there is one.
    """

    reason: str
    step: int
    seconds: float
    profile: Profile | None = None
    test: Evaluation | None = None


Event: TypeAlias = StepRecord | Evaluated | Slow | Finished

"""Progress to a file and back: all that resuming needs."""

from __future__ import annotations

from typing import Any

from elman.errors import CheckpointError, ElmanError
from elman.network import LanguageModel, ModelState
from elman.storage.config import TrainConfig
from elman.storage.run import Run, fill
from elman.training.averages import new_average
from elman.training.loop import Progress
from elman.training.settings import optimizer_of
from elman.typing import Floats

_KINDS: dict[str, Any] = {
    **dict.fromkeys(("seconds", "loss_sum", "penalty_sum"), float),
    **dict.fromkeys(("step", "epoch", "position", "tokens", "loss_steps"), int),
    **dict.fromkeys(("evaluated", "horizon", "averaged"), int),
}


def save_progress(run: Run, model: LanguageModel, progress: Progress) -> None:
    """Write parameters, moments, averages, state, what is left to send and counters as one checkpoint."""
    arrays: dict[str, Any] = {f"params.{name}": array for name, array in model.params.items()}
    arrays |= {f"moments.{name}": array for name, array in progress.moments.items()}
    arrays |= {f"state.{name}": array for name, array in _named(progress.state).items()}
    if progress.average and progress.averaged:
        arrays |= {f"average.{name}": array for name, array in progress.average.items()}
    if progress.left is not None:
        arrays["left.all"] = progress.left
    apart = ("state", "moments", "average", "left")
    note = {name: value for name, value in vars(progress).items() if name not in apart}
    run.save_checkpoint(arrays, note)


def load_progress(run: Run, model: LanguageModel, config: TrainConfig) -> Progress:
    """Fill the model from the last checkpoint, and return where training stood.

    Raises
    ------
    CheckpointError
        If the checkpoint is missing, damaged, newer, or does not fit the settings.
    """
    arrays, note = run.load_checkpoint()
    groups: dict[str, dict[str, Any]] = {"params": {}, "moments": {}, "state": {}, "average": {}, "left": {}}
    for name, array in arrays.items():
        group, _, rest = name.partition(".")
        groups.setdefault(group, {})[rest] = array
    fill(model.params, groups["params"], run.checkpoint_path)
    state = model.initial_state(config.batch)
    fill(_named(state), groups["state"], run.checkpoint_path)
    try:
        moments = optimizer_of(config).restore(model.params, groups["moments"])
        evaluations = [(int(step), float(loss)) for step, loss in note.pop("evaluations")]
        del note["format"]
        note = {"penalty_sum": 0.0, "averaged": 0} | note  # which earlier versions had not
        numbers = {name: _KINDS[name](value) for name, value in note.items()}
        if numbers.keys() != _KINDS.keys():
            raise ValueError(f"it lacks {', '.join(sorted(_KINDS.keys() - numbers.keys()))}")
        average = None if config.average is None else new_average(model.params)
        if numbers["averaged"] or groups["average"]:
            fill({} if average is None else average, groups["average"], run.checkpoint_path)
        left = groups["left"].get("all")
        return Progress(state, moments, evaluations=evaluations, average=average, left=left, **numbers)
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError, ElmanError) as error:
        raise CheckpointError(f"{run.checkpoint_path} is damaged: {error}") from error


def _named(state: ModelState) -> dict[str, Floats]:
    """Return the arrays of a state under names such as ``0.h``."""
    return {
        f"{index}.{field}": getattr(layer, field)
        for index, layer in enumerate(state)
        for field in getattr(layer, "_fields", ())
    }

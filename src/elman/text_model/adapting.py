"""An evaluation as it was asked for: of the model as it is, or of one that adapts to the text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from elman.data import Part
from elman.errors import ConfigError
from elman.training.cache import Cache
from elman.training.dynamic import Dynamic
from elman.training.evaluation import evaluate
from elman.training.figures import Evaluation

if TYPE_CHECKING:
    from elman.text_model.measuring import Measuring


def measure(
    given: Measuring, part: Part, *, batch: int, window: int, eos: bool, dynamic: Dynamic | str | None,
    cache: Cache | int | None, tune: bool,
) -> Evaluation:  # fmt: skip
    """Measure a model on a part; see :meth:`elman.TextModel.evaluate`."""
    if isinstance(dynamic, str):
        dynamic = Dynamic(dynamic)
    if isinstance(cache, int) and not isinstance(cache, bool):
        cache = Cache(cache)
    for name, value, kind in (("dynamic", dynamic, Dynamic), ("cache", cache, Cache)):
        if not (value is None or isinstance(value, kind)):
            raise ConfigError(f"{name} must be an elman.training.{kind.__name__}, not {value!r:.60}")
    if dynamic is None and cache is None:
        if tune:
            raise ConfigError("there is nothing to tune: ask for dynamic evaluation or a cache")
        return evaluate(
            given.model, part, given.tokenizer, batch=batch, window=window, eos=eos,
            vocabulary=given.vocabulary,
        )  # fmt: skip
    from elman.training.adapted import evaluate_adapted
    from elman.training.dynamic import gradient_rms
    from elman.training.tuning import tune as search

    rms, tuned = None, 0
    if dynamic is not None and dynamic.rule == "rms":
        train = given._part("train", "whose gradients the rule rms goes by: choose sgd")
        rms = gradient_rms(given.model, train, dynamic)
    if tune:
        valid = given._part("valid", "on which to tune: give the numbers")
        dynamic, cache, tuned = search(
            given.model, valid, given.tokenizer, dynamic=dynamic, cache=cache, rms=rms, window=window, eos=eos
        )
    found = evaluate_adapted(
        given.model, part, given.tokenizer, dynamic=dynamic, cache=cache, rms=rms, window=window, eos=eos,
        vocabulary=given.vocabulary,
    )  # fmt: skip
    return replace(found, tuned=tuned)

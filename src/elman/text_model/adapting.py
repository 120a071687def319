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
    learning = Dynamic(dynamic) if isinstance(dynamic, str) else dynamic
    beside = Cache(cache) if isinstance(cache, int) and not isinstance(cache, bool) else cache
    if not (learning is None or isinstance(learning, Dynamic)):
        raise ConfigError(f"dynamic must be an elman.training.Dynamic or a rule, not {dynamic!r:.60}")
    if not (beside is None or isinstance(beside, Cache)):
        raise ConfigError(f"cache must be an elman.training.Cache or its size, not {cache!r:.60}")
    if learning is None and beside is None:
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
    if learning is not None and learning.rule == "rms":
        train = given._part("train", "whose gradients the rule rms goes by: choose sgd")
        rms = gradient_rms(given.model, train, learning)
    if tune:
        valid = given._part("valid", "on which to tune: give the numbers")
        learning, beside, tuned = search(
            given.model,
            valid,
            given.tokenizer,
            dynamic=learning,
            cache=beside,
            rms=rms,
            window=window,
            eos=eos,
        )
    found = evaluate_adapted(
        given.model, part, given.tokenizer, dynamic=learning, cache=beside, rms=rms, window=window, eos=eos,
        vocabulary=given.vocabulary,
    )  # fmt: skip
    return replace(found, tuned=tuned)

"""Bugs that are known of output layers, and the check of the conformance suite that must catch each."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman.network.output import OUTPUTS, Output
from tests.conformance.outputs import (
    Problem,
    check_consistent,
    check_gradients,
    check_plainly,
    check_samples,
    check_scores,
    check_targets_in_one_place,
)


@dataclass(frozen=True)
class OutputMutant:
    """A bug as text to replace in the file of an output, and what must fail for it."""

    bug: str
    output: str
    old: str
    new: str
    check: Callable[[Problem], None]
    sizes: dict[str, Any] = field(default_factory=dict)  # of the problem
    file: str = ""  # where it is not that of the output

    @property
    def name(self) -> str:
        """The bug, as the name of a test."""
        return f"{self.output}-{self.bug.replace(' ', '-')}"


@contextmanager
def planted(mutant: OutputMutant) -> Iterator[type[Output]]:
    """Give the class of the output with the bug in it; the modules are as they were afterwards."""
    kind = OUTPUTS[mutant.output]
    own = importlib.import_module(kind.__module__)
    spoilt = importlib.import_module(f"elman.network.output.{mutant.file}") if mutant.file else own
    text = Path(str(spoilt.__file__)).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.bug}: {text.count(mutant.old)} places read {mutant.old!r}"
    before = {module.__name__: module for module in (own, spoilt)}
    try:
        new = _module(spoilt, text.replace(mutant.old, mutant.new))
        if spoilt is not own:
            new = _module(own, Path(str(own.__file__)).read_text(encoding="utf-8"))
        yield getattr(new, kind.__name__)
    finally:
        sys.modules.update(before)


def _module(like: types.ModuleType, text: str) -> types.ModuleType:
    """Put a module of that text in the place of another."""
    module = types.ModuleType(like.__name__)
    module.__file__ = like.__file__
    sys.modules[like.__name__] = module
    exec(compile(text, str(like.__file__), "exec"), module.__dict__)
    return module


def check_seeded_gradients(problem: Problem) -> None:
    check_gradients(problem, seed=1)


FEW = {"rows": 9}
SMALL = {"classes": 5, "samples": 3}

OUTPUT_MUTANTS = [
    OutputMutant(
        "every cluster taken for the first", "adaptive",
        "y, self._first + cluster)", "y, self._first)", check_plainly,
    ),
    OutputMutant(
        "loss of the cluster dropped", "adaptive",
        "nll = columns_nll_and_grads(mine,", "nll = 0.0 * columns_nll_and_grads(mine,", check_plainly,
    ),
    OutputMutant(
        "loss of the cluster without a gradient", "adaptive",
        "h, in_head, scale, space, dh, chunks, team)", "h, in_head, 0.0, space, dh, chunks, team)",
        check_gradients, FEW,
    ),
    OutputMutant(
        "hidden states with the gradient of the tail alone", "adaptive",
        "dh[rows] += dinside", "dh[rows] = dinside", check_gradients, FEW,
    ),
    OutputMutant(
        "gradient left over in a tail that nobody asks for", "adaptive",
        "            dcolumns.clear()\n", "", check_targets_in_one_place,
    ),
    OutputMutant(
        "words of a tail as likely as their cluster", "adaptive",
        "clusters[:, i : i + 1] - log_sums(words)", "clusters[:, i : i + 1]", check_scores,
    ),
    OutputMutant(
        "best word looked for in the head and the target's tail alone", "adaptive",
        "np.flatnonzero(asked | (above > top) if guess else asked)", "np.flatnonzero(asked)", check_scores,
    ),
    OutputMutant(
        "no correction for the proposal", "sampled",
        'params["output.c"][words], self.correction(words)', 'params["output.c"][words], 0.0',
        check_consistent, SMALL, "draws",
    ),
    OutputMutant(
        "no correction of the target", "sampled",
        "        logits -= self.correction(targets).astype(h.dtype)\n", "", check_consistent, SMALL, "draws",
    ),
    OutputMutant(
        "corrected by the proposal as if no word were drawn twice", "sampled",
        "np.log(-np.expm1(-self.samples * np.exp(log_uniform(words, self.classes))))",
        "np.log(self.samples) + log_uniform(words, self.classes)", check_consistent, SMALL,
    ),
    OutputMutant(
        "accidental hits kept", "sampled",
        "        place[there] = near[there]\n", "", check_consistent, SMALL, "draws",
    ),
    OutputMutant(
        "target that was not drawn left out of the sum", "sampled",
        "        sums[rows] += np.exp(targets[rows])\n", "", check_samples, FEW, "columns",
    ),
    OutputMutant(
        "target that was not drawn without a gradient", "sampled",
        "dh[aside.rows] += aside.derivatives[:, None] * V", "pass", check_seeded_gradients, FEW, "draws",
    ),
    OutputMutant(
        "noise as if one word of it were drawn", "nce",
        "np.log(self.samples) + log_uniform", "log_uniform", check_consistent, SMALL,
    ),
    OutputMutant(
        "words of the noise counted once", "nce",
        "counts = drawn.counts.astype(h.dtype)", "counts = np.ones(k, h.dtype)", check_consistent, SMALL,
    ),
    OutputMutant(
        "noise that is the target left out", "nce",
        "            z[inside, place[inside]] += _derivatives(right)",
        "            z[inside, place[inside]] = _derivatives(right)", check_consistent, SMALL,
    ),
    OutputMutant(
        "slopes of the noise without their counts", "nce",
        "    np.multiply(z, counts, out=z)\n", "", check_seeded_gradients, FEW,
    ),
    OutputMutant(
        "loss of the class dropped", "classes",
        "return nll + summed(within", "return summed(within", check_plainly,
    ),
    OutputMutant(
        "gradient left over in classes that nobody asks for", "classes",
        "        if before < words.stop:\n            dcolumns.part(slice(before, words.stop)).clear()\n", "",
        check_targets_in_one_place, {}, "ragged",
    ),
    OutputMutant(
        "words as likely as their class", "classes",
        "classes -= maxima + np.log(np.add.reduceat(e, self.starts, axis=1))", "pass", check_scores,
    ),
    OutputMutant(
        "best word looked for in the target's class and the likeliest alone", "classes",
        "            self._look(params, ones, p, (r, j), None, found, space)\n", "", check_scores,
    ),
    OutputMutant(
        "prior that is not normalised", "mixture",
        '_log_softmax(h @ params["output.prior.V"]), read', 'h @ params["output.prior.V"], read',
        check_plainly,
    ),
    OutputMutant(
        "experts that answer by the prior and not by their part", "mixture",
        "np.exp(joint - together, out=part[ours])", "np.exp(log_prior[ours], out=part[ours])",
        check_gradients, FEW,
    ),
    OutputMutant(
        "derivative of an already activated value", "mixture",
        "        np.multiply(dread, read, out=dread)\n", "", check_gradients, FEW,
    ),
    OutputMutant(
        "losses of the experts averaged", "mixture",
        "together = np.logaddexp.reduce(joint, axis=1, keepdims=True)",
        "together = np.sum(joint * np.exp(log_prior[ours]), axis=1, keepdims=True)", check_plainly,
    ),
]  # fmt: skip

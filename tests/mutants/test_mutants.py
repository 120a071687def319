"""The public gradcheck catches every known bug, and passes the same problem without it."""

import numpy as np
import pytest

from elman.insight import reference
from elman.insight.gradcheck import gradcheck

from ..insight import problems
from .known_bugs import MUTANTS
from .planting import CELLS, SCANNED, planted
from .scanned_bugs import SCANNED_MUTANTS

EVERY, BACK = 1, 2


def problem_for(cell):
    """Draw the problem: in three steps a word stands in two rows, and one word occurs nowhere."""
    how = cell.split("-") if cell.startswith("rnn") else [cell]
    problem = problems.draw(*how, batch=3)
    problem.x[:3, 1] = problem.x[:3, 0]
    problem.x %= len(problem.params["embedding.E"]) - 1
    return problem


def check(problem, kind, module):
    """Check the gradients of `module` by the public gradcheck."""
    if kind == "truncated":
        _, grads = problem.loss_and_grads(problem.arrays, module, every=EVERY, back=BACK)
        objective = problems.stated_objective(problem, EVERY, BACK)
        return gradcheck(objective, problem.arrays, grads=grads, projections=1)
    with np.errstate(all="ignore"):  # the NaN mutant divides 0 by 0, as it should
        return gradcheck(lambda arrays: problem.loss_and_grads(arrays, module), problem.arrays, projections=1)


@pytest.mark.parametrize("cell", [*CELLS, *SCANNED])
@pytest.mark.parametrize("kind", ["window", "truncated"])
def test_without_a_bug_the_problem_passes(cell, kind):
    report = check(problem_for(cell), kind, reference)
    assert report.passed, report


@pytest.mark.parametrize(
    ("mutant", "cell"),
    [
        pytest.param(mutant, cell, id=f"{mutant.name}-{cell}")
        for mutant in [*MUTANTS, *SCANNED_MUTANTS]
        for cell in mutant.cells
    ],
)
def test_the_bug_is_caught_where_it_is(mutant, cell, tmp_path):
    problem = problem_for(cell)
    with planted(mutant, tmp_path) as module:
        report = check(problem, mutant.kind, module)
    assert not report.passed, f"{mutant.bug} is not caught:\n{report}"
    assert set(mutant.blames) <= set(report.failed), report
    assert not set(mutant.spares) & set(report.failed), report
    assert any(mutant.problem in problem for problem in report.problems) or not mutant.problem, report


def test_all_fourteen_are_here():
    """One line of the design for each; a line may have several mutants, one for each cell it applies to."""
    families = [
        "missing transpose in dh",
        "recurrent gradient not carried",
        "derivative of an already activated",
        "h_t for h_t-1",
        "index -1 wrapping at t=0",
        "copied to",
        "input gradient",
        "loss and gradient reduced differently",
        "clipping inside the backward pass",
        "accumulators not zeroed",
        "state leaking between calls",
        "embedding of the wrong step",
        "truncation one step",
        "NaN passing the check",
    ]
    assert len(families) == 14
    for family in families:
        assert any(family in mutant.bug for mutant in MUTANTS), family

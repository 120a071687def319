"""The public gradcheck catches every known bug of normalisation, connections and learnt states."""

import pytest

from elman.insight import reference
from elman.insight.gradcheck import gradcheck

from ..insight import problems
from .depth_bugs import HIGHWAY, LEARNT, MUTANTS, NORM, RESIDUAL
from .planting import CELLS, planted


def problem_for(cell, options):
    how = cell.split("-") if cell.startswith("rnn") else [cell]
    return problems.draw(*how, batch=3, tied=True, **options)  # the first layer is connected too


def check(problem, module):
    """Check the gradients of `module`; in short steps, since a short product bends within epsilon."""
    return gradcheck(
        lambda arrays: problem.loss_and_grads(arrays, module), problem.arrays, projections=1, order=2,
        step=1e-6,
    )  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", [NORM | RESIDUAL, HIGHWAY | LEARNT], ids=["normalised", "learnt"])
def test_without_a_bug_the_problem_passes(cell, options):
    report = check(problem_for(cell, options), reference)
    assert report.passed, report


@pytest.mark.parametrize(
    ("options", "mutant", "cell"),
    [
        pytest.param(options, mutant, cell, id=f"{mutant.name}-{cell}")
        for options, mutant in MUTANTS
        for cell in mutant.cells
    ],
)
def test_the_bug_is_caught_where_it_is(options, mutant, cell, tmp_path):
    with planted(mutant, tmp_path) as module:
        report = check(problem_for(cell, options), module)
    assert not report.passed, f"{mutant.bug} is not caught:\n{report}"
    assert set(mutant.blames) <= set(report.failed), report
    assert not set(mutant.spares) & set(report.failed), report

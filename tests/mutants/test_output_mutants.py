"""Each known bug of an output layer is caught by its check, which passes without it."""

from __future__ import annotations

import pytest

from elman.network.output import OUTPUTS
from tests.conformance.outputs import draw

from .output_bugs import OUTPUT_MUTANTS, OutputMutant, planted


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in OUTPUT_MUTANTS])
def test_the_bug_is_caught(mutant: OutputMutant) -> None:
    mutant.check(draw(mutant.output, **mutant.sizes))
    with planted(mutant) as kind:
        assert kind is not OUTPUTS[mutant.output]
        spoilt = draw(mutant.output, **mutant.sizes, make=kind)
        with pytest.raises((AssertionError, ValueError)):
            mutant.check(spoilt)


def test_nothing_of_a_bug_stays() -> None:
    import elman.network.output.draws as draws

    with planted(next(mutant for mutant in OUTPUT_MUTANTS if mutant.file == "draws")) as kind:
        assert issubclass(kind, OUTPUTS["full"])
        assert not issubclass(kind, draws.Drawing)
    assert issubclass(OUTPUTS["sampled"], draws.Drawing)
    with planted(OUTPUT_MUTANTS[0]):
        pass
    from elman.network.output.adaptive import Adaptive

    assert OUTPUTS["adaptive"] is Adaptive

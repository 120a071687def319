"""Golden losses: what ten steps of training gave when they were stored, with the seed, they give today.

Tolerance: 1e-9 in float64 and 2e-4 in float32, relative. Between processors and versions of BLAS the order
of sums differs, 1e-16 and 6e-8 at first, which ten updates magnify a thousandfold at most.
"""

import json
import math
from pathlib import Path

import pytest

from elman.network import CELLS

from .golden import RATES, STEPS, TEXT, ten_losses

GOLDEN = json.loads((Path(__file__).parents[1] / "vectors" / "golden_losses.json").read_text("utf-8"))
TOLERANCE = {"float64": 1e-9, "float32": 2e-4}


def test_every_cell_is_stored():
    kinds = [f"{cell} {dtype} {name}" for cell in CELLS for dtype in TOLERANCE for name in RATES]
    assert sorted(GOLDEN) == sorted(kinds)


@pytest.mark.parametrize("case", GOLDEN)
def test_ten_steps(case):
    cell, dtype, optimizer = case.split()
    losses = ten_losses(cell, dtype, optimizer)
    assert len(losses) == STEPS
    assert losses == pytest.approx(GOLDEN[case], rel=TOLERANCE[dtype])
    assert losses[0] == pytest.approx(math.log(len(set(TEXT))), rel=0.1)  # at first a guess among the letters
    assert max(losses[-3:]) < losses[0] - 0.1  # and then it learns

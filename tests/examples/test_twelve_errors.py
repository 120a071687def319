"""Each of the twelve errors is seen by its measurement, which the right programme passes."""

import re

import numpy as np
import pytest

import planting
from twelve_errors import ALL, ERRORS, LOOK_BACK

from .running import EXAMPLES, run

EVERY = (*ERRORS, LOOK_BACK, ALL)
WRONG = {  # the gradients that each spoils, by the check that finds it
    "1": "EUWb", "2": "W", "3": "U", "4": "W", "5": "", "6": "EUWbVc", "7": "EUWbVc", "8": "EUWbVc",
    "9": "", "10": "EUWbVc", "11": "E", "12": "", "2-4": "UW", "all": "UWbVc",
}  # fmt: skip
HOW = {"6": {"update": 1}, "7": {"update": 1}, "10": {"steps": 6}}


def name(error):
    return error.number


@pytest.fixture(scope="module")
def right():
    return planting.planted()


@pytest.fixture(scope="module")
def passed(right):
    """What each measurement gives for the right programme."""
    return {measurement: measurement.of(right) for measurement in {error.measurement for error in EVERY}}


def test_there_are_twelve():
    assert [error.number for error in ERRORS] == [str(number) for number in range(1, 13)]


@pytest.mark.parametrize("error", EVERY, ids=name)
def test_its_measurement_sees_it_and_passes_the_right_programme(error, passed):
    measurement = error.measurement
    assert passed[measurement] <= measurement.limit
    assert measurement.of(planting.planted(error)) > max(0.2, 10 * measurement.limit)


@pytest.mark.parametrize("error", EVERY, ids=name)
def test_it_spoils_these_gradients_and_no_others(error):
    errors = planting.check_update(planting.planted(error), **HOW.get(error.number, {}))
    assert "".join(name for name, off in errors.items() if not off < 1e-7) == WRONG[error.number]
    assert all(off > 0.05 for name, off in errors.items() if name in WRONG[error.number])


@pytest.mark.parametrize("number", ["6", "7", "10"])
def test_what_the_usual_check_does_not_see(number):
    wrong = planting.planted(ERRORS[int(number) - 1])
    assert max(planting.check_update(wrong).values()) < 1e-7


def test_as_published_fails_every_measurement():
    wrong = planting.planted(ALL)
    for measurement in {error.measurement for error in ERRORS}:
        assert measurement.of(wrong) > measurement.limit, measurement.what


@pytest.mark.parametrize("error", EVERY, ids=name)
def test_the_lines_around_it_are_those_of_the_programme(error):
    around = [line[1:] for line in error.mend.splitlines() if line[0] == " "]
    assert around
    assert [line for line in around if f"{line}\n" not in planting.SOURCE] == []
    assert error._repr_markdown_() == f"```diff\n{error.mend}```"


def test_the_loss_of_a_shorter_text_is_an_index_error():
    with pytest.raises(IndexError):
        planting.check_update(planting.planted(ERRORS[9]), steps=3)


def test_the_look_back_over_many_draws(right):
    """With the published weights the direction of dW is anybody's guess; dV is exact in every draw."""
    wrong, uniform = planting.planted(LOOK_BACK), planting.planted(ERRORS[8])
    cosines = []
    for seed in range(200):
        found = planting.compare(wrong, right, *planting.draw(uniform, seed=seed))
        assert found["V"][0] < 1e-14
        cosines.append(found["W"][1])
    assert min(cosines) < -0.9
    assert max(cosines) > 0.9
    assert abs(np.median(cosines)) < 0.2
    shares = [planting.saturated(uniform, seed) for seed in range(200)]
    assert 0.7 < np.median(shares) < 0.85


def test_it_prints_a_table():
    result = run(EXAMPLES / "twelve_errors.py")
    assert result.returncode == 0, result.stderr
    rows = re.findall(r"^ *(\S+) (.{37}) (.{27}) +(\S+) +(\S+)$", result.stdout, re.MULTILINE)
    assert [row[0] for row in rows] == [error.number for error in EVERY]
    assert [row[1].strip() for row in rows] == [error.name for error in EVERY]
    assert all(
        float(row[3]) <= error.measurement.limit < float(row[4])
        for row, error in zip(rows, EVERY, strict=True)
    )

"""Sampling against definitions spelt out in plain Python, exactly and without chance."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elman.decoding.sampling import Sampling, draw, probabilities, top
from elman.errors import ConfigError, DivergenceError, ShapeError


def plain(logits, sampling):
    """One row, by the definitions: rank by (probability falling, id rising), cut, renormalise."""
    z = {i: float(x) for i, x in enumerate(logits) if i not in sampling.banned and x > -math.inf}
    order = sorted(z, key=lambda i: (-z[i], i))
    if sampling.temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    weights = {i: math.exp((z[i] - z[order[0]]) / sampling.temperature) for i in order}
    kept = order[: sampling.top_k]  # [:None] keeps all
    total = math.fsum(weights[i] for i in kept)
    if sampling.top_p is not None:
        reached, nucleus = 0.0, []
        for i in kept:
            nucleus.append(i)
            reached += weights[i] / total
            # Within rounding of the limit either answer is right; the property test steers clear of it.
            assume(abs(reached - sampling.top_p) > 1e-9 or sampling.top_p == 1.0)
            if reached >= sampling.top_p:
                break
        kept = nucleus if sampling.top_p < 1.0 else kept
        total = math.fsum(weights[i] for i in kept)
    return [weights[i] / total if i in kept else 0.0 for i in range(len(logits))]


# Halves, so that many logits are equal, and equal ones stay so at every temperature.
logit_rows = st.lists(st.integers(-8, 8).map(lambda n: n / 2), min_size=1, max_size=9)


@st.composite
def cases(draw):
    row = draw(logit_rows)
    banned = draw(st.sets(st.integers(0, len(row) - 1), max_size=len(row) - 1))
    sampling = Sampling(
        temperature=draw(st.sampled_from([0.0, 0.25, 0.7, 1.0, 3.0])),
        top_k=draw(st.none() | st.integers(1, 12)),
        top_p=draw(st.none() | st.floats(0.01, 1.0)),
        banned=tuple(banned),
    )
    return row, sampling


@given(cases())
def test_probabilities_are_the_definition(case):
    row, sampling = case
    expected = plain(row, sampling)
    got = probabilities(row, sampling)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert ((got == 0.0) == (np.array(expected) == 0.0)).all()
    assert got.sum() == pytest.approx(1.0, abs=1e-14)


@given(cases(), st.floats(0.0, 1.0, exclude_max=True))
def test_draw_inverts_the_cumulative_distribution(case, u):
    row, sampling = case
    p = plain(row, sampling)
    edges = np.cumsum(p)
    assume(np.abs(edges - u).min() > 1e-12)
    assert draw(row, sampling, u) == next(i for i, edge in enumerate(edges) if edge > u)


@given(cases(), st.sampled_from([0.0, np.nextafter(1.0, 0.0), 0.5]))
def test_no_token_of_probability_zero_is_drawn_at_the_edges(case, u):
    row, sampling = case
    assert probabilities(row, sampling)[int(draw(row, sampling, u))] > 0.0


def test_the_largest_uniform_draws_a_token_whatever_the_total():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 40))
    logits[:, 30:] = -math.inf
    ids = draw(logits, Sampling(), np.full(2000, np.nextafter(1.0, 0.0)))
    assert ids.tolist() == [29] * 2000


def test_draw_splits_the_unit_interval_exactly():
    """Weights 1, 2, 1 of 4: every 64th of the interval falls where it must, and the edges go to the right."""
    logits = [0.0, math.log(2.0), 0.0]
    uniforms = np.array([(2 * i + 1) / 128 for i in range(64)])
    ids = draw([logits] * 64, Sampling(), uniforms)
    assert np.bincount(ids).tolist() == [16, 32, 16]
    assert draw([[0.0, 0.0]] * 2, Sampling(), [0.5, np.nextafter(0.5, 0)]).tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "sampling",
    [Sampling(), Sampling(0.0), Sampling(0.7, banned=(3,)), Sampling(top_k=5), Sampling(1.3, 40, 0.8)],
)
def test_rows_do_not_see_each_other(sampling, dtype):
    rng = np.random.default_rng(5)
    logits = (4.0 * rng.normal(size=(33, 257))).astype(dtype)
    uniforms = rng.random(33)
    p, ids = probabilities(logits, sampling), draw(logits, sampling, uniforms)
    for order in (np.arange(33)[::-1], np.arange(7), np.arange(0, 33, 2)):
        np.testing.assert_array_equal(probabilities(logits[order], sampling), p[order])
        np.testing.assert_array_equal(draw(logits[order], sampling, uniforms[order]), ids[order])
    for b in range(33):  # alone, as a batch of one, and out of another memory layout
        np.testing.assert_array_equal(probabilities(logits[b], sampling), p[b])
        assert draw(logits[b : b + 1], sampling, uniforms[b : b + 1])[0] == ids[b]
        assert draw(np.asfortranarray(logits)[b], sampling, uniforms[b]) == ids[b]


def test_logits_are_not_altered():
    logits = np.array([[1.0, 2.0, 3.0]])
    logits.setflags(write=False)
    draw(logits, Sampling(0.5, 2, 0.9, (0,)), [0.5])
    probabilities(logits, Sampling(0.0, banned=(2,)))
    top(logits, 2)
    np.testing.assert_array_equal(logits, [[1.0, 2.0, 3.0]])


def test_ties_go_to_the_lower_id():
    level = np.zeros(6)
    assert np.flatnonzero(probabilities(level, Sampling(top_k=2))).tolist() == [0, 1]
    assert np.flatnonzero(probabilities(level, Sampling(top_p=0.4))).tolist() == [0, 1, 2]
    assert np.flatnonzero(probabilities(level, Sampling(0.0))).tolist() == [0]
    assert np.flatnonzero(probabilities(level, Sampling(top_k=2, banned=(0, 2)))).tolist() == [1, 3]
    assert top(level, 3)[0].tolist() == [0, 1, 2]
    assert top([1.0, 5.0, 5.0, 7.0], 3)[0].tolist() == [3, 1, 2]


def test_top_p_keeps_the_smallest_set_that_reaches_it():
    logits = np.log([0.1, 0.6, 0.3])
    kept = {
        p: np.flatnonzero(probabilities(logits, Sampling(top_p=p))).tolist() for p in (0.01, 0.59, 0.61, 0.91)
    }
    assert kept == {0.01: [1], 0.59: [1], 0.61: [1, 2], 0.91: [0, 1, 2]}


def test_top_p_is_of_what_top_k_left():
    logits = np.log([0.4, 0.3, 0.2, 0.1])
    # Of the first two, 0.4 is 4/7 > 0.5; of all four it is less.
    assert np.count_nonzero(probabilities(logits, Sampling(top_p=0.5))) == 2
    assert np.count_nonzero(probabilities(logits, Sampling(top_k=2, top_p=0.5))) == 1


@pytest.mark.parametrize("scale", [1e300, 1e5, 3e38])
def test_large_logits_are_safe(scale):
    logits = np.array([-scale, scale, scale, -math.inf])
    np.testing.assert_array_equal(probabilities(logits, Sampling()), [0.0, 0.5, 0.5, 0.0])
    assert draw(logits, Sampling(), 0.75) == 2
    np.testing.assert_array_equal(top(logits, 2)[1], [0.5, 0.5])


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-3])
def test_tiny_temperatures_tend_to_greedy(temperature):
    np.testing.assert_array_equal(probabilities([1.0, 3.0, 2.0], Sampling(temperature)), [0.0, 1.0, 0.0])


def test_high_temperature_tends_to_uniform():
    np.testing.assert_allclose(probabilities([1.0, 3.0, 2.0], Sampling(1e12)), [1 / 3] * 3, rtol=1e-11)


@given(logit_rows, st.integers(1, 12))
def test_top_is_the_sorted_distribution(row, n):
    ids, p = top(row, n)
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))[:n]
    assert ids.tolist() == order
    full = plain(row, Sampling())
    np.testing.assert_allclose(p, [full[i] for i in order], rtol=1e-12)


def test_top_takes_rows_and_integers():
    ids, p = top(np.array([[0, 1, 2], [2, 1, 0]], np.uint8), 2)
    assert ids.tolist() == [[2, 1], [0, 1]]
    np.testing.assert_array_equal(p[0], p[1])


def test_shapes_of_the_answers():
    assert probabilities(np.zeros(3), Sampling()).shape == (3,)
    assert probabilities(np.zeros((2, 3)), Sampling()).shape == (2, 3)
    assert np.shape(draw(np.zeros(3), Sampling(), 0.2)) == ()
    assert draw(np.zeros((2, 3)), Sampling(), [0.2, 0.3]).shape == (2,)
    assert draw(np.zeros((1, 1)), Sampling(0.0), [0.2]).tolist() == [0]
    assert probabilities(np.zeros((1, 1)), Sampling(top_p=0.5)).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"temperature": "1"}, "temperature is '1'"),
        ({"temperature": True}, "temperature is True"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_k": 2.5}, "top_k is 2.5"),
        ({"top_k": True}, "top_k is True"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.01}, "top_p is 1.01"),
        ({"top_p": math.nan}, "top_p is nan"),
        ({"banned": (-1,)}, r"banned is \(-1,\)"),
        ({"banned": [1]}, r"banned is \[1\]"),
        ({"banned": (0.5,)}, r"banned is \(0\.5,\)"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        Sampling(**settings)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.0), Sampling(banned=(1,)), Sampling(top_k=1)])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_logits_that_are_not_numbers_stop_everything(sampling, bad, place):
    """Also where the bad one is banned, or stands in another row than one that has nothing to draw."""
    logits = np.zeros((2, 3))
    logits[1, place] = bad
    with pytest.raises(DivergenceError, match="NaN or"):
        probabilities(logits, sampling)
    logits[0] = -math.inf
    with pytest.raises(DivergenceError, match="NaN or"):
        draw(logits, sampling, [0.1, 0.2])
    with pytest.raises(DivergenceError, match="NaN or"):
        top(logits[1], 1)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_nothing_left_to_draw(temperature):
    with pytest.raises(ConfigError, match="every token is banned"):
        probabilities(np.zeros((2, 2)), Sampling(temperature, banned=(0, 1)))
    with pytest.raises(ConfigError, match="every token is banned"):
        probabilities([0.0, -math.inf], Sampling(temperature, banned=(0,)))
    with pytest.raises(ConfigError, match="banned has 2: the token ids here are 0 to 1"):
        probabilities([0.0, 0.0], Sampling(temperature, banned=(0, 2)))


@pytest.mark.parametrize(
    "logits", [1.0, [], np.zeros((2, 0)), np.zeros((1, 2, 3)), "ab", [[1.0], [1.0, 2.0]], None]
)
def test_bad_logits(logits):
    for call in (lambda: probabilities(logits, Sampling()), lambda: top(logits, 1)):
        with pytest.raises(ShapeError, match="logits"):
            call()


def test_bad_uniforms_and_counts():
    with pytest.raises(ShapeError, match=r"uniforms has shape \(3,\): give one number a row, shape \(2,\)"):
        draw(np.zeros((2, 3)), Sampling(), [0.1, 0.2, 0.3])
    for u in (-0.1, 1.0, math.nan):
        with pytest.raises(ConfigError, match=r"outside \[0, 1\)"):
            draw(np.zeros(3), Sampling(), u)
    for n in (0, -1, 1.5):
        with pytest.raises(ConfigError, match="n is"):
            top(np.zeros(3), n)

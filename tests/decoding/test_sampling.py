"""Sampling against definitions spelt out in plain Python, exactly and without chance."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elman.decoding.sampling import Sampling, draw, probabilities, top
from elman.errors import ConfigError, DivergenceError, ShapeError


def plain(logits, sampling, recent=()):
    """One row, by the definitions: what is left is renormalised before each filter; equals go by their id."""
    z = {i: float(x) for i, x in enumerate(logits) if i not in sampling.banned and x > -math.inf}
    if recent:
        norm = max(z.values()) + math.log(math.fsum(math.exp(x - max(z.values())) for x in z.values()))
        said = set(list(recent)[-sampling.repetition_window :])
        z = {i: (x - norm) * (sampling.repetition_penalty if i in said else 1.0) for i, x in z.items()}
    order = sorted(z, key=lambda i: (-z[i], i))
    if sampling.temperature == 0:
        return [float(i == order[0]) for i in range(len(logits))]
    p = renormalised({i: math.exp((z[i] - z[order[0]]) / sampling.temperature) for i in order})
    p = renormalised({i: p[i] for i in order[: sampling.top_k]})  # [:None] keeps all
    if sampling.top_p is not None and sampling.top_p < 1.0:
        p = renormalised(reaching(p, sorted(p, key=lambda i: (-p[i], i)), sampling.top_p))
    if sampling.min_p is not None:
        least = sampling.min_p * max(p.values())
        assume(all(abs(x - least) > 1e-12 or x == least for x in p.values()))
        p = renormalised({i: x for i, x in p.items() if x >= least})
    if sampling.typical is not None and sampling.typical < 1.0:
        entropy = -math.fsum(x * math.log(x) for x in p.values())
        distance = {i: abs(-math.log(x) - entropy) for i, x in p.items()}
        # Within rounding of one another, either of two unequal tokens may be the more typical.
        assume(all(abs(distance[i] - distance[j]) > 1e-9 or p[i] == p[j] for i in p for j in p))
        p = renormalised(reaching(p, sorted(p, key=lambda i: (distance[i], i)), sampling.typical))
    return [p.get(i, 0.0) for i in range(len(logits))]


def renormalised(p):
    total = math.fsum(p.values())
    return {i: x / total for i, x in p.items()}


def reaching(p, order, share):
    """The fewest of p, in this order, that have the share together."""
    kept, reached = {}, 0.0
    for i in order:
        kept[i] = p[i]
        reached += p[i]
        # Within rounding of the limit either answer is right; the property test steers clear of it.
        assume(abs(reached - share) > 1e-9)
        if reached >= share:
            break
    return kept


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
        min_p=draw(st.none() | st.floats(0.0, 1.0)),
        typical=draw(st.none() | st.floats(0.01, 1.0)),
        repetition_penalty=draw(st.sampled_from([1.0, 1.2, 3.0, 0.5])),
        repetition_window=draw(st.integers(1, 5)),
    )
    recent = draw(st.lists(st.integers(0, len(row) - 1), max_size=6)) if sampling.remembers else []
    return row, sampling, recent


@given(cases())
def test_probabilities_are_the_definition(case):
    row, sampling, recent = case
    expected = plain(row, sampling, recent)
    got = probabilities(row, sampling, recent)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-11)
    assert ((got == 0.0) == (np.array(expected) == 0.0)).all()
    assert got.sum() == pytest.approx(1.0, abs=1e-14)


@given(cases(), st.floats(0.0, 1.0, exclude_max=True))
def test_draw_inverts_the_cumulative_distribution(case, u):
    row, sampling, recent = case
    p = plain(row, sampling, recent)
    edges = np.cumsum(p)
    assume(np.abs(edges - u).min() > 1e-12)
    assert draw(row, sampling, u, recent) == next(i for i, edge in enumerate(edges) if edge > u)


@given(cases(), st.sampled_from([0.0, np.nextafter(1.0, 0.0), 0.5]))
def test_no_token_of_probability_zero_is_drawn_at_the_edges(case, u):
    row, sampling, recent = case
    assert probabilities(row, sampling, recent)[int(draw(row, sampling, u, recent))] > 0.0


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
    [
        Sampling(), Sampling(0.0), Sampling(0.7, banned=(3,)), Sampling(top_k=5), Sampling(1.3, 40, 0.8),
        Sampling(min_p=0.01), Sampling(typical=0.6), Sampling(0.9, 99, 0.9, (1,), 0.001, 0.8, 1.3, 3),
    ],
)  # fmt: skip
def test_rows_do_not_see_each_other(sampling, dtype):
    rng = np.random.default_rng(5)
    logits = (4.0 * rng.normal(size=(33, 257))).astype(dtype)
    uniforms = rng.random(33)
    recent = rng.integers(-1, 257, (33, 5))
    p, ids = probabilities(logits, sampling, recent), draw(logits, sampling, uniforms, recent)
    for order in (np.arange(33)[::-1], np.arange(7), np.arange(0, 33, 2)):
        np.testing.assert_array_equal(probabilities(logits[order], sampling, recent[order]), p[order])
        found = draw(logits[order], sampling, uniforms[order], recent[order])
        np.testing.assert_array_equal(found, ids[order])
    for b in range(33):  # alone, as a batch of one, and out of another memory layout
        np.testing.assert_array_equal(probabilities(logits[b], sampling, recent[b]), p[b])
        assert draw(logits[b : b + 1], sampling, uniforms[b : b + 1], recent[b : b + 1])[0] == ids[b]
        assert draw(np.asfortranarray(logits)[b], sampling, uniforms[b], recent[b]) == ids[b]


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


def test_min_p_goes_by_the_most_probable():
    logits = np.log([0.1, 0.6, 0.3])
    kept = {
        p: np.flatnonzero(probabilities(logits, Sampling(min_p=p))).tolist() for p in (0, 0.16, 0.17, 0.51, 1)
    }
    assert kept == {0: [0, 1, 2], 0.16: [0, 1, 2], 0.17: [1, 2], 0.51: [1], 1: [1]}
    # After the temperature: here 1 to 36 to 9.
    assert np.flatnonzero(probabilities(logits, Sampling(0.5, min_p=0.16))).tolist() == [1, 2]


def test_typical_leaves_out_what_is_too_likely():
    """One token of 0.6 and eight of 0.05: the entropy is 1.50, the surprises are 0.51 and 3.00."""
    logits = np.log([0.6, *[0.05] * 8])
    assert np.flatnonzero(probabilities(logits, Sampling(typical=0.5))).tolist() == [0]
    # Thirty of 0.02: the entropy is 2.71, and 3.91 is nearer to it than 0.92.
    logits = np.log([0.4, *[0.02] * 30])
    assert np.flatnonzero(probabilities(logits, Sampling(typical=0.099))).tolist() == [1, 2, 3, 4, 5]
    assert np.flatnonzero(probabilities(logits, Sampling(typical=0.601))).tolist() == list(range(31))
    # Of equals the lower ids, and no more than reach the share.
    assert np.flatnonzero(probabilities(np.zeros(4), Sampling(typical=0.5))).tolist() == [0, 1]


def test_a_penalty_of_the_last_tokens():
    p = np.array([0.5, 0.25, 0.125, 0.125])
    twice = Sampling(repetition_penalty=2.0, repetition_window=2)
    expected = np.array([0.5, 0.25**2, 0.125**2, 0.125])
    for logits in (np.log(p), np.log(p) + 40.0, np.log(p) - 7.0):  # no sign decides
        for recent in ([1, 2], [0, 1, 2], [1, -1, 1, 2], [2, 1]):
            np.testing.assert_allclose(
                probabilities(logits, twice, recent), expected / expected.sum(), rtol=1e-12
            )
    # Once said or more often is the same, and none said is none.
    np.testing.assert_allclose(
        probabilities(np.log(p), twice, [1, 1]), [4 / 6.5, 0.5 / 6.5, 1 / 6.5, 1 / 6.5]
    )
    for recent in ([], [-1, -1], None):
        np.testing.assert_allclose(probabilities(np.log(p), twice, recent), p)
    # It is not banned, and may be all that is left.
    assert draw(np.log(p), Sampling(0.0, repetition_penalty=3.0), 0.0, [0]) == 1
    assert draw(np.log(p), Sampling(0.0, repetition_penalty=3.0, banned=(1, 2, 3)), 0.0, [0]) == 0


@pytest.mark.parametrize("recent", [[4], [-2], [0.5], [[0]], "a", [[0], [1]]])
def test_bad_recent_tokens(recent):
    with pytest.raises(ShapeError, match="recent"):
        probabilities(np.zeros(4), Sampling(repetition_penalty=2.0), recent)


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
        ({"min_p": -0.1}, "min_p is -0.1"),
        ({"min_p": 1.1}, "min_p is 1.1"),
        ({"min_p": math.nan}, "min_p is nan"),
        ({"typical": 0.0}, "typical is 0.0"),
        ({"typical": 1.5}, "typical is 1.5"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"repetition_penalty": math.inf}, "repetition_penalty is inf"),
        ({"repetition_penalty": "2"}, "repetition_penalty is '2'"),
        ({"repetition_window": 0}, "repetition_window is 0"),
        ({"repetition_window": 1.5}, "repetition_window is 1.5"),
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

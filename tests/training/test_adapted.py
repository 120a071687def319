"""Dynamic evaluation and the cache, against loops by their definitions."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import CharTokenizer, Part, Tokenizer
from elman.errors import ConfigError, DataError, DivergenceError
from elman.network import LanguageModel
from elman.training import adapted as MODULE
from elman.training.adapted import Adapted, evaluate_adapted
from elman.training.cache import Cache, Memory
from elman.training.dynamic import ROWS, Dynamic, gradient_rms
from elman.training.evaluation import evaluate

K = 9
LETTERS = CharTokenizer("abcdefgh")  # no line end, so that a first token is context
LINES = CharTokenizer("\nabcdefg")  # with a line end


def model_of(cell: str = "lstm", *, scale: float = 2.0, **given: Any) -> LanguageModel:
    sizes = {"embedding": 4, "hidden": 5, "layers": 2, "dtype": "float64", "seed": 3, **given}
    model = LanguageModel(vocab_size=K, cell=cell, **sizes)
    for array in model.params.values():
        array *= scale
    return model


def ids_of(tokens: int, seed: int = 0) -> list[int]:
    """Tokens that repeat themselves, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    chunk = rng.integers(0, K, 7)
    return [int(chunk[i % 7]) if rng.random() < 0.7 else int(rng.integers(0, K)) for i in range(tokens)]


Predicted = tuple[list[float], list[int], list[np.ndarray]]  # losses, best guesses, distributions


def plainly(
    model: LanguageModel,
    ids: Sequence[int],
    tokenizer: Tokenizer,
    *,
    dynamic: Dynamic | None = None,
    cache: Cache | None = None,
    rms: dict[str, np.ndarray] | None = None,
    starts: Sequence[int] = (),
) -> Predicted:
    """Token after token, by plain steps, and a mixture by the definition; windows only to learn from."""
    led = [] if tokenizer.start is None else [tokenizer.start]
    pairs = list(pairwise([*led, *ids]))
    resets = [place - len(led) in starts for place in range(len(pairs))]
    own = copy.deepcopy(model)
    trained = {name: array.copy() for name, array in model.params.items()}
    state, seen = own.initial_state(1), list[tuple[np.ndarray, int]]()
    losses, best, distributions = [], [], []
    T = len(pairs) if dynamic is None else dynamic.window
    for first in range(0, len(pairs), T):
        window, entering = pairs[first : first + T], state
        for place, (token, target) in enumerate(window, start=first):
            if resets[place]:
                state = own.initial_state(1)
            logits, state = own.step(np.array([token]), state)
            p = np.exp(logits[0] - np.logaddexp.reduce(logits[0]))
            h = state[-1].h[0]
            if cache is not None:
                lately = seen[-cache.size :]
                if lately:
                    weights = np.array([math.exp(cache.theta * float(h @ key)) for key, _ in lately])
                    weights /= weights.sum()
                    p = (1 - cache.weight) * p
                    for weight, (_, word) in zip(weights, lately, strict=True):
                        p[word] += cache.weight * weight
                seen.append((h.copy(), target))
            losses.append(-math.log(p[target]))
            best.append(int(np.argmax(p)))
            distributions.append(p)
        if dynamic is not None:
            x, y = (np.array([[pair[i]] for pair in window]) for i in (0, 1))
            reset = np.array([[r] for r in resets[first : first + T]])
            _, _, grads = own.loss_and_grads(x, y, entering, reset=reset)
            rate, decay = dynamic.numbers
            mean = 0.0 if rms is None else np.concatenate([array.ravel() for array in rms.values()]).mean()
            for name, array in own.params.items():
                back: Any = decay
                step: Any = rate
                if rms is not None:
                    back = np.minimum(decay * rms[name] / mean, 1.0)
                    step = rate / (rms[name] + dynamic.epsilon)
                array[...] = array + back * (trained[name] - array) - step * grads[name]
    return losses, best, distributions


def plain_rms(model: LanguageModel, ids: Sequence[int], dynamic: Dynamic, rows: int) -> dict[str, np.ndarray]:
    """Root mean squares by hand: the text as so many rows, cut into windows."""
    steps = (len(ids) - 1) // rows
    starts = [row * steps for row in range(rows)]
    state, squares = model.initial_state(rows), []
    for first in range(0, steps, dynamic.window):
        at = range(first, min(first + dynamic.window, steps))
        x, y = (np.array([[ids[start + t + k] for start in starts] for t in at]) for k in (0, 1))
        _, state, grads = model.loss_and_grads(x, y, state)
        squares.append({name: array**2 for name, array in grads.items()})
    squares = squares[: dynamic.statistics]
    return {name: np.sqrt(sum(square[name] for square in squares) / len(squares)) for name in model.params}


def check(found: Any, expected: Predicted) -> None:
    losses, _, _ = expected
    assert found.nats == pytest.approx(math.fsum(losses), rel=1e-9)
    assert found.tokens == len(losses)


def hits(expected: Predicted, ids: Sequence[int], tokenizer: Tokenizer) -> int:
    targets = ids if tokenizer.start is not None else ids[1:]
    return sum(a == b for a, b in zip(expected[1], targets, strict=True))


TRAIN = Part.from_ids(ids_of(700, seed=5))


@pytest.mark.parametrize("tokenizer", [LETTERS, LINES], ids=["no line end", "line end"])
@pytest.mark.parametrize("cache", [None, Cache(6, theta=1.5, weight=0.4)])
@pytest.mark.parametrize(
    "dynamic",
    [
        None,
        Dynamic("sgd", lr=0.5, decay=0.1, window=4),
        Dynamic("rms", lr=0.002, decay=0.3, window=3, epsilon=1e-3, statistics=2),
    ],
    ids=["static", "sgd", "rms"],
)
def test_equal_to_a_loop_by_the_definitions(
    dynamic: Dynamic | None, cache: Cache | None, tokenizer: Tokenizer
) -> None:
    model, ids = model_of(), ids_of(61)
    named = rms = None
    if dynamic is not None and dynamic.rule == "rms":
        rms = gradient_rms(model, TRAIN, dynamic)
        named = plain_rms(model, TRAIN.ids.tolist(), dynamic, ROWS)
        np.testing.assert_allclose(rms, np.concatenate([a.ravel() for a in named.values()]), rtol=1e-9)
    expected = plainly(model, ids, tokenizer, dynamic=dynamic, cache=cache, rms=named)
    before = {name: array.copy() for name, array in model.params.items()}
    for window in (1, 7, 50, 100) if dynamic is None else (50,):
        found = evaluate_adapted(
            model, Part.from_ids(ids), tokenizer, dynamic=dynamic, cache=cache, rms=rms, window=window
        )
        check(found, expected)
        assert found.correct == hits(expected, ids, tokenizer)
        assert (found.dynamic, found.cache, found.tuned) == (dynamic, cache, 0)
    assert all((model.params[name] == array).all() for name, array in before.items())
    if dynamic is not None or cache is not None:
        plain = evaluate(model, Part.from_ids(ids), tokenizer)
        assert found.nats != pytest.approx(plain.nats, rel=1e-5), "or nothing has been adapted"


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm-peephole"])
@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_is_learnt(cell: str, tied: bool) -> None:
    given = {"embedding": 5} if tied else {}
    model, ids = model_of(cell, tied=tied, **given), ids_of(40)
    dynamic, cache = Dynamic("sgd", lr=0.3, decay=0.01, window=5), Cache(11)
    found = evaluate_adapted(model, Part.from_ids(ids), LINES, dynamic=dynamic, cache=cache)
    expected = plainly(model, ids, LINES, dynamic=dynamic, cache=cache)
    check(found, expected)


@pytest.mark.parametrize("rule", ["sgd", "rms"])
def test_penalties_of_training_are_not_learnt_from(rule: str) -> None:
    part, dynamic = Part.from_ids(ids_of(200)), Dynamic(rule, 0.1)

    def found(model: LanguageModel) -> tuple[float, bool]:
        rms = gradient_rms(model, part, dynamic)
        nats = evaluate_adapted(model, part, LINES, dynamic=dynamic, rms=rms).nats
        return nats, model.regularisers.penalised

    penalised = model_of(activation_reg=2.0, temporal_reg=1.0)
    assert found(penalised) == (found(model_of())[0], True)


def test_documents_begin_anew_for_the_state_alone() -> None:
    model, ids, starts = model_of(), ids_of(50), [0, 13, 14, 30]
    for dynamic, cache in ((Dynamic("sgd", lr=0.5, window=4), None), (None, Cache(20)), (None, None)):
        found = evaluate_adapted(model, Part.from_ids(ids, starts), LINES, dynamic=dynamic, cache=cache)
        check(found, plainly(model, ids, LINES, dynamic=dynamic, cache=cache, starts=starts))


def test_line_ends_that_are_not_counted_are_read_nevertheless() -> None:
    model, ids = model_of(), ids_of(50)
    dynamic, cache = Dynamic("sgd", lr=0.5, window=4), Cache(20)
    losses, best, _ = plainly(model, ids, LINES, dynamic=dynamic, cache=cache)
    found = evaluate_adapted(model, Part.from_ids(ids), LINES, dynamic=dynamic, cache=cache, eos=False)
    kept = [i for i, token in enumerate(ids) if token != LINES.line_end]
    assert 0 < len(kept) < len(ids)
    assert found.nats == pytest.approx(math.fsum(losses[i] for i in kept), rel=1e-9)
    assert found.correct == sum(best[i] == ids[i] for i in kept)
    assert (found.tokens, found.eos) == (len(kept), False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_changes_nothing_gives_the_plain_figures(dtype: str) -> None:
    """A rate of 0, whatever the decay; a cache of no weight."""
    model, part = model_of(dtype=dtype), Part.from_ids(ids_of(300))
    plain = evaluate(model, part, LINES)
    rms = gradient_rms(model, TRAIN, Dynamic("rms"))
    for dynamic, cache in (
        (Dynamic("sgd", lr=0, decay=0.7), None), (Dynamic("rms", lr=0, decay=0.7), None),
        (None, Cache(weight=0)), (Dynamic("rms", lr=0), Cache(50, theta=2, weight=0)),
    ):  # fmt: skip
        found = evaluate_adapted(model, part, LINES, dynamic=dynamic, cache=cache, rms=rms)
        assert found.nats == pytest.approx(plain.nats, rel=1e-6 if dtype == "float32" else 1e-12)
        assert (found.correct, found.tokens) == (plain.correct, plain.tokens)


@pytest.mark.parametrize("cache", [None, Cache(12, theta=1.0, weight=0.3)])
def test_a_token_is_predicted_before_it_is_learnt_from(cache: Cache | None) -> None:
    """What comes later changes no loss: texts that part at a token agree in all losses before it."""
    model, ids = model_of(), ids_of(40)
    dynamic = Dynamic("sgd", lr=2.0, decay=0.0, window=4)

    def losses(text: list[int]) -> list[float]:
        adapted = Adapted(model, dynamic, cache)
        state, found = adapted.initial_state(1), []
        for first in range(0, len(text) - 1, 4):
            x, y = np.array(text[first : first + 4]), np.array(text[first + 1 : first + 5])
            nll, _, state = adapted.nll(x[: len(y), None], y[:, None], state)
            found += nll[:, 0].tolist()
        return found

    whole = losses(ids)
    for parted in (1, 5, 18, 19, 20, 39):
        other = losses([*ids[:parted], *((token + 1) % K for token in ids[parted:])])
        assert other[: parted - 1] == whole[: parted - 1]
        assert other[parted - 1 :] != whole[parted - 1 :]


@settings(max_examples=20)
@given(
    size=st.integers(1, 12), theta=st.floats(0, 30), weight=st.floats(0, 0.99),
    cuts=st.sets(st.integers(1, 29)), numbers=st.sampled_from([1, 20, 1 << 20]), seed=st.integers(0, 99),
)  # fmt: skip
def test_the_mixture_is_a_distribution(
    size: int, theta: float, weight: float, cuts: set[int], numbers: int, seed: int
) -> None:
    """However a text is cut into windows: rows add up to 1, and are those of the definition."""
    model, ids, cache = model_of(scale=1.0), [*ids_of(31, seed=seed)], Cache(size, theta, weight)
    adapted = Adapted(model, None, cache)
    _, _, expected = plainly(model, ids, LETTERS, cache=cache)
    state, memory, start = model.initial_state(1), Memory(size), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "NUMBERS", numbers)
        for stop in [*sorted(cuts), 30]:
            x, y = np.array(ids[start:stop]), np.array(ids[start + 1 : stop + 1])
            hidden = []
            for token in x:
                _, state = model.step(np.array([token]), state)
                hidden.append(state[-1].h[0])
            recalled = memory.recall(np.array(hidden), y)
            p = np.concatenate([some for _, some in adapted.predictions(np.array(hidden))])
            recalled.mix(p, cache)
            np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-12)
            np.testing.assert_allclose(p, expected[start:stop], rtol=1e-8, atol=1e-15)
            alone = recalled.of_targets(theta, y)
            assert ((alone >= 0) & (alone <= 1 + 1e-12)).all()
            start = stop


def test_likeness_beyond_what_an_exponential_holds() -> None:
    memory = Memory(5)
    h = np.array([[1e3, 0.0], [1e3, 0.0], [-1e3, 0.0]])
    recalled = memory.recall(h, np.array([1, 2, 3]))
    weights = recalled.attention(theta=1.0)
    np.testing.assert_array_equal(weights, [[0, 0, 0], [1, 0, 0], [0.5, 0.5, 0]])


def test_statistics_of_a_short_text() -> None:
    model, dynamic = model_of(), Dynamic("rms", window=5)
    ids = ids_of(23)
    named = plain_rms(model, ids, dynamic, rows=4)  # as many as have a window each
    found = gradient_rms(model, Part.from_ids(ids), dynamic)
    np.testing.assert_allclose(found, np.concatenate([a.ravel() for a in named.values()]), rtol=1e-9)
    with pytest.raises(DataError, match="too few to measure gradients of windows of 5"):
        gradient_rms(model, Part.from_ids(ids[:5]), dynamic)


def test_a_rate_that_is_too_large() -> None:
    with pytest.raises(DivergenceError, match=r"at a rate of 1e\+30 the loss is no number any more"):
        evaluate_adapted(
            model_of("rnn-relu"), Part.from_ids(ids_of(60)), LINES, dynamic=Dynamic("sgd", lr=1e30)
        )


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (Dynamic, {"rule": "adam"}, "unknown rule of dynamic evaluation 'adam': give sgd or rms"),
        (Dynamic, {"lr": -1}, "lr is -1"),
        (Dynamic, {"lr": math.nan}, "lr is nan"),
        (Dynamic, {"decay": 1.1}, "decay is 1.1"),
        (Dynamic, {"window": 0}, "window is 0"),
        (Dynamic, {"window": 2.5}, "window is 2.5"),
        (Dynamic, {"epsilon": 0}, "epsilon is 0"),
        (Dynamic, {"statistics": 0}, "statistics is 0"),
        (Cache, {"size": 0}, "size is 0"),
        (Cache, {"theta": -0.1}, "theta is -0.1"),
        (Cache, {"theta": math.inf}, "theta is inf"),
        (Cache, {"weight": 1}, "weight is 1"),
        (Cache, {"weight": "x"}, "weight is 'x'"),
    ],
)
def test_bad_settings(kind: type, values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        kind(**values)


def test_rms_needs_its_statistics() -> None:
    with pytest.raises(ConfigError, match="the size of the gradients"):
        evaluate_adapted(model_of(), Part.from_ids(ids_of(60)), LINES, dynamic=Dynamic("rms"))


def test_numbers_go_with_the_window() -> None:
    for rule in ("sgd", "rms"):
        five, twenty = Dynamic(rule).numbers, Dynamic(rule, window=20).numbers
        np.testing.assert_allclose(twenty, [2 * five[0], 4 * five[1]])
    assert Dynamic("sgd", window=10**6).numbers[1] == 1.0
    assert Dynamic("sgd", lr=1, decay=0.5, window=20).numbers == (1.0, 0.5)
    assert "epsilon" not in Dynamic("sgd").as_dict()
    assert Dynamic("rms").as_dict()["epsilon"] == 2e-5

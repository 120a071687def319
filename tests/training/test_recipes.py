"""Recipes: settings that train, that give way to what is given, and that make the updates of their papers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.data import Part, Stream, Text
from elman.errors import ConfigError
from elman.insight import reference
from elman.network import LanguageModel
from elman.storage.config import TrainConfig
from elman.storage.recipes import recipe_text, recipes, with_recipe
from elman.storage.run import build_model
from elman.storage.toml import parse_toml
from elman.training.events import Finished
from elman.training.fit import fit
from elman.training.loop import Progress, training_steps
from elman.training.opening import begin
from elman.training.settings import optimizer_of, schedule_of
from elman.training.workers import Workers
from tests.small import sentences

NAMES = ("awd", "bpe-small", "char-large", "char-small", "tutorial", "word-medium", "word-small", "word-tied")
SMALL: dict[str, Any] = {"hidden": 8, "embedding": 8, "batch": 4, "steps": 6, "threads": 1}
"""Sizes that train in a moment."""


def config_of(name: str, **given: Any) -> TrainConfig:
    return TrainConfig.from_mapping(with_recipe(name, given))


def test_the_recipes_there_are() -> None:
    assert tuple(recipes()) == NAMES
    for name, line in recipes().items():
        assert 20 < len(line) < 90
        text = recipe_text(name)
        assert text.startswith(f"# {line}\n#\n"), "the first line describes it, and more comments follow"
        assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", ["", "word", "../settings", "word-small.toml", "__init__"])
def test_an_unknown_name_is_told_those_that_are_known(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no recipe") as caught:
        with_recipe(name, {})
    assert f"there are {', '.join(recipes())}" in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_settings_that_say_something(name: str) -> None:
    """None that is the default, but of those that define a model: a change of default is none here."""
    values = parse_toml(recipe_text(name), name)
    config, default = config_of(name, train="a", valid="b"), TrainConfig()
    for setting, value in values.items():
        assert getattr(config, setting) == value
    said = {"tokens", "cell", "layers", "hidden", "embedding", "batch", "window"}
    said |= {"optimizer", "clip", "schedule"}
    same = {setting for setting, value in values.items() if value == getattr(default, setting)}
    assert same <= said | {"decay"}
    assert said <= values.keys()
    assert {"epochs", "minutes"} & values.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains(name: str, tmp_path: Path) -> None:
    given = {**SMALL, "hidden_last": 8} if name == "awd" else SMALL
    if name == "bpe-small":
        pytest.importorskip("tokenizers")
        given = {**given, "max_vocab": 300}
    text = Text(sentences(500))
    with begin(config_of(name, **given), tmp_path / "run", text=text) as session:
        finished = list(fit(session))[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.step) == ("done", 6)
    assert finished.test is not None
    assert np.isfinite(finished.test.nats)


def test_what_is_given_goes_before() -> None:
    config = config_of("word-small", hidden=50, epochs=2, decay_from=1)
    assert (config.hidden, config.epochs, config.decay_from, config.lr) == (50, 2, 1, 20.0)
    assert config_of("word-small", **{"decay-from": 2}).decay_from == 2
    with pytest.raises(ConfigError, match="unknown setting 'hiden'; did you mean 'hidden'"):
        config_of("word-small", hiden=3)


@pytest.mark.parametrize(
    ("name", "given", "gone"),
    [
        ("word-small", {"schedule": "constant"}, {"decay", "decay_from"}),
        ("word-small", {"schedule": "exponential"}, {"decay_from"}),
        ("word-small", {"cell": "gru"}, {"forget_bias"}),
        ("word-small", {"optimizer": "adam"}, {"lr"}),
        ("word-small", {"eval_every": 100}, {"eval_epochs"}),
        ("word-small", {"init": "glorot"}, {"init_scale"}),
        ("word-small", {"init_recurrent": "orthogonal"}, {"init_scale"}),
        ("word-small", {"cell": "lstm[elu,tanh,tanh]"}, set()),
        ("tutorial", {"window": 8}, {"back"}),
        ("awd", {"layers": 1, "embedding": 1150}, {"hidden_last", "dropout_between"}),
        ("awd", {"projection": 400}, {"hidden_last"}),
        ("bpe-small", {"tokenizer": "tokenizer.json"}, {"max_vocab"}),
        ("char-small", {"steps": 200}, {"warmup"}),
        ("char-small", {"steps": 201}, set()),
        ("tutorial", {"tokens": "char"}, set()),
    ],
)
def test_what_a_recipe_says_in_vain_beside_what_is_given_is_dropped(
    name: str, given: dict[str, Any], gone: set[str]
) -> None:
    before = parse_toml(recipe_text(name), name)
    after = with_recipe(name, given)
    assert before.keys() - after.keys() == gone
    TrainConfig.from_mapping(after)
    assert given.items() <= after.items()


def test_what_is_given_in_vain_is_refused_all_the_same() -> None:
    with pytest.raises(ConfigError, match=r"decay_from .3. has no effect with schedule constant"):
        config_of("word-small", schedule="constant", decay_from=3)


@pytest.mark.parametrize(
    ("name", "full", "factor", "epochs"), [("word-small", 4, 0.5, 13), ("word-medium", 6, 1 / 1.2, 39)]
)
def test_zaremba_rates(name: str, full: int, factor: float, epochs: int) -> None:
    """A rate of 1 for some epochs, then less after each; times the steps, over which their loss is summed."""
    config, epoch = config_of(name), 100
    rate = schedule_of(config, epochs * epoch, epoch)
    assert config.epochs == epochs
    for n in range(epochs):
        expected = factor ** max(0, n + 1 - full)
        for step in (n * epoch, n * epoch + epoch - 1):
            assert rate(step) / config.window == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["word-small", "word-medium"])
@pytest.mark.parametrize("clipped", [False, True])
def test_an_update_is_that_of_zaremba(name: str, clipped: bool) -> None:
    """Loss summed over the steps and averaged over the rows; norm clipped at 5; rate 1; plain descent."""
    config = config_of(name, hidden=5, embedding=5, dtype="float64", dropout=0.0, dropout_input=0.0)
    T, B, K = config.window, config.batch, 11
    model = build_model(config, K)
    for array in model.params.values():
        array *= 30.0 if clipped else 1.0
    ids = np.random.default_rng(0).integers(0, K, B * T + 1)
    stream = Stream(Part.from_ids(ids), B, T)
    window = stream.window_at(0, T)
    zeros = [{"h": np.zeros((B, 5)), "c": np.zeros((B, 5))} for _ in range(config.layers)]

    def objective(params: dict[str, Any]) -> float:
        logits, _ = reference.forward(params, window.x, zeros, cell="lstm")
        log_p = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return float(-np.take_along_axis(log_p, window.y[..., None], axis=2).sum() / B)

    before = {name: array.copy() for name, array in model.params.items()}
    _, _, grads, _ = reference.loss_and_grads(before, window.x, window.y, zeros, cell="lstm")
    grads = {name: T * grad for name, grad in grads.items()}
    along = {name: np.random.default_rng(1).normal(size=a.shape) for name, a in before.items()}
    up, down = (objective({n: a + e * along[n] for n, a in before.items()}) for e in (1e-5, -1e-5))
    slope = sum(float((grads[n] * along[n]).sum()) for n in before)
    assert (up - down) / 2e-5 == pytest.approx(slope, rel=1e-6)  # it is the gradient of their loss
    norm = float(np.sqrt(sum((grad**2).sum() for grad in grads.values())))
    assert (norm > 5.0) == clipped
    expected = {n: array - 1.0 * min(1.0, 5.0 / norm) * grads[n] for n, array in before.items()}

    optimizer = optimizer_of(config)
    progress = Progress(model.initial_state(B), optimizer.init(model.params))
    workers = Workers(model, B, 1, T, optimizer, progress.moments)
    steps = training_steps(
        model, stream, schedule_of(config, 100, 10), progress, workers, clip=config.clip, seed=0, back=T
    )
    list(islice(steps, 1))
    for n, array in model.params.items():
        np.testing.assert_allclose(array, expected[n], rtol=0, atol=1e-12, err_msg=n)
        assert (array != before[n]).any()


@pytest.mark.parametrize(
    ("name", "classes", "millions"),
    [("word-medium", 10_000, 20), ("awd", 10_000, 24), ("awd", 33_278, 33)],
)
def test_sizes_are_those_that_were_published(name: str, classes: int, millions: int) -> None:
    """In the tables of both papers, for Penn Treebank and WikiText-2."""
    config = config_of(name, train="a", valid="b")
    model: LanguageModel = build_model(config, classes, blank=True)  # memory that nobody touches
    assert model.n_params / 1e6 == pytest.approx(millions, abs=0.6)

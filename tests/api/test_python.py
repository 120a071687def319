"""The thin face for Python: train, load, and what a loaded model does."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.api import default_out
from elman.storage.config import TrainConfig
from elman.training.events import Evaluated, Finished
from elman.training.loop import StepRecord
from tests.small import SETTINGS, assert_same_run, sentences

TEXT = elman.Text(sentences(150))


@pytest.fixture(scope="module", params=["char", "byte", "word"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> elman.TextModel:
    out = tmp_path_factory.mktemp("runs") / request.param
    return elman.train(TEXT, out=out, tokens=request.param, steps=30, lr=0.02, **SETTINGS)


def test_training_returns_the_model_that_load_does(model: elman.TextModel) -> None:
    assert model.run is not None
    loaded = elman.load(model.run.path)
    assert loaded.generate("the", seed=1) == model.generate("the", seed=1)
    assert loaded.tokenizer == model.tokenizer
    assert (loaded.config.steps, loaded.config.tokens) == (30, model.tokenizer.name)
    assert repr(loaded).startswith("TextModel(LanguageModel(")


def test_a_model_needs_three_files(model: elman.TextModel, tmp_path: Path) -> None:
    assert model.run is not None
    for name in ("config.toml", "tokenizer.json", "model.safetensors"):
        shutil.copy(model.run.path / name, tmp_path)
    moved = elman.load(str(tmp_path))
    assert moved.generate("the") == model.generate("the")
    with pytest.raises(elman.CheckpointError, match="but not resumed"):
        moved.evaluate()


def test_streaming_adds_up(model: elman.TextModel) -> None:
    pieces = list(model.stream("the", length=40, seed=3))
    assert {row for row, _ in pieces} == {0}
    assert "".join(piece for _, piece in pieces) == model.generate("the", length=40, seed=3)


def test_samples(model: elman.TextModel) -> None:
    texts = model.generate_samples(3, "the", length=20, seed=2)
    assert len(texts) == 3
    assert texts[0] == model.generate("the", length=20, seed=2)
    assert model.generate_samples(2, "the", length=20, seed=2) == texts[:2]
    with pytest.raises(elman.ConfigError, match="generate_samples"):
        model.generate("the", samples=2)
    with pytest.raises(elman.ConfigError, match="samples must be a whole number of at least 1"):
        model.generate_samples(0, "the")


def test_unknown_tokens_are_banned_unless_allowed(model: elman.TextModel) -> None:
    if model.tokenizer.unknown is None:
        return  # bytes write every text
    shown = model.tokenizer.decode(np.array([model.tokenizer.unknown]))
    bias = model.model.params["output.c"]
    before = bias.copy()
    try:
        bias[model.tokenizer.unknown] = 99.0
        assert shown not in model.generate("the", length=50)
        assert shown in model.generate("the", length=50, ban_unknown=False)
    finally:
        bias[...] = before


def test_next_tokens(model: elman.TextModel) -> None:
    K = model.tokenizer.vocab_size
    everything = model.next_tokens("the cat", n=K + 10)
    assert len(everything) == K
    assert sum(p for _, p in everything) == pytest.approx(1.0, abs=1e-6)
    assert model.next_tokens("the cat", n=3) == everything[:3]
    assert [p for _, p in everything] == sorted((p for _, p in everything), reverse=True)
    with pytest.raises(elman.ConfigError):
        model.next_tokens("the", n=0)
    with pytest.raises(elman.DataError, match="prompt is empty"):
        model.next_tokens("")
    assert len(model.next_tokens(n=2)) == 2  # at the beginning of a line


def test_next_tokens_and_score_agree(model: elman.TextModel) -> None:
    """The probability of a next token is that which scoring gives it."""
    between = " " if model.tokenizer.name == "word" else ""
    words = [(token, p) for token, p in model.next_tokens("the cat", n=20) if token.isalpha()]
    assert words
    for token, probability in words:
        scored = model.score(f"the cat{between}{token}")
        assert scored.tokens[-1] == token
        assert math.exp(scored.log_probs[-1]) == pytest.approx(probability, rel=1e-4)


def test_evaluation_of_files_and_texts(model: elman.TextModel, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(sentences(10, seed=7), "utf-8")
    by_path = model.evaluate(tmp_path / "a.txt")
    assert model.evaluate(str(tmp_path / "a.txt")) == by_path
    assert model.evaluate(elman.Text(sentences(10, seed=7))) == by_path
    other = model.evaluate([tmp_path / "a.txt"], batch=3, window=11)
    assert other.nats == pytest.approx(by_path.nats, rel=1e-6)
    assert by_path.chars == len(sentences(10, seed=7))
    assert model.score(sentences(10, seed=7)).total == pytest.approx(-by_path.nats, rel=1e-5)


def test_evaluation_of_the_test_part(model: elman.TextModel) -> None:
    assert model.run is not None
    part = model.run.corpus().parts["test"]
    assert model.evaluate().tokens == part.tokens
    bare = elman.TextModel(model.model, model.tokenizer)
    with pytest.raises(elman.DataError, match="no test part"):
        bare.evaluate()


def test_text_that_is_not_there(model: elman.TextModel, tmp_path: Path) -> None:
    with pytest.raises(elman.DataError, match="there is no file"):
        model.evaluate(tmp_path / "none.txt")
    with pytest.raises(elman.DataError, match="empty"):
        model.evaluate(elman.Text(""))


def test_training_is_the_same_from_a_file_and_from_memory(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT.text, "utf-8")
    settings: dict[str, Any] = {**SETTINGS, "steps": 6, "eval_every": 3}
    elman.train(TEXT, out=tmp_path / "memory", **settings)
    elman.train(tmp_path / "a.txt", out=tmp_path / "file", **settings)
    elman.train([str(tmp_path / "a.txt")], out=tmp_path / "list", **settings)
    parts = dict.fromkeys(("train", "valid"), str(tmp_path / "a.txt"))
    elman.train(out=tmp_path / "train", **parts, **settings)
    assert_same_run(tmp_path / "memory", tmp_path / "file")
    assert_same_run(tmp_path / "memory", tmp_path / "list")
    assert elman.load(tmp_path / "train").config.train == str(tmp_path / "a.txt")


def test_events_reach_the_caller(tmp_path: Path) -> None:
    events: list[Any] = []
    elman.train(TEXT, out=tmp_path / "run", on_event=events.append, steps=4, eval_every=2, **SETTINGS)
    kinds = [type(event) for event in events]
    assert kinds == [StepRecord, StepRecord, Evaluated, StepRecord, StepRecord, Evaluated, Finished]


def test_recipes(tmp_path: Path) -> None:
    model = elman.train(TEXT, out=tmp_path / "run", recipe="char-small", steps=2, **SETTINGS)
    config = model.config
    assert (config.lr, config.dropout, config.hidden) == (0.004, 0.1, SETTINGS["hidden"])
    with pytest.raises(elman.ConfigError, match="there is no recipe 'chars'; there are awd"):
        elman.train(TEXT, out=tmp_path / "other", recipe="chars")
    with pytest.raises(elman.ConfigError, match="leave out text, out, recipe and overwrite"):
        elman.train(resume=tmp_path / "run", recipe="char-small")


def test_settings_are_checked(tmp_path: Path) -> None:
    with pytest.raises(elman.ConfigError, match="did you mean 'hidden'"):
        elman.train(TEXT, out=tmp_path / "run", hiden=3)
    with pytest.raises(elman.ConfigError, match="steps must be of type int"):
        elman.train(TEXT, out=tmp_path / "run", steps="3")
    assert not (tmp_path / "run").exists()
    elman.train(TEXT, out=tmp_path / "run", steps=1, **SETTINGS)
    with pytest.raises(elman.CheckpointError, match="already holds a run"):
        elman.train(TEXT, out=tmp_path / "run", steps=1, **SETTINGS)
    elman.train(TEXT, out=tmp_path / "run", steps=2, overwrite=True, **SETTINGS)
    assert elman.load(tmp_path / "run").config.steps == 2


def test_a_text_with_a_character_that_no_file_can_hold(tmp_path: Path) -> None:
    with pytest.raises(elman.DataError, match="byte 2"):
        elman.train(elman.Text("ab\udc80c\n" * 80), out=tmp_path / "run", **SETTINGS)


def test_a_default_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("python-topics-char-lstm", "python-topics-char-lstm-2"):
        found = elman.train(elman.Text("abc " * 90), steps=1, **SETTINGS)
        assert found.run is not None
        assert found.run.path == Path("runs") / name


def test_the_public_names_are_there_and_about_forty() -> None:
    names = elman.__all__
    assert 25 <= len(names) <= 45
    assert len(set(names)) == len(names)
    for name in names:
        value = getattr(elman, name)
        assert name == "__version__" or value.__doc__, name
    assert set(names) <= set(dir(elman))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = elman.nothing


def test_a_run_is_named_without_signs_that_no_file_may_have_everywhere():
    config = TrainConfig(cell="lstm[hard-sigmoid:0.25,tanh,tanh;clip=3]")
    assert default_out(config).name == "python-topics-char-lstm-hard-sigmoid-0.25-tanh-tanh-clip-3"

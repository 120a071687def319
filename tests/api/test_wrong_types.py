"""Python calls with arguments of the wrong type: a ConfigError that names the argument."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import elman

TOKENIZER = elman.CharTokenizer.from_text("abc\n")


@pytest.fixture(scope="module")
def model() -> elman.TextModel:
    network = elman.LanguageModel(vocab_size=TOKENIZER.vocab_size, embedding=2, hidden=3, layers=1)
    return elman.TextModel(network, TOKENIZER)


WRONG: list[tuple[str, Callable[[Any], object]]] = [
    ("seed must be a whole number of at least 0, not -1", lambda m: m.generate("a", seed=-1)),
    ("seed must be a whole number of at least 0, not 1.5", lambda m: m.generate("a", seed=1.5)),
    ("length must be a whole number of at least 1, not 2.5", lambda m: m.generate("a", length=2.5)),
    ("length must be a whole number of at least 1, not True", lambda m: m.generate("a", length=True)),
    ("samples must be a whole number of at least 1, not 1.0", lambda m: m.generate_samples(1.0, "a")),
    ("samples must be a whole number of at least 1, not '2'", lambda m: m.generate_samples("2", "a")),
    ("prompt must be a string, not 5", lambda m: m.generate(5)),
    ("stop must be a sequence of strings", lambda m: m.generate("a", stop="b")),
    ("text must be a string, not 5", lambda m: m.next_tokens(5)),
    ("n must be a whole number of at least 1, not 1.5", lambda m: m.next_tokens("a", n=1.5)),
    ("text must be a string, not None", lambda m: m.score(None)),
    ("lines must be strings, .* not the string 'ab'", lambda m: m.score_lines("ab")),
    ("a line must be a string, not None", lambda m: list(m.score_lines([None]))),
    ("texts must be a sequence of strings, not 'ab'", lambda m: m.rerank("ab")),
    ("texts must be a sequence of strings, not \\[1\\]", lambda m: m.rerank([1])),
    ("a score is '1'", lambda m: m.rerank(["a"], ["1"])),
    ("prompt must be a string, not 5", lambda m: m.beam(5)),
    ("width must be a whole number of at least 1, not 1.5", lambda m: m.beam("a", width=1.5)),
    ("choices must be a sequence of strings, not 'ab'", lambda m: m.choose("a", "ab")),
    ("text must be a string, not 5", lambda m: m.choose(5, ["a"])),
    ("min_p is '1'", lambda m: m.generate("a", min_p="1")),
    ("dynamic must be", lambda m: m.evaluate(elman.Text("abc"), dynamic=1)),
    ("cache must be", lambda m: m.evaluate(elman.Text("abc"), cache="1")),
    ("batch must be a whole number", lambda m: m.evaluate(elman.Text("abc"), batch=2.5)),
    ("window must be a whole number", lambda m: m.evaluate(elman.Text("abc"), window="9")),
    ("a text is a path, a list of paths, or an elman.Text, not 123", lambda m: m.evaluate(123)),
    ("a text is a path, .* not 123", lambda m: elman.train(123)),
    ("a text is a path, .* not \\[123\\]", lambda m: elman.train([123])),
    ("a text is a path, .* not \\[\\]", lambda m: elman.train([])),
    ("a text is a path, .* not b'a'", lambda m: elman.train(b"a")),
    ("a text is a path, .* not \\[Text", lambda m: elman.train([elman.Text("abc")])),
    ("out must be the path of a run directory, not 5", lambda m: elman.train(elman.Text("abc"), out=5)),
    ("run must be the path of a run directory, not None", lambda m: elman.load(None)),
    ("run must be the path of a run directory, not 3", lambda m: elman.load(3)),
]


@pytest.mark.parametrize(("says", "call"), WRONG, ids=[says for says, _ in WRONG])
def test_a_wrong_argument_is_named(
    model: elman.TextModel, says: str, call: Callable[[Any], object], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(elman.ConfigError, match=says):
        call(model)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"prompt": ""}, elman.DataError),
        ({"length": 0}, elman.ConfigError),
        ({"samples": 0}, elman.ConfigError),
        ({"seed": -1}, elman.ConfigError),
        ({"stop": [""]}, elman.ConfigError),
        ({"temperature": -1.0}, elman.ConfigError),
        ({"top_k": 0}, elman.ConfigError),
        ({"top_p": 2.0}, elman.ConfigError),
    ],
)
def test_a_stream_checks_before_it_is_read(
    model: elman.TextModel, settings: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        model.stream(**{"prompt": "a", **settings})


def test_no_prompt_and_no_line_end_is_said_at_once() -> None:
    tokenizer = elman.CharTokenizer.from_text("abc")
    network = elman.LanguageModel(vocab_size=tokenizer.vocab_size, embedding=2, hidden=3, layers=1)
    with pytest.raises(elman.DataError, match="give a prompt"):
        elman.TextModel(network, tokenizer).stream()


@pytest.mark.parametrize("text", ["to be or not to be", "one\ntwo", "x" * 5000])
def test_a_string_where_a_path_should_stand(
    text: str, tmp_path: Path, monkeypatch: Any, model: elman.TextModel
) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (elman.train, model.evaluate):
        with pytest.raises(elman.DataError, match=r"there is no file .*elman\.Text\(\.\.\.\)") as caught:
            call(text)
        assert len(str(caught.value)) < 300
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_not_there_gets_no_lecture(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(elman.DataError, match=r"there is no file nowhere\.txt: ") as caught:
        elman.train("nowhere.txt")
    assert "elman.Text" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 2**63, 2**80])
def test_seeds_are_bounded(seed: int) -> None:
    with pytest.raises(elman.ConfigError, match="seed must be"):
        elman.TrainConfig.from_mapping({"seed": seed})
    assert elman.TrainConfig.from_mapping({"seed": 2**63 - 1}).seed == 2**63 - 1

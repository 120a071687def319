"""Training and evaluation on a text in shards: bit for bit that on the same text in one file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.data import Corpus, Part
from elman.errors import CheckpointError, ConfigError
from elman.insight.inspect import sample_of_corpus
from elman.network import LanguageModel
from elman.storage.config import TrainConfig
from elman.storage.recipes import with_recipe
from elman.training.evaluation import evaluate, unigram_loss
from elman.training.fit import fit
from elman.training.joining import _joined, _Told
from elman.training.opening import begin
from elman.training.tuning import beginning
from tests.small import SETTINGS, assert_same_run, sentences

TEXT = sentences(150, seed=5).replace("!\n", "!\n\n")
ENCODED: dict[str, Any] = {"tokens": "word", "documents": "blank"}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text, encoded to one file a part, and prepared in shards."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "cats.txt").write_text(TEXT)
    elman.encode_corpus(folder / "cats.txt", folder / "one", **ENCODED)
    elman.prepare_corpus(folder / "cats.txt", folder / "many", shards=7, **ENCODED)
    return folder


@pytest.fixture(scope="module")
def parts(texts: Path) -> tuple[dict[str, Part], dict[str, Part]]:
    return dict(Corpus.open(texts / "one").parts), dict(Corpus.open(texts / "many").parts)


def train(out: Path, text: Path | None = None, **settings: Any) -> Any:
    return elman.train(text, out=out, **{**SETTINGS, "steps": 24, "eval_every": 8, **settings})


def test_a_run_is_that_on_the_text_itself(texts: Path, tmp_path: Path) -> None:
    one = train(tmp_path / "one", texts / "cats.txt", **ENCODED)
    many = train(tmp_path / "many", data=str(texts / "many"))
    assert_same_run(tmp_path / "one", tmp_path / "many")
    assert not (tmp_path / "many" / "data").exists()
    assert many.evaluate() == one.evaluate()
    assert many.vocabulary == one.vocabulary
    config = many.config
    assert (config.tokens, config.documents, config.text) == ("word", "blank", [])
    assert config.data == str(texts / "many")
    assert re.fullmatch("[0-9a-f]{64}", str(config.data_index))


def test_it_goes_on_bit_for_bit(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "whole", data=str(texts / "many"))
    monkeypatch.chdir(texts)
    settings = {**SETTINGS, "steps": 24, "eval_every": 8, "data": "many"}
    with begin(TrainConfig.from_mapping(settings), tmp_path / "broken") as session:
        for _ in fit(session, stop=lambda: session.progress.step == 11):
            pass
    monkeypatch.chdir(tmp_path)  # what the run keeps means the same from any folder
    elman.train(resume="broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_a_text_that_has_moved_or_changed(texts: Path, tmp_path: Path) -> None:
    folder, run = tmp_path / "text", tmp_path / "run"
    shutil.copytree(texts / "many", folder)
    train(run, data=str(folder), steps=8)
    folder.rename(tmp_path / "elsewhere")
    message = rf"the text of .*run is not at {folder}: if it lies elsewhere now, .* --resume .* --data FOLDER"
    with pytest.raises(CheckpointError, match=message):
        elman.train(resume=run, steps=9)
    with pytest.raises(CheckpointError, match=message):
        elman.load(run).evaluate()
    assert elman.load(run).next_tokens("the", 1)  # a model needs no text
    elman.train(resume=run, steps=9, data=str(tmp_path / "elsewhere"))
    assert elman.load(run).config.data == str(tmp_path / "elsewhere")
    elman.train(resume=run, steps=10)
    elman.prepare_corpus(texts / "cats.txt", tmp_path / "elsewhere", shards=3, overwrite=True, **ENCODED)
    with pytest.raises(CheckpointError, match=r"elsewhere is not the text that .*run was begun with"):
        elman.train(resume=run, steps=11)
    with pytest.raises(CheckpointError, match=r"its index has another checksum"):
        elman.train(resume=run, steps=11, data=str(tmp_path / "elsewhere"))
    train(tmp_path / "other", texts / "cats.txt", steps=2)
    with pytest.raises(ConfigError, match=r"data has no effect here: .*other has its text within"):
        elman.train(resume=tmp_path / "other", data=str(texts / "many"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tokens": "char"}, "tokens has no effect with data, which was prepared with its own"),
        ({"tokens": "word"}, "tokens has no effect with data"),
        ({"documents": "none"}, "documents has no effect with data"),
        ({"max_vocab": 9}, "max_vocab has no effect with data"),
        ({"split": "80/10/10"}, "split has no effect with data"),
        ({"lowercase": False}, "lowercase has no effect with data"),
        ({"train": "x.txt"}, "give the text either by data or by train, not both"),
        ({"text": ["x.txt"]}, "give the text either by data or by text, not both"),
    ],
)
def test_what_it_was_prepared_with_is_refused_beside_it(texts: Path, settings: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        TrainConfig.from_mapping({"data": str(texts / "many"), **settings})


def test_settings_that_contradict_it(texts: Path, tmp_path: Path) -> None:
    data, out = str(texts / "many"), tmp_path / "run"
    with pytest.raises(ConfigError, match="data_index has no effect without data"):
        TrainConfig.from_mapping({"data_index": "x"})
    with pytest.raises(ConfigError, match="tokens has no effect with data"):
        TrainConfig(data=data, tokens="word").validate()
    with pytest.raises(ConfigError, match=r"many is not the text that these settings were written with"):
        train(out, data=data, data_index="x")
    index = elman.data.shards.index_checksum(data)
    with pytest.raises(ConfigError, match=r"tokens is char, but .*many was prepared with word: leave it out"):
        train(out, data=data, data_index=index)
    with pytest.raises(ConfigError, match="a text in memory and text, train or data among the settings"):
        elman.train(elman.Text("abc"), out=out, data=data)
    elman.prepare_corpus(texts / "cats.txt", tmp_path / "bare", shards=2, split=(1, 0, 0))
    with pytest.raises(ConfigError, match="early_stop goes by the validation loss"):
        train(out, data=str(tmp_path / "bare"), early_stop=2)
    words = elman.WordTokenizer.from_text(TEXT)
    elman.prepare_corpus(texts / "cats.txt", tmp_path / "test", split=(0, 0, 1), tokenizer=words)
    with pytest.raises(ConfigError, match="test has no training part"):
        train(out, data=str(tmp_path / "test"))
    elman.prepare_corpus(texts / "cats.txt", tmp_path / "bpe", tokens="bpe", max_vocab=260)
    with pytest.raises(ConfigError, match=r"vectors \(x\) has no effect with tokens bpe"):
        train(out, data=str(tmp_path / "bpe"), vectors="x")
    with pytest.raises(CheckpointError, match="nowhere"):
        train(out, data="nowhere")
    assert not out.exists()


def test_a_rank_that_joins_needs_the_shards_of_its_own_rows_alone(texts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "text"
    shutil.copytree(texts / "many", folder)
    config = train(tmp_path / "run", data=str(folder), steps=2).config
    for name in ("train-00000-of-00007.ids", "train-00001-of-00007.starts", "test-00000-of-00001.ids"):
        (folder / name).unlink()
    session = _joined(_Told(tmp_path / "run", config, 0), slice(2, 4))
    assert session.stream.window_at(0, 3).x.shape == (3, 2)
    with pytest.raises(CheckpointError, match=r"cannot read .*train-00000-of-00007.ids"):
        _joined(_Told(tmp_path / "run", config, 0), slice(0, 2))


def test_a_missing_shard_is_told_before_a_run_is_begun(texts: Path, tmp_path: Path) -> None:
    for name in ("train-00003-of-00007.ids", "valid-00000-of-00001.ids"):
        folder = tmp_path / name
        shutil.copytree(texts / "many", folder)
        (folder / name).unlink()
        with pytest.raises(CheckpointError, match=rf"cannot read .*{name} \(No such file"):
            train(tmp_path / "run", data=str(folder))
    assert not (tmp_path / "run").exists()


def test_an_output_goes_by_how_tokens_are_numbered(texts: Path, tmp_path: Path) -> None:
    train(tmp_path / "built", data=str(texts / "many"), output="auto", steps=1)
    words = elman.WordTokenizer.from_text(TEXT)
    elman.prepare_corpus(texts / "cats.txt", tmp_path / "given", tokenizer=words)
    train(tmp_path / "given-run", data=str(tmp_path / "given"), output="auto", steps=1)
    notes = []
    for folder in (texts / "many", tmp_path / "given"):
        config = TrainConfig.from_mapping({**SETTINGS, "data": str(folder), "output": "sampled", "steps": 2})
        with begin(config, tmp_path / f"notes-{len(notes)}") as session:
            notes.append(any("full may be better" in note for note in session.notes))
    assert notes == [False, True]


def test_a_recipe_leaves_its_tokens_to_the_text(texts: Path) -> None:
    assert "tokens" in with_recipe("word-small", {})
    found = with_recipe("word-small", {"data": str(texts / "many"), "steps": 5})
    assert not found.keys() & {"tokens", "documents", "max_vocab", "min_count", "split"}
    TrainConfig.from_mapping(found)


def test_evaluation_of_a_part_is_that_of_one_file(
    parts: tuple[dict[str, Part], dict[str, Part]], texts: Path
) -> None:
    one, many = parts
    tokenizer = Corpus.open(texts / "one").tokenizer
    model = LanguageModel(vocab_size=tokenizer.vocab_size, embedding=4, hidden=5, layers=1, seed=1)
    for name in one:
        for batch in (1, 7):
            assert evaluate(model, one[name], tokenizer, batch=batch) == evaluate(
                model, many[name], tokenizer, batch=batch
            )
    assert many["train"].counts is not None
    for name in ("valid", "test"):
        assert unigram_loss(many["train"], many[name], tokenizer.vocab_size) == unigram_loss(
            one["train"], one[name], tokenizer.vocab_size
        )
    first, second = (beginning(some["train"], 100) for some in (one, many))
    assert first.starts is not None
    assert second.starts is not None
    assert np.array_equal(first.ids, second.ids[:])
    assert first.starts.tolist() == second.starts.tolist()
    assert second.counts is None
    a, b = (sample_of_corpus(Corpus.open(texts / name), 30, name="x") for name in ("one", "many"))
    assert a.ids.tolist() == b.ids.tolist()
    assert a.starts.tolist() == b.starts.tolist()
    assert a.starts.size > 1

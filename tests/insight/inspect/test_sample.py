"""Which tokens of which text are looked at."""

from __future__ import annotations

import gzip
import io
import sys

import numpy as np
import pytest

import elman
from elman.errors import CheckpointError, ConfigError, DataError
from elman.insight.inspect import sample as module
from elman.insight.inspect import sample_of_corpus, sample_of_text
from tests.small import SETTINGS, sentences

CHARS = elman.CharTokenizer.from_text("abc\n")
WORDS = elman.WordTokenizer.from_text("the cat sat on the mat\n")


def test_a_file_is_cut_and_says_so(tmp_path):
    (tmp_path / "a.txt").write_text("abcabc\nxyz")
    whole = sample_of_text(CHARS, tmp_path / "a.txt", 10)
    assert (len(whole.ids), whole.cut, whole.text) == (10, False, "abcabc\nxyz")
    assert whole.name == str(tmp_path / "a.txt")
    cut = sample_of_text(CHARS, tmp_path / "a.txt", 9)
    assert (cut.ids.tolist(), cut.cut) == (whole.ids[:9].tolist(), True)


def test_only_as_much_as_is_needed_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 16)
    (tmp_path / "long.txt").write_bytes(b"the cat sat\n" * 1000 + b"\xff")  # not UTF-8 far behind
    found = sample_of_text(WORDS, tmp_path / "long.txt", 7)
    assert (len(found.ids), found.cut) == (7, True)
    assert len(found.text) < 100
    with pytest.raises(DataError, match="not UTF-8 at byte 12000"):
        sample_of_text(WORDS, tmp_path / "long.txt", 10_000)


def test_bytes_are_read_as_they_stand(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"a\r\n\xff\xfe")
    found = sample_of_text(elman.ByteTokenizer(), tmp_path / "a.bin", 4)
    assert (found.ids.tolist(), found.cut, found.text) == ([97, 13, 10, 255], True, None)


def test_line_ends_marks_and_packed_files(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("\ufeffab\r\nc".encode()))
    found = sample_of_text(CHARS, tmp_path / "a.txt.gz", 99)
    assert found.text == "ab\nc"
    assert found.ids.tolist() == CHARS.encode("ab\nc").tolist()


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abba")))
    found = sample_of_text(CHARS, "-", 99)
    assert (found.name, found.part, found.text) == ("<stdin>", None, "abba")


def test_documents(tmp_path):
    text = elman.Text("ab\nc\nab\n")
    assert sample_of_text(CHARS, text, 99).starts.tolist() == []
    assert sample_of_text(CHARS, text, 6, documents="line").starts.tolist() == [0, 3, 5]
    for name in ("1.txt", "2.txt", "3.txt"):
        (tmp_path / name).write_text("abc")
    found = sample_of_text(CHARS, tmp_path, 5, documents="file")
    assert (found.starts.tolist(), found.cut, found.text) == ([0, 3], True, "abcabc")
    assert sample_of_text(CHARS, tmp_path, 9).cut is False


@pytest.mark.parametrize(
    ("given", "tokens", "error", "message"),
    [
        (elman.Text(""), 9, DataError, "is empty"),
        ("nowhere.txt", 9, DataError, "there is no file nowhere.txt"),
        (elman.Text("abc"), 1, ConfigError, "length=1: give at least 2"),
        (7, 9, ConfigError, "a text is a path"),
    ],
)
def test_what_cannot_be_read(given, tokens, error, message):
    with pytest.raises(error, match=message):
        sample_of_text(CHARS, given, tokens)


def test_only_white_space_has_no_words():
    with pytest.raises(DataError, match="no tokens"):
        sample_of_text(WORDS, elman.Text("   "), 9)


def test_a_run_has_its_test_part_or_else_its_validation_part(tmp_path):
    text = elman.Text(sentences(60))
    for split, part in (("80/10/10", "test"), ("90/10/0", "valid"), ("100/0/0", None)):
        model = elman.train(text, out=tmp_path / split.replace("/", "-"), steps=2, split=split, **SETTINGS)
        if part is None:
            with pytest.raises(DataError, match="no test or validation part"):
                sample_of_corpus(model.run.corpus(), 50, name="a run")
            continue
        found = sample_of_corpus(model.run.corpus(), 50, name="a run")
        assert (found.name, found.part) == ("a run", part)
        np.testing.assert_array_equal(found.ids, model.run.corpus().parts[part].ids[:50])
        assert found.cut
        assert not sample_of_corpus(model.run.corpus(), 10_000, name="a run").cut
    lines = elman.train(text, out=tmp_path / "lines", steps=2, split="80/10/10", documents="line", **SETTINGS)
    found, part = sample_of_corpus(lines.run.corpus(), 50, name="a run"), lines.run.corpus().parts["test"]
    assert 1 < len(found.starts) < len(part.starts)
    np.testing.assert_array_equal(found.starts, part.starts[part.starts < 50])
    (tmp_path / "80-10-10" / "data" / "corpus.json").unlink()
    with pytest.raises(CheckpointError, match=r"corpus\.json"):
        sample_of_corpus(elman.load(tmp_path / "80-10-10").run.corpus(), 50, name="a run")


def test_of_many_files_the_first_is_named(tmp_path):
    for k in range(5):
        (tmp_path / f"{k}.txt").write_text("ab ab\n", encoding="utf-8")
    tokenizer = elman.CharTokenizer.from_text("ab \n")
    name = sample_of_text(tokenizer, tmp_path, 10).name
    assert name.endswith("0.txt and 4 more files"), name

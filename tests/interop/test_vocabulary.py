"""Vocabularies of imported models, in every form that a file may have."""

import json

import pytest

from elman.data import BpeTokenizer, ByteTokenizer, CharTokenizer, ListedCharTokenizer, ListedWordTokenizer
from elman.errors import ConfigError, DataError
from elman.interop.vocabulary import vocabulary

SYMBOLS = ["b", "<unk>", "a", "\n"]


@pytest.mark.parametrize("text", [json.dumps(SYMBOLS), json.dumps({s: i for i, s in enumerate(SYMBOLS)})])
def test_json(text, tmp_path):
    for name in ("vocab.json", "vocab.txt"):
        (tmp_path / name).write_text(text)
        found = vocabulary(4, tmp_path / name, "char")
        assert isinstance(found.tokenizer, ListedCharTokenizer)
        assert found.tokenizer.encode("ab\nx").tolist() == [2, 0, 3, 1]
        assert found.said == ()


def test_a_symbol_a_line(tmp_path):
    (tmp_path / "vocab").write_text("<unk>\nthe\n[\ncat\n", encoding="utf-8")
    found = vocabulary(4, tmp_path / "vocab")
    assert isinstance(found.tokenizer, ListedWordTokenizer)
    assert found.tokenizer.encode("the [ cat").tolist() == [1, 2, 3]
    assert "vocabulary of word tokens, since some are longer than a character" in found.said[0]


def test_a_bracket_may_be_the_first_symbol(tmp_path):
    (tmp_path / "vocab").write_text("[\n]\na")
    found = vocabulary(3, tmp_path / "vocab")
    assert found.tokenizer.encode("a[]").tolist() == [2, 0, 1]
    assert "char tokens" in found.said[0]


def test_words_that_a_tokenizer_of_our_own_has_for_fields(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps({"format": 2, "name": 0, "characters": 1}))
    assert vocabulary(3, tmp_path / "vocab.json").tokenizer.encode("characters name").tolist() == [1, 0]


def test_a_tokenizer_of_our_own(tmp_path):
    chars = CharTokenizer.from_text("abc")
    chars.save(tmp_path / "tokenizer.json")
    assert vocabulary(4, tmp_path / "tokenizer.json").tokenizer == chars
    assert vocabulary(4, tmp_path / "tokenizer.json", "char").tokenizer == chars
    with pytest.raises(ConfigError, match="tokenizer of characters, not of word tokens"):
        vocabulary(4, tmp_path / "tokenizer.json", "word")


def test_bytes_and_numbers():
    assert vocabulary(256, tokens="byte") == (ByteTokenizer(), ())
    numbers, said = vocabulary(256)
    assert numbers.encode("7 255").tolist() == [7, 255]
    assert "0 to 255" in said[0]
    assert "bytes" in said[0]
    assert "bytes" not in vocabulary(65).said[0]


@pytest.mark.parametrize(
    ("content", "tokens", "complaint"),
    [
        (b"[1, 2, 3, 4]", None, "not everything in its list is a string"),
        (b'["a", "a", "b", "c"]', "char", "'a' twice"),
        (
            b'["' + b"a" * 9999 + b'", "' + b"a" * 9999 + b'", "b", "c"]',
            "word",
            "the vocabulary has 'a{59} twice",
        ),
        (b'{"a": 0, "b": 2, "c": 3, "d": 4}', None, "do not have the ids 0 to 3"),
        (b'{"a": 0, "b": 0, "c": 1, "d": 2}', None, "do not have the ids 0 to 3"),
        (b'{"a": true, "b": 0, "c": 2, "d": 3}', None, "whole numbers as ids, but 'a' has true"),
        (b'{"vocab": ["a", "b"]}', None, "but 'vocab' has \\["),
        (b'{"format": 1, "name": "char"}', None, "'characters' is missing"),
        (b'{"format": 9, "name": "char"}', None, "newer elman"),
        (b"a\n\nb\nc", None, "line 2 of .* is empty"),
        (b"\xff\xfe", None, "byte 0 is not UTF-8; save it as UTF-8"),
        ("ä\n".encode("latin-1"), None, "byte 0 is not UTF-8; save it as UTF-8"),
        (b"", None, "is empty"),
        (b"[" * 100_000, None, "not JSON|list of strings|twice|symbols"),
        (b'["a", "b"]', None, "has 2 symbols, but the model has 4 classes"),
        (b"3", None, "neither a JSON list nor an object"),
    ],
    ids=range(16),
)
def test_what_is_no_vocabulary(content, tokens, complaint, tmp_path):
    path = tmp_path / ("vocab.txt" if content.startswith(b"a") else "vocab.json")
    path.write_bytes(content)
    with pytest.raises((DataError, ConfigError), match=complaint):
        vocabulary(4, path, tokens)


def test_what_does_not_go_together(tmp_path):
    (tmp_path / "vocab").write_text("a\nb")
    for arguments, complaint in (
        ((255, None, "byte"), "go without 255 classes"),
        ((256, tmp_path / "vocab", "byte"), "go without a vocabulary"),
        ((4, None, "char"), "a vocabulary says"),
        ((4, None, "letters"), "char, byte or word"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            vocabulary(*arguments)
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DataError, match=r"directory|cannot read"):
            vocabulary(4, path)


def test_hugging_faces_tokenizers(tmp_path):
    made, path = BpeTokenizer.from_text("low lower\n" * 9, max_vocab=260), tmp_path / "tokenizer.json"
    fields = made.to_json()
    for contents in (fields, fields["tokenizer"]):
        path.write_text(json.dumps(contents), "utf-8")
        assert vocabulary(260, path).tokenizer == made
        with pytest.raises(ConfigError, match=r"has 260 symbols, but the model has 261 classes"):
            vocabulary(261, path)
        with pytest.raises(ConfigError, match=r"a tokenizer of subwords, not of char tokens"):
            vocabulary(260, path, "char")
    path.write_text(json.dumps({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}}))
    with pytest.raises(DataError, match=r"is no tokenizer: tokenizers says"):
        vocabulary(1, path)

"""Vocabularies that came as a list: any order, with or without <unk> and <eos>."""

import numpy as np
import pytest

import elman
from elman.data import ListedCharTokenizer, ListedWordTokenizer, Text, encode_corpus, load_tokenizer
from elman.data.layout import NEWLINE, TEXT
from elman.errors import ConfigError, DataError


def test_ids_are_places_in_the_list():
    chars = ListedCharTokenizer(["b", "<unk>", "\n", "a"])
    assert chars.encode("ab\nc").tolist() == [3, 0, 2, 1]
    assert chars.decode([3, 1, 2]) == "a\ufffd\n"
    assert (chars.unknown, chars.start, chars.vocab_size) == (1, 2, 4)


@pytest.mark.parametrize(
    ("tokenizer", "text", "complaint"),
    [
        (
            ListedCharTokenizer("ab"),
            "abxyx",
            r"the character 'x' is not .*, nor is 'y', and there is no <unk>",
        ),
        (ListedCharTokenizer("ab"), "ab\n", r"the character '\\n' is not in the vocabulary, and there"),
        (ListedWordTokenizer(["to", "be"]), "to bee", r"the word 'bee'"),
    ],
)
def test_without_unk_an_unknown_symbol_is_named(tokenizer, text, complaint):
    assert tokenizer.unknown is None
    with pytest.raises(DataError, match=complaint):
        tokenizer.encode(text)
    assert tokenizer.unknown_symbols(text)[0] in ("x", "\n", "bee")


@pytest.mark.parametrize("name", ["<unk>", "<UNK>", "[UNK]"])
def test_unknown_has_several_names(name):
    assert ListedWordTokenizer(["a", name]).encode("a b").tolist() == [0, 1]


def test_a_line_end_is_eos_unless_there_is_a_line_end():
    assert ListedWordTokenizer(["<eos>", "a"]).encode("a\na").tolist() == [1, 0, 1]
    both = ListedWordTokenizer(["<eos>", "a", "\n"])
    assert both.encode("a <eos>\n").tolist() == [1, 0, 2]
    assert both.decode([1, 0, 2]) == "a <eos>\n"
    assert ListedWordTokenizer(["a"]).encode("a\na\n").tolist() == [0, 0]  # then it is white space
    assert ListedWordTokenizer(["a"]).start is None


def test_words_as_the_list_has_them_come_first():
    words = ListedWordTokenizer(["do", "n't", "don't", ",", "U.S.", "<unk>"])
    assert words.symbols("do n't, U.S. don't stop!") == ["do", "n't", ",", "U.S.", "don't", "stop", "!"]
    assert words.encode("do n't U.S. don't , x").tolist() == [0, 1, 4, 2, 3, 5]


def test_what_is_no_vocabulary_is_refused():
    for symbols, complaint in (
        ([], "one at least"),
        ([3], "list of strings"),
        (["a", "b", "a"], "'a' twice"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            ListedCharTokenizer(symbols)


def test_it_is_not_built_from_a_text(tmp_path):
    with pytest.raises(ConfigError, match=r"listed-char tokens come with an imported model"):
        elman.train(Text("abc" * 99), out=tmp_path / "run", tokens="listed-char")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"choose char, byte or word"):
        ListedWordTokenizer.from_text("a b")


def test_documents_of_a_corpus_begin_after_line_ends(tmp_path):
    words = ListedWordTokenizer(["a", "<eos>", "b"])
    assert words.layout("", np.array([0, 1], np.uint32)).tolist() == [TEXT, NEWLINE]
    part = encode_corpus({"test": Text("a b\nb\n")}, tmp_path, tokenizer=words, documents="line").parts[
        "test"
    ]
    assert part.ids.tolist() == [0, 2, 1, 2, 1]
    assert part.starts.tolist() == [0, 3]


def test_any_symbols_survive_a_file(tmp_path):
    symbols = ["", " ", "New York", "\ud800", "\x00", "<pad>", "é", "e\u0301"]
    for kind in (ListedCharTokenizer, ListedWordTokenizer):
        kind(symbols).save(tmp_path / "tokenizer.json")
        loaded = load_tokenizer(tmp_path / "tokenizer.json")
        assert [loaded.token(i) for i in range(8)] == symbols
        assert type(loaded) is kind

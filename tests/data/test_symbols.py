"""Characters and bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import ByteTokenizer, CharTokenizer, load_tokenizer, tokenizer_from_json
from elman.errors import CheckpointError, ConfigError


@given(st.text())
def test_characters_round_trip_any_text(text):
    chars = CharTokenizer.from_text(text)
    ids = chars.encode(text)
    assert chars.decode(ids) == text
    assert ids.size == len(text)
    assert chars.vocab_size == len(set(text)) + 1
    assert 0 not in ids


@given(st.text(st.characters(codec="utf-8")))
def test_bytes_round_trip_any_text(text):
    ids = ByteTokenizer().encode(text)
    assert ByteTokenizer().decode(ids) == text
    assert ids.tolist() == list(text.encode())


def test_characters_stand_in_code_point_order():
    chars = CharTokenizer.from_text("zebra 明 a\n🙂")
    assert [chars.token(i) for i in range(chars.vocab_size)] == ["<unk>", *sorted(set("zebra 明 a\n🙂"))]


def test_the_first_context_is_a_line_end_where_there_is_one():
    assert CharTokenizer.from_text("ab").start is None
    lines = CharTokenizer.from_text("ab\n")
    assert lines.start == lines.encode("\n")[0] == 1
    assert ByteTokenizer().start == 10


def test_limits_keep_the_most_frequent_characters():
    text = "aaabbbccd"
    assert CharTokenizer.from_text(text, max_vocab=3).to_json()["characters"] == ["a", "b"]
    assert CharTokenizer.from_text(text, max_vocab=4).to_json()["characters"] == ["a", "b", "c"]
    assert CharTokenizer.from_text(text, min_count=2).to_json()["characters"] == ["a", "b", "c"]
    assert CharTokenizer.from_text("ccab", max_vocab=3).to_json()["characters"] == [
        "a",
        "c",
    ]  # a tie: a first


def test_an_unseen_character_is_one_token_and_decodes_to_one_character():
    chars = CharTokenizer.from_text("abc")
    assert chars.encode("aXb\U0010ffff").tolist() == [1, 0, 2, 0]
    assert chars.decode([1, 0, 2]) == "a\ufffdb"
    assert chars.unknown_symbols("cXYbX") == ["X", "Y"]


def test_lone_surrogates_pass(tmp_path):
    text = "a\udbff\udc00\ud800"
    chars = CharTokenizer.from_text(text)
    assert chars.decode(chars.encode(text)) == text
    chars.save(tmp_path / "t.json")
    assert load_tokenizer(tmp_path / "t.json") == chars
    assert ByteTokenizer().encode("\ud800").tolist() == [0xED, 0xA0, 0x80]


def test_bytes_that_are_not_utf8_decode_to_the_replacement_character():
    assert ByteTokenizer().decode(np.array([65, 0xFF, 66])) == "A\ufffdB"
    stream = ByteTokenizer().stream()
    assert (stream(0xE6), stream.flush()) == ("", "\ufffd")


@pytest.mark.parametrize("options", [{"max_vocab": 100}, {"min_count": 2}, {"lowercase": True}])
def test_bytes_have_no_options(options):
    with pytest.raises(ConfigError, match=rf"byte tokens have no {next(iter(options))}"):
        ByteTokenizer.from_text("a", **options)


def test_characters_have_no_lower_case():
    with pytest.raises(ConfigError, match=r"lowercase"):
        CharTokenizer.from_text("a", lowercase=True)


@pytest.mark.parametrize("characters", [["ab"], ["b", "a"], ["a", "a"], [""], "ba", [1], "abc", None])
def test_a_damaged_vocabulary_of_characters_is_refused(characters):
    with pytest.raises(CheckpointError, match=r"damaged"):
        tokenizer_from_json({"format": 1, "name": "char", "characters": characters})


@pytest.mark.parametrize(
    "fields", [[], None, "x", {"format": 1, "name": "nope"}, {"format": 1, "name": ["char"]}]
)
def test_what_is_no_tokenizer_is_refused(fields):
    with pytest.raises(CheckpointError):
        tokenizer_from_json(fields)


def test_a_missing_tokenizer_file_is_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot read the tokenizer .*No such file"):
        load_tokenizer(tmp_path / "none.json")


def test_tokenizers_are_equal_by_what_they_hold():
    assert CharTokenizer.from_text("ab") == CharTokenizer.from_text("ba")
    assert CharTokenizer.from_text("ab") != CharTokenizer.from_text("abc")
    assert ByteTokenizer() != CharTokenizer()
    assert "3 tokens" in repr(CharTokenizer.from_text("ab"))

"""Words: how text is cut into them, numbered, and put together again."""

import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import WordTokenizer, tokenizer_from_json
from elman.data import words as words_module
from elman.data.scripts import is_ideograph, is_mark, word_pattern
from elman.data.spacing import BETWEEN, CLOSING, OPENING, WIDE_BETWEEN, WIDE_CLOSING, WIDE_OPENING
from elman.data.words import LONGEST, split_words
from elman.errors import CheckpointError, ConfigError


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't know.", ["I", "don't", "know", "."]),
        ("rock ’n’ roll", ["rock", "’", "n", "’", "roll"]),
        ("l’été", ["l’été"]),
        ("'tis the dogs' tail", ["'", "tis", "the", "dogs", "'", "tail"]),
        ("well-known (1999)", ["well", "-", "known", "(", "1999", ")"]),
        ("snake_case x2", ["snake_case", "x2"]),
        ("a\n\n b\t\u3000c", ["a", "\n", "\n", "b", "c"]),
        ("<unk> <eos> <pad>", ["<unk>", "<eos>", "<", "pad", ">"]),
        ("word<unk>word", ["word", "<unk>", "word"]),
        ("床前明月光，疑", ["床", "前", "明", "月", "光", "，", "疑"]),
        ("カタカナ and 한국어 text", ["カ", "タ", "カ", "ナ", "and", "한국어", "text"]),
        ("हिन्दी शब्द", ["हिन्दी", "शब्द"]),
        ("e\u0301te\u0301 \u0301x", ["e\u0301te\u0301", "\u0301", "x"]),
        ("❤️🙂", ["❤️", "🙂"]),
        ("ΑΣ ΑΣ.Α", ["ΑΣ", "ΑΣ", ".", "Α"]),
        ("𐌰𐌱 𝔵", ["𐌰𐌱", "𝔵"]),
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        ("", []),
    ],
)
def test_how_text_is_cut(text, tokens):
    assert split_words(text) == tokens


@given(st.text())
def test_nothing_but_white_space_is_lost(text):
    assert "".join(t for t in split_words(text) if t != "\n") == "".join(text.split())


def test_ids_go_by_count_then_by_code_point():
    words = WordTokenizer.from_text("b a c c\nb a z c\n")
    assert words.to_json()["tokens"] == ["<unk>", "<eos>", "c", "a", "b", "z"]


def test_limits_count_the_reserved_tokens():
    text = "c c c b b a a z\n"
    assert WordTokenizer.from_text(text, max_vocab=4).to_json()["tokens"][2:] == ["c", "a"]
    assert WordTokenizer.from_text(text, min_count=2).to_json()["tokens"][2:] == ["c", "a", "b"]
    assert WordTokenizer.from_text(text, min_count=9).vocab_size == 2
    with pytest.raises(ConfigError, match=r"max_vocab is 2: give at least 3, since <unk> and <eos> take 2"):
        WordTokenizer.from_text(text, max_vocab=2)


def test_lower_case():
    words = WordTokenizer.from_text("The THE the ΑΣ", lowercase=True)
    assert words.to_json()["tokens"] == ["<unk>", "<eos>", "the", "ας"]
    assert words.encode("tHe").tolist() == [2]
    assert tokenizer_from_json(words.to_json()) == words


@pytest.mark.parametrize(
    "text",
    [
        'He said, "yes" (or “no”): stop!\n',
        "It’s 50% off; isn't it?\nNo.\n",
        "“Go—now,” she said…\n",
        "床前明月光，疑是地上霜。\n",
        "《静夜思》：「床前」\n",
        "and/or £5 [sic] {x}\n",
        '"one" and "two"\n"three"\n',
        "the dogs’ tails\n",
        "ひらがな、カタカナ\n",
        "see 明月 the moon\n",
    ],
)
def test_usual_spacing_comes_back(text):
    words = WordTokenizer.from_text(text)
    assert words.decode(words.encode(text)) == text


HARD = [
    "<unk>",
    "<eos>",
    "<",
    "unk",
    ">",
    "eos",
    "a",
    "B9",
    "'",
    "’",
    "‘",
    '"',
    ",",
    "(",
    "—",
    "\u0301",
    "\u200d",
]
HARD += [
    "❤️",
    "(\u0301",
    "明",
    "。",
    "「",
    "…",
    "・",
    "İ",
    "𝔵",
    "don't",
    "$",
    "/",
    "_",
    "＂",
    "\ud800",
    "🙂",
    "-",
]


@given(st.lists(st.integers(0, len(HARD) - 1), max_size=30))
def test_decoded_ids_encode_to_themselves_whatever_stands_beside_what(ids):
    words = WordTokenizer(HARD)
    assert words.encode(words.decode(np.array(ids, np.int64))).tolist() == ids


def test_every_pair_and_triple_of_hard_tokens_survives():
    words = WordTokenizer(HARD)
    n = len(HARD)
    triples = [i for a in range(n) for b in range(n) for c in range(n) for i in (1, a, b, c)]
    assert words.encode(words.decode(np.array(triples))).tolist() == triples


@given(st.text(), st.lists(st.integers(0, 10**6), max_size=20))
def test_any_sequence_over_any_vocabulary_encodes_to_itself(text, numbers):
    words = WordTokenizer.from_text(text)
    ids = [n % words.vocab_size for n in numbers]
    assert words.encode(words.decode(np.array(ids, np.int64))).tolist() == ids


def test_marks_that_glue_are_tokens_whatever_stands_beside_them():
    for character in CLOSING + OPENING + BETWEEN + WIDE_CLOSING + WIDE_OPENING + WIDE_BETWEEN + '"':
        assert not is_mark(character), character
        assert not character.isalnum(), character
        if character != "’":  # an apostrophe within words, and so never glued on its right
            assert split_words(f"a{character}b") == ["a", character, "b"], character
    assert "’" not in OPENING + BETWEEN + WIDE_OPENING + WIDE_BETWEEN


def test_every_code_point_is_stable_in_lower_case():
    for code in range(sys.maxunicode + 1):
        low = chr(code).lower()
        assert low.lower() == low
        if len(low) > 1:
            assert chr(code) == "İ"  # the only one that `_expand` has to write out
        if not chr(code).isspace():
            assert len(word_pattern().findall("a" + low)) <= 2


def test_every_code_point_but_white_space_is_in_a_token():
    text = " ".join(map(chr, range(sys.maxunicode + 1)))
    tokens = split_words(text)
    assert Counter("".join(tokens))["\n"] == 1
    assert "".join(tokens).replace("\n", "") == "".join(text.split())
    single = split_words(" ".join(tokens))
    assert single == tokens


def test_ideographs():
    assert all(map(is_ideograph, "明々〇ぁんァヶーㄅ\uf900𠀀"))
    assert not any(map(is_ideograph, "a1한é，。 "))


def reference_shorten(token, longest):
    """What is documented: each token is found in at most `longest` characters from where it begins."""
    out = []
    while token:
        match = word_pattern().match(token[:longest])
        out.append(match[0])
        token = token[match.end() :]
    return out


long_text = st.text("ab'’́明 \n.<unk>İΣ", max_size=80)


@given(long_text, st.integers(5, 12), st.lists(st.integers(1, 9), max_size=30), st.booleans())
def test_overlong_tokens_are_cut_alike_whole_and_in_chunks(text, longest, sizes, lowercase):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words_module, "LONGEST", longest)
        whole = split_words(text, lowercase)
        assert all(len(token) <= longest for token in whole)
        if not lowercase:
            natural = word_pattern().findall(text)
            assert whole == [part for token in natural for part in reference_shorten(token, longest)]
        words = WordTokenizer.from_text(text, lowercase=lowercase)
        ids = words.encode(text)
        assert words.encode(words.decode(ids)).tolist() == ids.tolist()
        parts = []
        for size in sizes:
            parts.append(text[:size])
            text = text[size:]
        pieces = WordTokenizer(lowercase=lowercase).pieces([*parts, text])
        assert [token for piece in pieces for token in split_words(piece, lowercase)] == whole


@given(st.text("a'<unk>", max_size=40))
def test_a_text_without_white_space_is_cut_alike_when_it_comes_by_the_character(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words_module, "LONGEST", 5)
        pieces = WordTokenizer().pieces(text)
        assert [token for piece in pieces for token in split_words(piece)] == split_words(text)


def test_the_character_that_grows_in_lower_case_keeps_the_longest_token_short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words_module, "LONGEST", 5)
        text = "İ" * 9
        whole = split_words(text, lowercase=True)
        assert max(map(len, whole)) == 5
        assert "".join(whole) == text.lower()
        pieces = WordTokenizer(lowercase=True).pieces(text)
        assert [token for piece in pieces for token in split_words(piece, True)] == whole


def test_a_word_without_end_is_cut_and_survives():
    text = "x" * (2 * LONGEST + 10)
    words = WordTokenizer.from_text(text)
    ids = words.encode(text)
    assert [len(words.token(i)) for i in ids.tolist()] == [LONGEST, LONGEST, 10]
    assert words.encode(words.decode(ids)).tolist() == ids.tolist()


def test_a_text_without_white_space_is_held_in_bounded_pieces():
    chunk = "明月，don't" * 2000
    held = 0
    for number, piece in enumerate(WordTokenizer().pieces(chunk for _ in range(40)), 1):
        held = max(held, len(piece))
        assert number <= 41
    assert held < LONGEST + 2 * len(chunk)


@pytest.mark.parametrize(
    ("tokens", "lowercase"),
    [
        (["<unk>"], False),
        (["<eos>", "<unk>", "a"], False),
        (["<unk>", "<eos>", "a", "a"], False),
        (["<unk>", "<eos>", "a b"], False),
        (["<unk>", "<eos>", ""], False),
        (["<unk>", "<eos>", "\n"], False),
        (["<unk>", "<eos>", "a,"], False),
        (["<unk>", "<eos>", "A"], True),
        (["<unk>", "<eos>", 3], False),
        ("<unk>", False),
        (["<unk>", "<eos>"], "no"),
        (None, False),
    ],
)
def test_a_damaged_vocabulary_of_words_is_refused(tokens, lowercase):
    with pytest.raises(CheckpointError, match=r"damaged"):
        tokenizer_from_json({"format": 1, "name": "word", "tokens": tokens, "lowercase": lowercase})

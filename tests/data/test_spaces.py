"""Tokens that white space separates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import SpaceTokenizer, encode_corpus
from elman.data import spaces as module
from elman.data.spaces import split_at_spaces, whole_tokens
from tests.corpora import WIKITEXT, corpora

texts = st.text("ab<unk>.,-\t \n\r\x0b\x1c\x85\u2028\u00a0明🙂İΣ", max_size=60)


@given(text=texts)
def test_the_tokens_are_those_of_pythons_split_and_eos_once_a_line(text):
    by_hand = []
    for line in text.split("\n"):
        by_hand += [*line.split(), "<eos>"]
    found = ["<eos>" if token == "\n" else token for token in split_at_spaces(text)]
    assert found == by_hand[:-1]  # what follows the last line end is no whole line


@given(text=texts, data=st.data())
def test_pieces_give_the_tokens_of_the_whole_also_where_they_are_too_long(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    longest, lowercase = data.draw(st.integers(1, 6)), data.draw(st.booleans())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST", longest)
        whole = split_at_spaces(text, lowercase)
        pieces = list(whole_tokens(parts, lowercase))
        assert [token for piece in pieces for token in split_at_spaces(piece, lowercase)] == whole
        if not lowercase:
            assert "".join(pieces) == text


def test_the_vocabulary_is_by_descending_count_then_code_points():
    words = SpaceTokenizer.from_text("b a a c <unk> c\n\nb <unk> <unk> \n c")
    assert [words.token(i) for i in range(words.vocab_size)] == ["<unk>", "<eos>", "c", "a", "b"]
    assert SpaceTokenizer.from_text("b a a c c c", max_vocab=3).encode("a b c").tolist() == [0, 0, 2]
    assert SpaceTokenizer.from_text("b a a", min_count=2).encode("a b").tolist() == [2, 0]


def test_marks_stay_with_their_words_and_case_as_it_is():
    words = SpaceTokenizer.from_text("don't Stop. stop.\n")
    assert words.encode("Stop. stop. stop Don't don't").tolist() == [2, 4, 0, 0, 3]
    lower = SpaceTokenizer.from_text("Stop. ΟΔΟΣ\n", lowercase=True)
    assert lower.decode(lower.encode("STOP. οδος\n")) == "stop. οδος\n"


def test_decoding_has_one_space_between_words():
    words = SpaceTokenizer.from_text(" = A = \n \n a , b . \n")
    ids = words.encode(" = A = \n \n a , b . \n")
    assert words.decode(ids) == "= A =\n\na , b .\n"
    assert words.encode(words.decode(ids)).tolist() == ids.tolist()


def test_a_word_without_end_is_read_in_bounded_memory():
    held = [len(piece) for piece in whole_tokens("x" * 1000 for _ in range(500))]
    assert max(held) < module.LONGEST + 1000
    assert sum(held) == 500_000


@corpora
def test_wikitext_2_has_the_counts_that_are_published(tmp_path):
    parts = {
        "train": WIKITEXT / "train.shuffled-articles.txt",
        "valid": WIKITEXT / "valid.txt",
        "test": WIKITEXT / "test.txt",
    }
    corpus = encode_corpus(parts, tmp_path, tokens="space")
    assert corpus.tokenizer.vocab_size == 33_278
    assert {name: part.tokens for name, part in corpus.parts.items()} == {
        "train": 2_088_628,
        "valid": 217_646,
        "test": 245_569,
    }
    for part in corpus.parts.values():
        assert part.ids.dtype == np.uint16

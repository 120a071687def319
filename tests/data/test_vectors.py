"""Word vectors of word2vec, GloVe and fastText, read into an embedding."""

import gzip
import json
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import (
    CharTokenizer,
    SpaceTokenizer,
    WordTokenizer,
    check_vectors,
    fasttext,
    place_vectors,
    vector_lists,
)
from elman.errors import ConfigError, DataError

FOLDER = Path(__file__).parents[1] / "vectors" / "words"
EXPECTED = json.loads((FOLDER / "expected.json").read_text("utf-8"))
SPACES = SpaceTokenizer.from_text("the cat sat . naïve 明月 don't The 🙂 a dog cats\n")
LISTS = ("word2vec.txt", "word2vec.bin", "glove.txt", "fasttext.vec")


def blank(tokenizer, width=5, dtype=np.float32):
    return np.full((tokenizer.vocab_size, width), 7, dtype)


def said_of(word, table):
    """What the library says of a token: of the line end, what it says of </s>."""
    return table.get("</s>" if word == "<eos>" else word)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", LISTS)
def test_lists_give_the_numbers_that_are_in_them(name, packed, dtype, tmp_path):
    path = FOLDER / name
    if packed:
        path = tmp_path / f"{name}.gz"
        path.write_bytes(gzip.compress((FOLDER / name).read_bytes()))
    table = EXPECTED["fasttext" if name == "fasttext.vec" else "plain"]
    listed = {word: vector for word, vector in table.items() if word not in EXPECTED["others"]}
    E = blank(SPACES, dtype=dtype)
    placed = place_vectors(path, SPACES, E)
    found = 0
    for index in range(SPACES.vocab_size):
        vector = said_of(SPACES.token(index), listed)
        found += vector is not None
        np.testing.assert_allclose(E[index], [7] * 5 if vector is None else vector, rtol=1e-6)
    assert (placed.words, placed.found, placed.composed) == (SPACES.vocab_size, found, 0)
    assert found == 12
    assert f"12 of {SPACES.vocab_size} tokens found" in placed.said


def test_a_fasttext_model_also_has_vectors_of_words_that_it_does_not_list():
    E = blank(SPACES)
    placed = place_vectors(FOLDER / "fasttext.bin", SPACES, E)
    for index in range(SPACES.vocab_size):
        vector = said_of(SPACES.token(index), EXPECTED["fasttext"])
        np.testing.assert_allclose(E[index], vector, rtol=1e-5, atol=1e-7, err_msg=SPACES.token(index))
    assert (placed.found, placed.composed) == (12, 2)
    assert "a fastText model" in placed.said
    assert "2 made of their parts" in placed.said


def test_words_of_any_script_and_length_are_made_of_their_parts_as_fasttext_makes_them():
    words = CharTokenizer.from_text("x月\n")
    E = blank(words)
    place_vectors(FOLDER / "fasttext.bin", words, E)
    np.testing.assert_allclose(E[words.encode("x")[0]], EXPECTED["fasttext"]["x"], rtol=1e-5)
    model = fasttext.open_model(FOLDER / "fasttext.bin", {}, 5)
    for word in EXPECTED["others"]:
        ((_, vector, listed),) = fasttext.vectors(model, {word.encode(): 0})
        assert not listed
        np.testing.assert_allclose(vector, EXPECTED["fasttext"][word], rtol=1e-5, err_msg=word)
    assert list(fasttext.vectors(model, {b"x" * 5000: 0})) == []


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_words_are_looked_up_as_they_are_and_the_first_of_equal_ones_counts(tmp_path):
    path = write(tmp_path / "v", "3 2\nThe 1 2\nthe 3 4\nthe 5 6\n")
    words = WordTokenizer.from_text("the THE\n")
    E = blank(words, 2)
    assert place_vectors(path, words, E).found == 1
    assert E[words.encode("the")[0]].tolist() == [3, 4]
    assert E[words.encode("THE")[0]].tolist() == [7, 7]


def test_the_line_end_is_the_token_of_that_name_where_there_is_one(tmp_path):
    path = write(tmp_path / "v", "</s> 1 2\n<eos> 3 4\n<unk> 5 6\n")
    spaces = SpaceTokenizer.from_text("a\n")
    E = blank(spaces, 2)
    assert place_vectors(path, spaces, E).found == 2
    assert E[:2].tolist() == [[5, 6], [1, 2]]
    own = SpaceTokenizer.from_text("a </s>\n")
    E = blank(own, 2)
    assert place_vectors(path, own, E).found == 3
    assert (E[1].tolist(), E[own.encode("</s>")[0]].tolist()) == ([3, 4], [1, 2])


def test_glove_has_words_with_spaces_in_them_and_tabs_separate_too(tmp_path):
    path = write(tmp_path / "v", "a 1 2\n. . . 3 4\n. 5 6 \nb\t7\t8\n")
    spaces = SpaceTokenizer.from_text("a b .\n")
    E = blank(spaces, 2)
    assert place_vectors(path, spaces, E).found == 3
    assert [E[spaces.encode(word)[0]].tolist() for word in "ab."] == [[1, 2], [7, 8], [5, 6]]


def test_the_binary_format_may_end_each_entry_with_a_line_end(tmp_path):
    data = b"2 2\n" + b"".join(
        w + b" " + struct.pack("<2f", *v) + b"\n" for w, v in ((b"a", (1, 2)), (b"b", (3, 4)))
    )
    spaces = SpaceTokenizer.from_text("a b\n")
    E = blank(spaces, 2)
    assert place_vectors(write(tmp_path / "v", data), spaces, E).found == 2
    assert [E[spaces.encode(word)[0]].tolist() for word in "ab"] == [[1, 2], [3, 4]]


@given(
    entries=st.lists(
        st.tuples(
            st.sampled_from("abcde"), st.tuples(*[st.floats(-(2.0**90), 2.0**90, width=32)] * 3)
        ), min_size=1, max_size=9
    ),
    read=st.integers(1, 40),
)  # fmt: skip
def test_binary_entries_are_found_wherever_the_file_is_read_up_to(entries, read, tmp_path_factory):
    data = f"{len(entries)} 3\n".encode()
    data += b"".join(word.encode() + b" " + struct.pack("<3f", *vector) for word, vector in entries)
    found = vector_lists.Format("", True, len(entries), 3)
    path = write(tmp_path_factory.mktemp("v") / "v", data)
    with pytest.MonkeyPatch.context() as patched, path.open("rb") as file:
        patched.setattr(vector_lists, "LOOKED_AT", read)
        wanted = {letter.encode(): i for i, letter in enumerate("abcde")}
        got = [(i, v.tolist()) for i, v in vector_lists.read_binary(file, found, wanted, "")]
    assert got == [("abcde".index(word), list(vector)) for word, vector in entries]


def test_memory_does_not_grow_with_the_file(tmp_path):
    spaces = SpaceTokenizer.from_text("w7 w8 x\n")
    width, peaks = 20, []
    for count in (3000, 3000, 30_000):
        lines = [f"w{i} " + " ".join(["0.25"] * width) + "\n" for i in range(count)]
        binary = [f"w{i} ".encode() + bytes(4 * width) for i in range(count)]
        text = write(tmp_path / "text", f"{count} {width}\n" + "".join(lines))
        packed = write(tmp_path / "binary", f"{count} {width}\n".encode() + b"".join(binary))
        del lines, binary
        tracemalloc.start()
        for path in (text, packed):
            assert place_vectors(path, spaces, blank(spaces, width)).found == 2
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 3_000_000
    assert text.stat().st_size > 3_000_000


def model_bytes(**changes):
    """The stored model with other counts in its header."""
    data = bytearray((FOLDER / "fasttext.bin").read_bytes())
    places = {
        "magic": (0, "<I"), "version": (4, "<i"), "dim": (8, "<i"), "bucket": (40, "<i"), "minn": (44, "<i"),
        "maxn": (48, "<i"), "entries": (64, "<i"), "words": (68, "<i"), "labels": (72, "<i"),
        "pruned": (84, "<q"),
    }  # fmt: skip
    for name, value in changes.items():
        place, kind = places[name]
        struct.pack_into(kind, data, place, value)
    return bytes(data)


def with_quantised():
    data = bytearray(model_bytes())
    data[data.index(struct.pack("<qq", 52, 5)) - 1] = 1
    return bytes(data)


def with_rows(rows, columns=5):
    data = bytearray(model_bytes())
    struct.pack_into("<qq", data, data.index(struct.pack("<qq", 52, 5)), rows, columns)
    return bytes(data)


BIG = 2**31 - 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty: give a file of word vectors"),
        (b"\n", "no word vectors"),
        (b"one line of text\n", "no word vectors"),
        (b"\xff\xfe\x00\x01" * 9, "no word vectors"),
        (b"0 5\n", "no word vectors"),
        (b"5 0\n", "no word vectors"),
        (b"999999999999 5\nthe 1 2 3 4 5\n", "promises 999,999,999,999 words and has 1"),
        (b"999999999999 5\nthe \x00\x00", "would take more bytes"),
        (b"2 5\nthe 1 2 3 4 5\n", "promises 2 words and has 1"),
        (b"2 5\nthe " + bytes(20) + b"cat " + bytes(19), "promises 2 words and has 1"),
        (b"2 5\n" + b"x" * 5000 + bytes(80), "entry 1 does not begin with a word"),
        (b"a 1 2 3 4 5\nthe 1 2 3 4\n", "entry 2 is not a word and 5 numbers"),
        (b"a 1 2 3 4 5\nthe 1 2 x 4 5\n", "entry 2 is not a word and 5 numbers"),
        (b"a 1 2 3 4 5\nthe 1 2 nan 4 5\n", "a number that is not finite"),
        (b"a 1 2 3 4 5\nthe 1 2 1e99 4 5\n", "a number that is not finite"),
        (b"a 1 2 3 4 5\nthe 1 2 3 4 5" + b" " * 9999, "entry 2 does not end"),
        (b"zzz 1 2 3 4 5\n", "none of the 14 tokens"),
        (b"1 5\nthe " + struct.pack("<5f", 1, 2, float("inf"), 4, 5), "a number that is not finite"),
        (model_bytes()[:7], "header does not end"),
        (model_bytes()[:90], "header does not end"),
        (model_bytes()[:150], "list has . of 12 entries"),
        (model_bytes()[:1000], "vectors end before their 1,040 bytes"),
        (model_bytes(entries=BIG), "counts that cannot be"),
        (model_bytes(entries=BIG, words=BIG), "counts that cannot be"),
        (model_bytes(words=-1), "counts that cannot be"),
        (model_bytes(labels=-3, words=15), "counts that cannot be"),
        (model_bytes(dim=-5), "counts that cannot be"),
        (model_bytes(maxn=BIG), "counts that cannot be"),
        (model_bytes(bucket=-1), "counts that cannot be"),
        (model_bytes(bucket=41), "matrix is 52 x 5"),
        (model_bytes(entries=40, words=40), "does not end|cut short|matrix is|header does not end"),
        (with_rows(BIG), "matrix is"),
        (with_rows(-1), "matrix is"),
        (with_rows(52, 2**40), "matrix is"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused(data, says, tmp_path):
    with pytest.raises(DataError, match=says):
        place_vectors(write(tmp_path / "vectors", data), SPACES, blank(SPACES))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (model_bytes(version=99), "version 99"),
        (model_bytes(pruned=3), "pruned"),
        (with_quantised(), "quantised"),
        (model_bytes(dim=6), "vectors of 6 numbers, where embedding is 5: give --embedding 6"),
        (b"a 1 2\n", "vectors of 2 numbers, where embedding is 5: give --embedding 2"),
        (b"1 2\na \x00\x00\x00\x00\x01\x01\x01\x01", "vectors of 2 numbers, where embedding is 5"),
    ],
)
def test_files_that_do_not_fit_are_refused_also_before_training(data, says, tmp_path):
    path = write(tmp_path / "vectors", data)
    for ask in (lambda: place_vectors(path, SPACES, blank(SPACES)), lambda: check_vectors(path, 5)):
        with pytest.raises(ConfigError, match=says):
            ask()


def test_files_that_are_none(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match=r"no regular file|there is no file"):
            place_vectors(path, SPACES, blank(SPACES))
    with pytest.raises(DataError, match=r"cannot read"):
        place_vectors(write(tmp_path / "v.gz", b"\x1f\x8bxxxx"), SPACES, blank(SPACES))
    model = write(tmp_path / "m.gz", gzip.compress(model_bytes()))
    with pytest.raises(ConfigError, match=r"unpack it first"):
        place_vectors(model, SPACES, blank(SPACES))

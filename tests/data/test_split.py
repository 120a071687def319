"""Where a text is cut into parts."""

import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elman.data.sources import Source
from elman.data.split import check_split, split_by_fractions
from elman.errors import ConfigError, DataError


def make(*texts):
    data = [t if isinstance(t, bytes) else t.encode() for t in texts]
    return [Source(f"s{i}", io.BytesIO(d)) for i, d in enumerate(data)]


def cut(sources, split, cut_at):
    plan = split_by_fractions(sources, split, cut_at)
    return {
        name: [b"".join(s.source.read(s.start, s.stop, 5)) for s in segments]
        for name, segments in plan.items()
    }


def whole_of(parts):
    return b"".join(piece for pieces in parts.values() for piece in pieces)


splits = st.sampled_from(
    [(0.9, 0.05, 0.05), (0.5, 0.25, 0.25), (0.8, 0.2, 0.0), (0.7, 0.0, 0.3), (1.0, 0.0, 0.0)]
)
texts = st.lists(st.text("ab é明🙂\n\r\t", min_size=1, max_size=60), min_size=1, max_size=4)


@given(texts, splits, st.sampled_from(["character", "line"]))
def test_parts_are_contiguous_and_cut_no_character(texts, split, cut_at):
    sources = make(*texts)
    try:
        parts = cut(sources, split, cut_at)
    except DataError:
        assume(False)
    assert whole_of(parts) == "".join(texts).encode()
    assert list(parts) == [n for n, f in zip(["train", "valid", "test"], split, strict=True) if f]
    for pieces in parts.values():
        assert all(pieces)
        for piece in pieces:
            piece.decode()


@given(st.integers(20, 400), splits)
def test_fractions_of_plain_text_are_exact(size, split):
    parts = cut(make("x" * size), split, "character")
    fractions = [f for f in split if f]
    for (_, pieces), fraction in zip(parts.items(), fractions, strict=True):
        assert abs(sum(map(len, pieces)) - size * fraction) <= 1


def test_lines_are_kept_whole():
    lines = [f"line number {i}\n" for i in range(1000)]
    parts = cut(make("".join(lines)), (0.9, 0.05, 0.05), "line")
    for pieces in parts.values():
        assert all(line + "\n" in lines for line in b"".join(pieces).decode().splitlines())
    total = sum(map(len, lines))
    assert 0.9 * total <= len(whole_of({"train": parts["train"]})) < 0.9 * total + 20


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end(end):
    line = "word" + end
    for split in [(0.5, 0.5, 0.0), (0.51, 0.49, 0.0), (0.49, 0.51, 0.0), (0.53, 0.47, 0.0)]:
        parts = cut(make(line * 20), split, "line")
        assert all(b"".join(pieces).decode().replace(line, "") == "" for pieces in parts.values())


@pytest.mark.parametrize("cut_at", ["character", "line"])
def test_no_cut_falls_within_a_line_end_of_two_bytes(cut_at):
    for size in range(20, 60):
        parts = cut(make("\r\n" * size), (0.5, 0.25, 0.25), cut_at)
        assert all(pieces[0].startswith(b"\r") and pieces[0].endswith(b"\n") for pieces in parts.values())


def test_a_text_of_one_line_is_cut_at_white_space():
    parts = cut(make("word " * 100), (0.9, 0.05, 0.05), "line")
    assert all(pieces[0].replace(b"word ", b"") == b"" for pieces in parts.values())
    assert {k: len(v[0]) for k, v in parts.items()} == {"train": 450, "valid": 25, "test": 25}


def test_a_text_without_white_space_is_cut_between_characters():
    parts = cut(make("明" * 100), (0.905, 0.05, 0.045), "line")
    assert all(pieces[0].decode().strip("明") == "" for pieces in parts.values())


def test_a_cut_can_fall_on_the_end_of_a_file():
    parts = cut(make("a" * 90, "b" * 5, "c" * 5), (0.9, 0.05, 0.05), "line")
    assert parts == {"train": [b"a" * 90], "valid": [b"b" * 5], "test": [b"c" * 5]}
    parts = cut(make("a" * 92, "b" * 8), (0.9, 0.1, 0), "line")  # moved to the end of its line
    assert parts == {"train": [b"a" * 92], "valid": [b"b" * 8]}


def test_bytes_that_are_not_utf8_are_cut_all_the_same():
    parts = cut(make(b"\x80" * 100), (0.5, 0.5, 0), "character")
    assert 50 <= len(parts["train"][0]) <= 54


def test_a_text_too_short_to_split_is_told():
    for text in ("a", "ab", "abc"):
        with pytest.raises(DataError, match=r"part would have no text.*only \d bytes"):
            cut(make(text), (0.9, 0.05, 0.05), "character")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ((0.9, 0.1), "has 2 numbers"),
        ((0.9, 0.2, -0.1), "between 0 and 1"),
        ((1.5, 0, -0.5), "between 0 and 1"),
        ((90, 5, 5), "between 0 and 1"),
        ((0.9, 0.05, 0.06), "sums to 1.01"),
        ((0.5, 0.2, 0.2), "sums to 0.9"),
        ((float("nan"), 0.5, 0.5), "between 0 and 1"),
        ((0, 0, 0), "sums to 0"),
    ],
)
def test_fractions_that_are_none_are_refused(split, message):
    with pytest.raises(ConfigError, match=message):
        check_split(split)


def test_fractions_may_miss_one_by_a_millionth():
    assert check_split([1 / 3, 1 / 3, 1 / 3]) == (1 / 3, 1 / 3, 1 / 3)
    assert len(whole_of(cut(make("x" * 9999), (0.9, 0.1 - 5e-7, 0), "character"))) == 9999

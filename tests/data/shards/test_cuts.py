"""Where shards begin: every byte in one of them, and no token over a cut."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import BpeTokenizer, Text, WordTokenizer, open_sources
from elman.data import segments as segments_module
from elman.data.feeding import texts_of
from elman.data.shards.cuts import Place, aims, cuts_by_bytes, cuts_by_pieces, deal, settle
from elman.data.shards.plan import shards_of
from elman.data.split import Segment

letters = st.sampled_from([*"ab'明é \n\r.🙂", "\r\n", "<unk>"])
texts = st.lists(
    st.lists(letters, min_size=1, max_size=25).map("".join), min_size=1, max_size=4
)  # fmt: skip


def whole(sources):
    return [Segment(source, 0, source.size) for source in sources]


def bytes_of(segments, ranges):
    return [(r.segment, byte) for r in ranges for byte in range(r.start, r.stop)]


@given(texts, st.integers(1, 9), st.data())
def test_every_byte_is_in_one_shard_and_in_order(given, shards, data):
    with open_sources([Text(text) for text in given]) as sources:
        segments = whole(sources)
        aimed = aims(segments, shards)
        total = sum(source.size for source in sources)
        assert len(aimed) == min(shards, total) - 1
        cuts = {place: data.draw(st.sampled_from([None, place.byte])) for place in aimed}
        dealt = deal(segments, settle(segments, aimed, cuts))
    assert len(dealt) <= shards
    assert all(dealt)
    every = [(index, byte) for index, s in enumerate(segments) for byte in range(s.stop)]
    assert list(chain.from_iterable(bytes_of(segments, shard) for shard in dealt)) == every
    for shard in dealt:
        for r in shard:
            assert r.begins == (r.start == 0)
    if all(byte is not None for byte in cuts.values()) and shards <= total:
        sizes = [sum(r.stop - r.start for r in shard) for shard in dealt]
        assert max(sizes) - min(sizes) <= 1


@given(texts, st.data(), st.booleans())
def test_cuts_are_the_first_that_are_allowed(given, data, lines_only):
    text = "".join(given).encode()
    allowed = {
        "character": [
            at for at in range(1, len(text))
            if text[at] & 0xC0 != 0x80 and text[at - 1 : at + 1] != b"\r\n"
        ],
        "space": [at for at in range(1, len(text)) if text[at - 1 : at] in (b" ", b"\n")],
    }  # fmt: skip
    lines = [at for at in range(1, len(text)) if text[at - 1 : at] == b"\n"]
    with open_sources(Text(text.decode())) as sources:
        (segment,) = whole(sources)
        aimed = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=6)))
        aimed = [byte for byte in aimed if byte < len(text)]
        for restarts, places in allowed.items():
            found = cuts_by_bytes(segment, aimed, restarts, lines_only)
            places = lines if lines_only else places
            assert found == [next((at for at in places if at >= byte), None) for byte in aimed]


def test_a_byte_order_mark_and_long_stretches_are_not_cut(monkeypatch):
    with open_sources(Text("\ufeffab" + "x" * 200_000 + " y")) as sources:
        (segment,) = whole(sources)
        assert cuts_by_bytes(segment, [1, 2, 3, 4], "character", False) == [3, 3, 3, 4]
        assert cuts_by_bytes(segment, [10, 100_000], "space", False) == [200_006, 200_006]
        assert cuts_by_bytes(segment, [10, 100_000], "space", True) == [None, None]


@pytest.fixture(scope="module")
def short_segments():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments_module, "SEGMENT", 24)
        patch.setattr(segments_module, "AROUND", 6)
        yield


@pytest.fixture(scope="module")
def bpe():
    return BpeTokenizer.from_text("ab'明é \n.<unk>🙂 abab ab ba bab aa\n" * 9, max_vocab=270)


units = st.sampled_from(["a", "b", "ab", "ba", " ", "\n", "\r\n", "\r", "明", "🙂", "'"])
many = st.lists(units, min_size=40, max_size=250)


@given(many, st.lists(st.integers(1, 500), min_size=1, max_size=5), st.integers(1, 40), st.booleans())
def test_shards_of_pieces_are_the_pieces_of_the_whole(bpe, short_segments, given, aimed, chunk, lines_only):
    text = "".join(given)
    size = len(text.encode())
    aimed = sorted({byte for byte in aimed if byte < size})
    if aimed:
        check_pieces(bpe, text, aimed, chunk, lines_only)


def check_pieces(bpe, text, aimed, chunk, lines_only):
    """Hold the ids of shards to those of the whole; return where it was cut."""
    size = len(text.encode())
    with open_sources(Text(text)) as sources:
        (segment,) = whole(sources)
        ids = [i for piece in bpe.pieces(texts_of(segment, 1000)) for i in bpe.encode(piece).tolist()]
        found = cuts_by_pieces(segment, aimed, bpe, lines_only, chunk)
        assert len(found) == len(aimed)
        assert all(cut is None or aim <= cut < size for cut, aim in zip(found, aimed, strict=True))
        places = settle([segment], [Place(0, byte) for byte in aimed], {
            Place(0, byte): cut for byte, cut in zip(aimed, found, strict=True)
        })  # fmt: skip
        again = []
        for shard in deal([segment], places):
            for r in shard:
                stretch = Segment(segment.source, r.start, r.stop)
                again += [
                    i for piece in bpe.pieces(texts_of(stretch, chunk)) for i in bpe.encode(piece).tolist()
                ]
                if lines_only and r.stop < size:
                    assert text.encode()[r.stop - 1 : r.stop] in (b"\n", b"\r")
    assert again == ids
    return found


def test_no_shard_ends_in_a_run_that_is_cut_for_its_length_alone(short_segments):
    pairs = BpeTokenizer.from_text("abab abab\n" * 9, max_vocab=258)
    text = "b" + "ab" * 100 + " ab ab" * 30 + "b" + "ab" * 100  # every 24th character is within a token
    found = check_pieces(pairs, text, [60, 130, 220, 300, 400, 500], 17, False)
    assert found[0] == found[1] >= 201
    assert found[-1] is None


def test_pieces_are_cut_behind_line_ends_alone_where_documents_are_lines(bpe, short_segments):
    text = "ab ba " * 30 + "\r\n" + "ab ba " * 30
    with open_sources(Text(text)) as sources:
        (segment,) = whole(sources)
        anywhere = cuts_by_pieces(segment, [20, 100, 200, 300], bpe, False, 50)
        behind = cuts_by_pieces(segment, [20, 100, 200, 300], bpe, True, 50)
    assert None not in anywhere
    assert len(set(anywhere)) == 4
    assert behind in ([182, 182, None, None], [None] * 4)  # if a piece ends there
    words = "ab ba\n" * 40
    with open_sources(Text(words)) as sources:
        (segment,) = whole(sources)
        assert all(words[cut - 1] == "\n" for cut in cuts_by_pieces(segment, [20, 100], bpe, True, 50))


def test_pieces_are_cut_as_soon_as_that_is_possible(bpe, short_segments):
    text = "ab ba\r\n" * 100
    with open_sources(Text(text)) as sources:
        (segment,) = whole(sources)
        found = cuts_by_pieces(segment, [1, 300, 690], bpe, False, 50)
        words = WordTokenizer()
        assert cuts_by_pieces(segment, [3, 8], words, False, 5) == [3, 10]
    assert found[0] == found[0] // 7 * 7 > 0
    assert 300 <= found[1] < 300 + 60
    assert found[2] is None


def test_other_parts_have_shards_of_about_the_size_of_the_first():
    assert shards_of({"train": 1000, "valid": 1, "test": 120}, 10) == {"train": 10, "valid": 1, "test": 1}
    assert shards_of({"train": 300 << 20}, None) == {"train": 3}
    assert shards_of({"train": 5, "valid": 200 << 20}, None) == {"train": 1, "valid": 2}
    assert shards_of({"train": 5, "valid": 200 << 20}, 4) == {"train": 4, "valid": 4}

"""A text in shards is the text that one process encodes to one file a part, whatever the shards."""

from __future__ import annotations

import gzip
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import BpeTokenizer, Text, WordTokenizer, encode_corpus
from elman.data import segments as segments_module
from elman.data.listed import ListedWordTokenizer
from elman.data.shards import prepare_corpus
from elman.data.shards import tally as tally_module
from elman.data.shards import work as work_module
from elman.data.shards.stages import skips
from elman.data.shards.tally import add_up, read_tally, symbols_of, write_tally
from elman.data.writing import DocumentStarts
from elman.errors import ConfigError, ElmanError
from tests.small import sentences

from .conftest import assert_same_corpus, encoded

KINDS = ("char", "byte", "word", "space", "bpe")
DOCUMENTS = ("none", "file", "line", "blank")
LINES = "".join(f"line {i} says: don't — 明月 é{'!' * (i % 3)}\n{' ' * (i % 2)}\n" for i in range(60))
words = st.sampled_from(["a", "b", "the", "don't", "<unk>", "<eos>", "明月", "é", "İ", "\ufeff", "x" * 40])
spaces = st.sampled_from([" ", "  ", "\n", "\n\n", "\r\n", "\r", " \n \n", "\t", "\u00a0"])
text = st.lists(st.one_of(words, spaces), max_size=40).map("".join)


def outcome(function, *arguments, **named):
    """What a function returns, or what it raises of ours."""
    try:
        return function(*arguments, **named)
    except ElmanError as error:
        return error


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(
    texts=st.lists(text, min_size=1, max_size=3), shards=st.integers(1, 6), data=st.data(),
    documents=st.sampled_from(DOCUMENTS), limited=st.booleans(), chunk=st.integers(3, 60),
)  # fmt: skip
def test_ids_vocabulary_and_documents(kind, write, texts, shards, data, documents, limited, chunk):
    folder = write(["ab ba\nthe end\n", *(one for one in texts if one)])
    options = {"tokens": kind, "documents": documents, "chunk": chunk}
    if limited and kind != "byte":
        options |= {"max_vocab": 262 if kind == "bpe" else 6, "min_count": data.draw(st.integers(1, 2))}
    if limited and kind in ("word", "space"):
        options["lowercase"] = data.draw(st.booleans())
    options["split"] = data.draw(st.sampled_from([(1, 0, 0), (0.6, 0.2, 0.2), (0.5, 0, 0.5)]))
    one = outcome(encoded, folder, **options)
    if isinstance(one, Exception):
        same = outcome(prepare_corpus, folder / "in", folder / "out", shards=1, **options)
        assert (type(same), str(same)) == (type(one), str(one))
        assert not (folder / "out" / "index.json").exists()
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work_module, "SPILL", data.draw(st.sampled_from([1, 4, 1 << 19])))
        patch.setattr(tally_module, "WAYS", 2)
        several = outcome(prepare_corpus, folder / "in", folder / "out", shards=shards, **options)
        while isinstance(several, ConfigError) and shards > 1:
            assert "shards are too many" in str(several)
            assert not (folder / "out").exists()
            shards -= 1
            several = outcome(prepare_corpus, folder / "in", folder / "out", shards=shards, **options)
    assert_same_corpus(several, one)


@pytest.mark.parametrize(("kind", "shards"), [("word", 5), ("bpe", 3)])  # a piece of bpe tokens is long
def test_two_processes_do_what_one_does(kind, shards, write):
    folder = write([LINES, "\ufeff" + LINES[:700].replace("\n", "\r\n"), sentences(30)])
    one = encoded(folder, tokens=kind, documents="blank")
    two = prepare_corpus(
        folder / "in", folder / "out", tokens=kind, documents="blank", shards=shards, workers=2
    )
    assert_same_corpus(two, one)
    files = sorted(path.name for path in (folder / "out").iterdir())
    stems = [f"train-0000{number}-of-0000{shards}" for number in range(shards)]
    assert [name for name in files if name.startswith("train")] == [
        *(stem + ending for stem in stems for ending in (".ids", ".starts")), "train.counts",
    ]  # fmt: skip
    assert ".preparing" not in files


def test_parts_from_separate_texts_and_compressed_ones(write):
    folder = write([LINES, sentences(20), sentences(9)])
    with gzip.open(folder / "in" / "zz.txt.gz", "wb") as file:
        file.write(sentences(40).encode())
    paths = sorted((folder / "in").iterdir())
    sources = {"valid": paths[2], "train": [paths[0], paths[3]], "test": paths[1]}
    one = encode_corpus(sources, folder / "encoded", tokens="word", documents="line")
    several = prepare_corpus(sources, folder / "out", tokens="word", documents="line", shards=4)
    assert_same_corpus(several, one)
    assert several.parts["train"].tokens > several.parts["test"].tokens


@pytest.mark.parametrize("documents", ["none", "file"])
def test_a_tokenizer_that_was_given(write, documents, monkeypatch):
    monkeypatch.setattr(segments_module, "SEGMENT", 100)
    monkeypatch.setattr(segments_module, "AROUND", 16)
    folder = write([LINES, sentences(30)])
    for tokenizer in (WordTokenizer.from_text(LINES), BpeTokenizer.from_text(LINES, max_vocab=300)):
        options = {"tokenizer": tokenizer, "documents": documents, "split": (0, 0.5, 0.5)}
        one = encoded(folder, **options)
        several = prepare_corpus(folder / "in", folder / "out", shards=4, overwrite=True, **options)
        assert_same_corpus(several, one)
        assert several.given


def test_a_long_word_is_cut_as_in_one_piece(write):
    folder = write(["a " + "x" * 150_000 + " b " + "y" * 70_000 + "\nc d " + "z" * 10])
    for kind in ("word", "space", "char"):
        one = encoded(folder, tokens=kind, split=(1, 0, 0))
        several = prepare_corpus(
            folder / "in", folder / "out", tokens=kind, split=(1, 0, 0), shards=2, overwrite=True
        )
        assert_same_corpus(several, one)


@pytest.mark.parametrize(
    ("kind", "documents", "texts"),
    [
        ("word", "file", ["a b c d e", "   f g h i"]),
        ("word", "file", ["a b c d e", "        ", "    f g"]),
        ("char", "file", ["abcdefgh", "\ufeffijklmno"]),
        ("char", "blank", ["a\nb\nc\n\n\nd\ne\nf\n\ng\nh\n", "i\nj\nk\n"]),
    ],
)
def test_documents_of_texts_that_are_cut_anywhere(kind, documents, texts, write):
    folder = write(texts)
    options = {"tokens": kind, "documents": documents, "split": (1, 0, 0)}
    one = encoded(folder, **options)
    for shards in range(2, 8):
        several = prepare_corpus(folder / "in", folder / str(shards), shards=shards, **options)
        assert_same_corpus(several, one)


def test_more_symbols_than_two_bytes_can_number(write):
    folder = write(["".join(map(chr, range(0x10000, 0x10000 + 70_000)))])
    for most, shards in ((None, 2), (100, 1)):  # the final ids alone, or those before
        options = {"split": (1, 0, 0), "max_vocab": most}
        several = prepare_corpus(folder / "in", folder / str(shards), shards=shards, **options)
        assert_same_corpus(several, encoded(folder, **options))


def test_a_list_of_words_that_was_given(write):
    folder = write([LINES, sentences(30)])
    words = ListedWordTokenizer(["<unk>", "\n", "the", "cat", "says", ":", "line"])
    options = {"tokenizer": words, "documents": "line", "split": (0, 0.5, 0.5)}
    paths = iter(sorted((folder / "in").iterdir()))  # which are gone through once
    assert_same_corpus(prepare_corpus(paths, folder / "out", shards=4, **options), encoded(folder, **options))


layouts = st.lists(st.sampled_from([0, 1, 2, 2]), max_size=40)


def check_documents(sources, cuts_of, alone):
    """Find documents shard by shard, and as a whole.

    Parameters
    ----------
    sources : list of list of int
        What each token of each source is: text (0), space (1) or a line end (2).
    cuts_of : callable
        Which of the places behind line ends of a source are cuts.
    alone : callable
        Whether a source begins a shard.
    """
    finder, expected, offset = DocumentStarts("blank"), [], 0
    shards = [[]]  # of each the pieces: whether a source begins, and what its tokens are
    for source in sources:
        cuts = cuts_of([at + 1 for at, kind in enumerate(source) if kind == 2])
        finder.begin_source()
        for start, stop in zip([0, *cuts], [*cuts, len(source)], strict=True):
            piece = np.array(source[start:stop], np.uint8)
            if piece.size:
                expected += finder.find(offset, piece).tolist()
            offset += piece.size
            if start or alone():
                shards.append([])
            shards[-1].append((start == 0, piece))
    found, records, offset = [], [], 0
    for pieces in filter(None, shards):
        shard, starts, first = DocumentStarts("blank", continues=not pieces[0][0]), [], offset
        for begins, piece in pieces:
            if begins:
                shard.begin_source()
            if piece.size:
                starts += (shard.find(offset - first, piece) + first).tolist()
            offset += piece.size
        found.append(starts)
        records.append({"lines": {
            "begun": any(begins for begins, _ in pieces), "candidate": shard.candidate,
            "after_blank": shard.after_blank, "has_text": shard.has_text,
        }})  # fmt: skip
    kept = [starts[skip:] for starts, skip in zip(found, skips(records), strict=True)]
    assert [start for starts in kept for start in starts] == expected


@given(st.lists(layouts, min_size=1, max_size=3), st.data())
def test_documents_do_not_depend_on_the_cuts(sources, data):
    """What blank lines separate is found shard by shard, with the first of each decided from those before."""
    check_documents(
        sources,
        lambda ends: sorted(data.draw(st.sets(st.sampled_from(ends)))) if ends else [],
        lambda: data.draw(st.booleans()),
    )


@pytest.mark.parametrize(
    "source",
    [
        [0, 2, 2, 0],  # a shard without text between two with
        [2, 2, 0, 2, 0, 2, 2, 1, 2, 0],  # blank lines at the beginning separate nothing
        [0, 2, 1, 2, 1, 0, 2, 0, 2],
    ],
)
def test_documents_with_a_shard_for_every_line(source):
    check_documents([source], lambda ends: [end for end in ends if end < len(source)], lambda: True)
    check_documents([[0, 2], source], lambda ends: [end for end in ends if end > 1], lambda: False)


symbols = st.dictionaries(st.text("ab\\\nn é🙂 ", max_size=4), st.integers(0, 99), max_size=12)


@given(st.lists(symbols, min_size=1, max_size=7))
def test_tallies_add_up(tmp_path_factory, counted):
    folder, total = tmp_path_factory.mktemp("tallies"), Counter()
    paths = [folder / f"{number}.tally" for number in range(len(counted))]
    for path, counts in zip(paths, counted, strict=True):
        write_tally(path, list(counts), np.array(list(counts.values()), np.int64))
        again, numbers = symbols_of(path)
        assert dict(zip(again, numbers.tolist(), strict=True)) == counts
        assert again == list(counts)
        lines = [line.symbol for line in read_tally(path)]
        assert lines == sorted(lines)
        total.update(counts)
    for ways in (2, 3, 128):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tally_module, "WAYS", ways)
            sums = list(add_up(paths, folder))
        assert len(sums) == len(total)
        assert dict(sums) == dict(total)


def test_a_process_has_half_a_million_symbols_in_memory_and_no_more(write, monkeypatch):
    monkeypatch.setattr(work_module, "SPILL", 50)
    written = []
    real = write_tally
    monkeypatch.setattr(
        work_module, "write_tally", lambda path, s, counts: written.append(len(s)) or real(path, s, counts)
    )
    folder = write([" ".join(f"w{number % 700}" for number in range(3000))])
    several = prepare_corpus(
        folder / "in", folder / "out", tokens="word", split=(1, 0, 0), shards=2, chunk=64
    )
    assert several.tokenizer.vocab_size == 702
    assert len(written) > 20
    assert max(written) < 50 + 64
    assert_same_corpus(several, encoded(folder, tokens="word", split=(1, 0, 0)))


@pytest.mark.parametrize(
    ("given_sources", "says"),
    [
        ("-", "standard input cannot be prepared"),
        (Text("abc"), "a text in memory cannot be prepared"),
        ([], "no text was given"),
    ],
)
def test_what_can_be_read_only_once_is_refused(given_sources, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        prepare_corpus(given_sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()

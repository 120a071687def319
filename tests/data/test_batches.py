"""Parallel streams and windows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import Corpus, Part, Stream, Text, encode_corpus
from elman.data import batches as batches_module
from elman.errors import CheckpointError, ConfigError, DataError

sizes = st.tuples(st.integers(2, 120), st.integers(1, 6), st.integers(1, 9))


def make(tokens, batch, window, starts=None):
    return Stream(Part.from_ids(np.arange(tokens), starts), batch, window)


@given(sizes)
def test_rows_are_contiguous_and_each_window_continues_the_last(size):
    tokens, batch, window = size
    steps = (tokens - 1) // batch
    if steps < window:
        with pytest.raises(DataError):
            make(tokens, batch, window)
        return
    stream = make(tokens, batch, window)
    spans = list(stream.windows())
    assert stream.steps == steps
    assert len(stream) == len(spans)
    windows = [stream.window_at(*span) for span in spans]
    assert all(len(w.x) == window for w in windows[:-1])
    x, y = (np.concatenate([w[k] for w in windows]) for k in (0, 1))
    rows = np.arange(batch) * steps
    assert np.array_equal(x, np.arange(steps)[:, None] + rows)
    assert np.array_equal(y, x + 1)
    assert tokens - x.size <= batch  # one is only ever a target; fewer than `batch` are left over


def test_windows_are_arrays_of_their_own():
    stream = make(20, 3, 4)
    window = stream.window_at(1, 3)
    assert window.reset is None
    for array in (window.x, window.y):
        assert array.shape == (2, 3)
        assert array.dtype == np.intp
        assert array.flags.c_contiguous
        array[:] = 99
    assert stream.window_at(1, 3).x[0].tolist() == [1, 7, 13]


def test_any_window_can_be_had_at_any_time():
    stream = make(101, 4, 7)
    in_order = [stream.window_at(*span).x for span in stream.windows()]
    for k in reversed(range(len(stream))):
        assert np.array_equal(stream.window_at(*list(stream.windows())[k]).x, in_order[k])
    assert list(stream.windows(first=14)) == list(stream.windows())[2:]
    assert list(stream.windows(first=stream.steps)) == []


@given(sizes, st.sets(st.integers(0, 119)))
def test_resets_are_where_documents_start(size, starts):
    tokens, batch, window = size
    starts = sorted(s for s in starts if s < tokens)
    if (tokens - 1) // batch < window:
        return
    stream = make(tokens, batch, window, starts)
    for span in stream.windows():
        got = stream.window_at(*span)
        expected = np.isin(got.x, starts)  # the ids are their own offsets
        assert (got.reset is None) == (not expected.any())
        if got.reset is not None:
            assert got.reset.dtype == bool
            assert np.array_equal(got.reset, expected)


def test_documents_of_an_encoded_text(tmp_path):
    corpus = encode_corpus({"train": Text("ab\ncd\nefg\n")}, tmp_path, documents="line")
    window = Stream(corpus.parts["train"], 1, 9).window_at(0, 9)
    assert np.flatnonzero(window.reset[:, 0]).tolist() == [0, 3, 6]
    assert corpus.tokenizer.decode(window.x[:, 0]) == "ab\ncd\nefg"
    assert corpus.tokenizer.decode(window.y[:, 0]) == "b\ncd\nefg\n"


def test_memory_is_released_as_the_text_is_read(tmp_path, monkeypatch):
    part = encode_corpus({"train": Text("ab" * 5000)}, tmp_path).parts["train"]
    released = []
    monkeypatch.setattr(Part, "release", lambda self: released.append(self))
    monkeypatch.setattr(batches_module, "_RELEASE_EVERY", 4000)
    stream = Stream(part, 2, 100)
    for span in stream.windows():
        stream.window_at(*span)
    assert (
        len(released) == 4
    )  # a window has 400 bytes of ids: once in ten of the 50 windows, the last shorter


@pytest.mark.parametrize(("batch", "window"), [(0, 5), (-1, 5), (5, 0), (5, -2)])
def test_sizes_below_one_are_refused(batch, window):
    with pytest.raises(ConfigError, match=r"(batch|window) is -?\d: give at least 1"):
        make(100, batch, window)


@pytest.mark.parametrize(
    ("tokens", "batch", "window", "message"),
    [
        (100, 50, 50, "100 tokens, too few .* a batch of at most 1, or a window of at most 1"),
        (100, 200, 10, "a batch of at most 9$"),
        (100, 4, 200, "a window of at most 24$"),
        (100, 200, 200, "whose product is at most 99"),
        (1, 1, 1, "has 1 token: give at least 2"),
    ],
)
def test_a_text_too_short_is_told_with_what_would_fit(tokens, batch, window, message):
    with pytest.raises(DataError, match=message):
        make(tokens, batch, window)


@given(sizes)
def test_what_is_said_to_fit_fits_and_no_more(size):
    tokens, batch, window = size
    pairs = tokens - 1
    if pairs // batch >= window:
        return
    for fitting, larger in [
        ((pairs // window, window), (pairs // window + 1, window)),
        ((batch, pairs // batch), (batch, pairs // batch + 1)),
    ]:
        if all(fitting):
            make(tokens, *fitting)
        with pytest.raises(DataError):
            make(tokens, *larger)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (5, 4), (0, 34), (33, 34)])
def test_steps_that_are_none_are_refused(start, stop):
    with pytest.raises(ConfigError, match=r"a row has steps 0 to 33"):
        make(100, 3, 5).window_at(start, stop)


def read(stream):
    for start, stop in stream.windows():
        stream.window_at(start, stop)


@pytest.fixture
def on_disk(tmp_path):
    """A text of four tokens, one a line, in a folder, as documents of a line each."""
    text = Text("abc\n" * 50)
    return encode_corpus(text, tmp_path / "c", split=(1, 0, 0), documents="line").folder


@pytest.mark.parametrize("place", [0, 77, 199, 200])  # 200 is read as a target alone
def test_an_id_outside_the_vocabulary_names_the_file(on_disk, place):
    path = on_disk / "train.ids"
    ids = np.fromfile(path, "<u2")
    ids = np.append(ids, ids[0])  # a token more, so that 4 rows of 50 are all of it
    ids[place] = 5
    part = replace(Corpus.open(on_disk).parts["train"], ids=ids)
    stream = Stream(part, batch=4, window=10)
    with pytest.raises(CheckpointError, match=r"train\.ids is damaged: it holds token id 5, .* 0 to 4"):
        read(stream)


@pytest.mark.parametrize("offsets", [[0, 90, 40, 60], [0, 8, 2**40, 12], [2**40, 3, 2, 1]])
def test_offsets_that_are_out_of_order_name_the_file(on_disk, offsets):
    path = on_disk / "train.starts"
    starts = np.fromfile(path, "<u8")
    starts[: len(offsets)] = offsets
    starts.tofile(path)
    stream = Stream(Corpus.open(on_disk).parts["train"], batch=2, window=5)
    with pytest.raises(CheckpointError, match=r"train\.starts is damaged"):
        read(stream)

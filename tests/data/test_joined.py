"""Many files read as one array, and streams over them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import Part, Stream
from elman.data import joined as joined_module
from elman.data.joined import JoinedArray, JoinedStarts
from elman.errors import CheckpointError, ConfigError


def joined(folder, ids, cuts):
    """Ids in files of a folder, cut at some places."""
    bounds = [0, *sorted(cuts), len(ids)]
    paths = []
    for number, (start, stop) in enumerate(pairwise(bounds)):
        paths.append(folder / f"{number}.ids")
        np.asarray(ids[start:stop], "<u2").tofile(paths[-1])
    return JoinedArray(paths, np.diff(bounds).tolist(), np.dtype("<u2"), "make it again")


def joined_starts(folder, starts, tokens, cuts):
    bounds = [0, *sorted(cuts), tokens]
    paths, sizes = [], []
    for number, (start, stop) in enumerate(pairwise(bounds)):
        own = [s - start for s in starts if start <= s < stop]
        paths.append(folder / f"{number}.starts")
        np.asarray(own, "<u8").tofile(paths[-1])
        sizes.append(len(own))
    return JoinedStarts(paths, sizes, np.dtype("<u8"), "make it again", np.diff(bounds).tolist())


def part_of(folder, ids, cuts, starts=None):
    """A part in files, as that of a text in shards."""
    found = joined(folder, ids, cuts)
    where = None if starts is None else joined_starts(folder, starts, len(ids), cuts)
    return Part("train", found, len(ids), len(ids), 0, where, None, folder)


@given(tokens=st.integers(0, 60), data=st.data())
def test_it_is_the_array_that_was_cut(tmp_path_factory, tokens, data):
    cuts = data.draw(st.lists(st.integers(0, tokens), max_size=5))
    whole = np.arange(tokens)
    found = joined(tmp_path_factory.mktemp("ids"), whole, cuts)
    assert (found.size, len(found), found.itemsize) == (tokens, tokens, 2)
    bound = st.one_of(st.none(), st.integers(-70, 70))
    for start, stop in data.draw(st.lists(st.tuples(bound, bound), max_size=9)):
        assert found[start:stop].tolist() == whole[start:stop].tolist()
        assert found[start:stop].dtype == np.dtype("<u2")
    if tokens:
        places = np.array(data.draw(st.lists(st.integers(0, tokens - 1), min_size=1, max_size=8)))
        assert found[places].tolist() == places.tolist()
        assert int(found[int(places[0])]) == places[0]
    with pytest.raises(IndexError, match="not in steps of 2"):
        found[::2]


@given(tokens=st.integers(1, 50), data=st.data())
def test_starts_are_those_of_the_whole(tmp_path_factory, tokens, data):
    cuts = data.draw(st.lists(st.integers(0, tokens), max_size=5))
    starts = sorted(data.draw(st.sets(st.integers(0, tokens - 1))))
    found = joined_starts(tmp_path_factory.mktemp("starts"), starts, tokens, cuts)
    assert found[:].tolist() == starts
    keys = np.arange(tokens + 2, dtype=np.uint64).reshape(-1, 1)
    assert found.searchsorted(keys).tolist() == np.searchsorted(starts, keys).tolist()
    assert int(found.searchsorted(np.uint64(tokens))) == len(starts)
    every = np.arange(len(starts))
    assert found[every].tolist() == starts


def test_a_file_is_mapped_when_it_is_read(tmp_path):
    found = joined(tmp_path, np.arange(100), [10, 10, 50, 90])  # the second is empty
    assert found.opened == []
    assert found[20:49].size == 29
    assert found.opened == [2]
    found.open(49, 51)
    assert found.opened == [2, 3]
    found.release()
    assert found[45:95].tolist() == list(range(45, 95))
    (tmp_path / "0.ids").unlink()
    with pytest.raises(CheckpointError, match=r"cannot read .*0.ids .No such file.*: make it again"):
        found[9]
    (tmp_path / "0.ids").write_bytes(b"xxx")
    with pytest.raises(CheckpointError, match=r"0.ids has 3 bytes where 20 were expected: make it again"):
        found.open(0, 1)


def test_no_more_than_some_files_are_open(tmp_path, monkeypatch):
    monkeypatch.setattr(joined_module, "MOST_OPEN", 3)
    found = joined(tmp_path, np.arange(100), range(10, 100, 10))
    held = found[5:95]
    assert found.opened == [7, 8, 9]
    for place in (3, 99, 50):
        view = found[place : place + 1]
        assert view.tolist() == [place]
        assert len(found.opened) == 3
    assert held.tolist() == list(range(5, 95))


sizes = st.tuples(st.integers(2, 90), st.integers(1, 6), st.integers(1, 9))


@given(size=sizes, cuts=st.lists(st.integers(0, 90), max_size=6), data=st.data())
def test_windows_are_those_of_one_file(tmp_path_factory, size, cuts, data):
    tokens, batch, window = size
    if (tokens - 1) // batch < window:
        return
    ids, folder = np.arange(tokens)[::-1], tmp_path_factory.mktemp("parts")
    starts = sorted(data.draw(st.sets(st.integers(0, tokens - 1)))) if data.draw(st.booleans()) else None
    cut = part_of(folder, ids, [min(place, tokens) for place in cuts], starts)
    first = data.draw(st.integers(0, batch - 1))
    rows = slice(first, data.draw(st.integers(first + 1, batch)))
    whole = Stream(Part.from_ids(ids, starts), batch, window)
    for stream in (Stream(cut, batch, window, rows), Stream(Part.from_ids(ids, starts), batch, window, rows)):
        assert (stream.steps, len(stream), stream.rows) == (whole.steps, len(whole), rows)
        for span in whole.windows():
            expected, found = whole.window_at(*span), stream.window_at(*span)
            for a, b in zip(found[:2], expected[:2], strict=True):
                assert (a.dtype, a.flags.c_contiguous) == (np.intp, True)
                assert np.array_equal(a, b[:, rows])
            reset = None if expected.reset is None else expected.reset[:, rows]
            if reset is None or not reset.any():
                assert found.reset is None
            else:
                assert np.array_equal(found.reset, reset)


def test_only_the_files_of_the_rows_are_touched(tmp_path):
    part = part_of(tmp_path, np.arange(81), range(10, 80, 10), starts=range(0, 81, 3))  # 8 rows of 10
    for number in (0, 1, 2, 5, 6, 7):
        (tmp_path / f"{number}.ids").unlink()
        (tmp_path / f"{number}.starts").unlink()
    stream = Stream(part, 8, 5, rows=slice(3, 4))
    assert part.ids.opened == [3, 4]  # of the last only one token, to be predicted
    for span in stream.windows():
        assert stream.window_at(*span).reset.any()
    assert part.ids.opened == [3, 4]
    assert part.starts.opened == [3]
    with pytest.raises(CheckpointError, match=r"cannot read .*5.ids"):
        Stream(part, 8, 5, rows=slice(3, 5))
    with pytest.raises(CheckpointError, match=r"cannot read .*0.ids"):
        Stream(part, 8, 5)


@pytest.mark.parametrize("rows", [slice(2, 2), slice(3, 2), slice(-1, 2), slice(0, 5), slice(4, 9)])
def test_rows_that_are_none_are_refused(rows):
    with pytest.raises(ConfigError, match=r"rows -?\d to \d were asked for: there are rows 0 to 4"):
        Stream(Part.from_ids(range(50)), 4, 5, rows)


@pytest.mark.parametrize("rows", [slice(0, 4, 2), slice(None), slice(1, None), slice(0, "x")])
def test_rows_without_bounds_are_refused(rows):
    with pytest.raises(ConfigError, match="give the first row and the one after the last"):
        Stream(Part.from_ids(range(50)), 4, 5, rows)


def test_damage_names_the_kind_of_file_and_how_to_find_it(tmp_path):
    part = part_of(tmp_path, [1, 2, 3], [2], starts=[0])
    message = r"a file train-\*.starts in .* is damaged: it is short; elman data check .* says which"
    with pytest.raises(CheckpointError, match=message):
        raise part.damaged("starts", "it is short")

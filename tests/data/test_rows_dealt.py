"""Rows dealt to several readers, and dealt anew in the middle of an epoch: no token twice, none left out."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import Part, Stream
from elman.training.shares import split_rows

from .test_joined import part_of


def dealings(batch, data):
    """Rows cut into shares for so many ranks: as they are cut in training, or anyhow."""
    ranks = data.draw(st.integers(1, batch))
    if data.draw(st.booleans()):
        return split_rows(batch, ranks)
    cuts = data.draw(st.sets(st.integers(1, batch - 1), max_size=ranks - 1)) if batch > 1 else set()
    return [slice(start, stop) for start, stop in pairwise([0, *sorted(cuts), batch])]


def read(streams, first, stop):
    """What each of some streams reads from a step to another, by the windows of an epoch: (B, steps) each."""
    x, y = [], []
    for stream in streams:
        spans = [span for span in stream.windows(first) if span[0] < stop]
        windows = [stream.window_at(*span) for span in spans]
        empty = np.empty((0, stream.rows.stop - stream.rows.start), np.intp)
        x.append(np.concatenate([empty, *(w.x for w in windows)]).T)
        y.append(np.concatenate([empty, *(w.y for w in windows)]).T)
    return np.concatenate(x), np.concatenate(y)


@settings(max_examples=60)
@given(st.integers(2, 300), st.integers(1, 12), st.integers(1, 20), st.data())
def test_no_token_is_repeated_or_left_out_when_the_ranks_change(
    tmp_path_factory, tokens, batch, window, data
):
    if (tokens - 1) // batch < window:
        return
    if data.draw(st.booleans()):
        cuts = data.draw(st.lists(st.integers(0, tokens), max_size=6))
        part = part_of(tmp_path_factory.mktemp("shards"), np.arange(tokens), cuts)
    else:
        part = Part.from_ids(np.arange(tokens))  # a token is its own place in the text
    before, after = ([Stream(part, batch, window, rows) for rows in dealings(batch, data)] for _ in range(2))
    steps = before[0].steps
    position = data.draw(st.sampled_from([*range(0, steps, window), steps]))  # where an epoch is interrupted
    first, second = read(before, 0, position), read(after, position, steps)
    x, y = (np.concatenate(both, axis=1) for both in zip(first, second, strict=True))
    # Every row is a stretch of the text, read from its first token to its last, once.
    rows = np.arange(batch * steps).reshape(batch, steps)
    assert np.array_equal(x, rows)
    assert np.array_equal(y, rows + 1)
    assert np.bincount(x.ravel(), minlength=tokens).tolist() == [1] * (batch * steps) + [0] * (
        tokens - batch * steps
    )
    # And it is what one reader reads, who is not interrupted.
    whole = read([Stream(part, batch, window)], 0, steps)
    assert np.array_equal(x, whole[0])
    assert np.array_equal(y, whole[1])

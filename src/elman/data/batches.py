"""Parallel streams through a text, and the windows cut from them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.data.joined import JoinedArray
from elman.data.part import Part
from elman.errors import CheckpointError, ConfigError, DataError

_RELEASE_EVERY = 8 << 20  # bytes of ids read between two releases of mapped memory


class Window(NamedTuple):
    """`T` steps of `B` parallel streams, time-major.

    Attributes
    ----------
    x : ndarray of intp, shape (T, B)
        The tokens read.
    y : ndarray of intp, shape (T, B)
        The tokens to predict: the next one of each.
    reset : ndarray of bool, shape (T, B), or None
        True where ``x[t, b]`` is the first token of a document, so that the state is forgotten before it.
        None where no document starts in the window.
    """

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    reset: NDArray[np.bool_] | None

    def anew(self) -> "Window":
        """Return the same window with every row begun anew at its first step.

        Returns
        -------
        Window
            With resets of its own.

        Examples
        --------
        >>> tokens = np.zeros((2, 3), np.intp)
        >>> Window(tokens, tokens, None).anew().reset
        array([[ True,  True,  True],
               [False, False, False]])
        """
        reset = np.zeros(self.x.shape, np.bool_) if self.reset is None else self.reset.copy()
        reset[0] = True
        return self._replace(reset=reset)


class Stream:
    r"""A text as `B` parallel streams, read in windows of `T` steps.

    A text of `N` tokens gives each row :math:`S = \lfloor (N - 1) / B \rfloor` steps: row `i` reads the
    tokens `iS` to `(i + 1)S - 1` and predicts those one further. Row `i` of a window continues row `i` of
    the window before, so that the state is carried. The tokens after row `B - 1` (fewer than `B`) are left
    out of an epoch; no other is. The target of the last token of a document is the first token of the next.

    Nothing is kept between calls but a count for the release of memory: any window can be had at any time.

    Parameters
    ----------
    part : Part
        The text.
    batch : int
        `B`, the number of rows.
    window : int
        `T`, the number of steps in a window; the last of an epoch may have fewer.
    rows : slice, optional
        Which of the `B` rows windows have: those that one of several processes reads, while the others read
        the rest. By default all. Rows are the same stretches of the text whoever reads them, so that at any
        step others may take them over. Of a text in shards only the files that hold these rows are touched.

    Raises
    ------
    ConfigError
        Where `batch` or `window` is below 1, or `rows` are not some of the rows.
    DataError
        Where the text is too short for one window.
    CheckpointError
        Where a file that holds the rows is missing, or not of its size.

    Examples
    --------
    >>> stream = Stream(Part.from_ids(range(12)), batch=2, window=3)
    >>> stream.steps, len(stream), list(stream.windows())
    (5, 2, [(0, 3), (3, 5)])
    >>> stream.window_at(0, 3).x
    array([[0, 5],
           [1, 6],
           [2, 7]])
    >>> Stream(stream.part, batch=2, window=3, rows=slice(1, 2)).window_at(0, 3).x.T
    array([[5, 6, 7]])
    """

    def __init__(self, part: Part, batch: int, window: int, rows: slice | None = None) -> None:
        for name, value in (("batch", batch), ("window", window)):
            if value < 1:
                raise ConfigError(f"{name} is {value}: give at least 1")
        self.part, self.batch, self.window = part, batch, window
        self.steps = (part.tokens - 1) // batch
        if self.steps < window:
            raise DataError(_too_short(part, batch, window))
        self.rows = _check_rows(rows, batch)
        # Where each row begins in the text: (rows,).
        self._origins = np.arange(self.rows.start, self.rows.stop, dtype=np.int64) * self.steps
        first, stop = int(self._origins[0]), int(self._origins[-1]) + self.steps
        part.require(first, stop + 1)
        ids, shape = part.ids, (len(self._origins), self.steps)
        # Views (rows, S) of one file: the tokens read, and those one further. None of a text in shards.
        self._shifted = None if isinstance(ids, JoinedArray) else (
            ids[first:stop].reshape(shape), ids[first + 1 : stop + 1].reshape(shape)
        )  # fmt: skip
        self._unreleased = 0

    def __len__(self) -> int:
        """How many windows an epoch has."""
        return -(-self.steps // self.window)

    def windows(self, first: int = 0) -> Iterator[tuple[int, int]]:
        """The windows of one epoch in order, as pairs of the first step and the step after the last.

        Parameters
        ----------
        first : int
            The step to begin at, for training that goes on within an epoch.

        Yields
        ------
        start, stop : int
            For `window_at`.
        """
        for start in range(first, self.steps, self.window):
            yield start, min(start + self.window, self.steps)

    def window_at(self, start: int, stop: int) -> Window:
        """Steps `start` to `stop` of every row.

        Parameters
        ----------
        start, stop : int
            ``0 <= start < stop <= steps``.

        Returns
        -------
        Window
            Arrays of shape ``(stop - start, B)``, or as many columns as there are `rows`; the caller's own.

        Raises
        ------
        ConfigError
            Where there are no such steps.
        CheckpointError
            Where the file of the text is damaged: an id is outside the vocabulary, or a document starts
            outside the text.
        """
        if not 0 <= start < stop <= self.steps:
            raise ConfigError(f"steps {start} to {stop} were asked for: a row has steps 0 to {self.steps}")
        x, y = self._read(start, stop)
        self.part.check(x)
        self.part.check(y[-1])  # the other targets are read in x too
        reset = self._resets(start, stop)
        self._unreleased += x.size * self.part.ids.itemsize
        if self._unreleased >= _RELEASE_EVERY:
            self.part.release()
            self._unreleased = 0
        return Window(x, y, reset)

    def _read(self, start: int, stop: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The tokens of some steps, and those one further, (T, B) each."""
        if self._shifted is not None:
            x, y = (np.array(rows[:, start:stop].T, np.intp, order="C") for rows in self._shifted)
            return x, y
        block = np.empty((len(self._origins), stop - start + 1), np.intp)
        for row, origin in zip(block, self._origins.tolist(), strict=True):
            row[:] = self.part.ids[origin + start : origin + stop + 1]
        return np.ascontiguousarray(block[:, :-1].T), np.ascontiguousarray(block[:, 1:].T)

    def _resets(self, start: int, stop: int) -> NDArray[np.bool_] | None:
        """Where documents start in a window, shape (T, B), or None where none does."""
        starts = self.part.starts
        if starts is None:
            return None
        origin = self._origins.astype(np.uint64)  # (B,)
        # Keys of the type of `starts`: of any other, NumPy would convert the whole of a mapped file.
        low = starts.searchsorted(origin + np.uint64(start))  # (B,)
        count = starts.searchsorted(origin + np.uint64(stop)) - low  # (B,): documents that start in each row
        if not count.any():
            return None
        if int(count.min()) < 0:
            raise self._damaged()
        row = np.repeat(np.arange(origin.size), count)  # (starts in the window,)
        nth = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
        step = (starts[low[row] + nth] - origin[row]).astype(np.intp) - start
        if int(step.min()) < 0 or int(step.max()) >= stop - start:
            raise self._damaged()
        reset = np.zeros((stop - start, origin.size), bool)
        reset[step, row] = True
        return reset

    def _damaged(self) -> CheckpointError:
        return self.part.damaged("starts", "its offsets are not ascending")


def _check_rows(rows: slice | None, batch: int) -> slice:
    if rows is None:
        return slice(0, batch)
    start, stop, step = rows.start, rows.stop, rows.step
    if step not in (None, 1) or not isinstance(start, int) or not isinstance(stop, int):
        raise ConfigError(f"rows is {rows}: give the first row and the one after the last")
    if not 0 <= start < stop <= batch:
        raise ConfigError(f"rows {start} to {stop} were asked for: there are rows 0 to {batch}")
    return slice(start, stop)


def _too_short(part: Part, batch: int, window: int) -> str:
    pairs = max(part.tokens - 1, 0)
    most_rows, most_steps = pairs // window, pairs // batch
    if pairs == 0:
        return (
            f"the {part.name} text has {part.tokens} token: give at least 2, to read one and predict the next"
        )
    ways = [f"a batch of at most {most_rows}"] if most_rows else []
    ways += [f"a window of at most {most_steps}"] if most_steps else []
    if not ways:
        ways = [f"a batch and a window whose product is at most {pairs}"]
    return (
        f"the {part.name} text has {part.tokens:,} tokens, too few for a batch of {batch} and "
        f"a window of {window}: give a longer text, or {', or '.join(ways)}"
    )

"""Parallel streams through a text, and the windows cut from them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.data.corpus import Part
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

    def rows(self, some: slice) -> "Window":
        """Return some of the rows.

        Parameters
        ----------
        some : slice

        Returns
        -------
        Window
            The same, where these are all.

        Examples
        --------
        >>> tokens = np.arange(6).reshape(2, 3)
        >>> Window(tokens, tokens, None).rows(slice(1, 3)).x
        array([[1, 2],
               [4, 5]])
        """
        if some == slice(0, self.x.shape[1]):
            return self
        reset = None if self.reset is None else np.ascontiguousarray(self.reset[:, some])
        return Window(np.ascontiguousarray(self.x[:, some]), np.ascontiguousarray(self.y[:, some]), reset)


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

    Raises
    ------
    ConfigError
        Where `batch` or `window` is below 1.
    DataError
        Where the text is too short for one window.

    Examples
    --------
    >>> stream = Stream(Part.from_ids(range(12)), batch=2, window=3)
    >>> stream.steps, len(stream), list(stream.windows())
    (5, 2, [(0, 3), (3, 5)])
    >>> stream.window_at(0, 3).x
    array([[0, 5],
           [1, 6],
           [2, 7]])
    """

    def __init__(self, part: Part, batch: int, window: int) -> None:
        for name, value in (("batch", batch), ("window", window)):
            if value < 1:
                raise ConfigError(f"{name} is {value}: give at least 1")
        self.part, self.batch, self.window = part, batch, window
        self.steps = (part.tokens - 1) // batch
        if self.steps < window:
            raise DataError(_too_short(part, batch, window))
        # (2, B, S), a view: the tokens read, and those one further
        shifted = [part.ids[k : k + batch * self.steps].reshape(batch, self.steps) for k in (0, 1)]
        self._x, self._y = shifted
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
            Arrays of shape ``(stop - start, B)``, the caller's own.

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
        x, y = (np.array(rows[:, start:stop].T, np.intp, order="C") for rows in (self._x, self._y))
        self.part.check(x)
        self.part.check(y[-1])  # the other targets are read in x too
        reset = self._resets(start, stop)
        self._unreleased += x.size * self.part.ids.itemsize
        if self._unreleased >= _RELEASE_EVERY:
            self.part.release()
            self._unreleased = 0
        return Window(x, y, reset)

    def _resets(self, start: int, stop: int) -> NDArray[np.bool_] | None:
        """Where documents start in a window, shape (T, B), or None where none does."""
        starts = self.part.starts
        if starts is None:
            return None
        origin = np.arange(self.batch, dtype=np.uint64) * np.uint64(self.steps)  # (B,): where each row begins
        # Keys of the type of `starts`: of any other, NumPy would convert the whole of a mapped file.
        low = np.searchsorted(starts, origin + np.uint64(start))  # (B,)
        count = (
            np.searchsorted(starts, origin + np.uint64(stop)) - low
        )  # (B,): documents that start in each row
        if not count.any():
            return None
        if int(count.min()) < 0:
            raise self._damaged()
        row = np.repeat(np.arange(self.batch), count)  # (starts in the window,)
        nth = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
        step = (starts[low[row] + nth] - origin[row]).astype(np.intp) - start
        if int(step.min()) < 0 or int(step.max()) >= stop - start:
            raise self._damaged()
        reset = np.zeros((stop - start, self.batch), bool)
        reset[step, row] = True
        return reset

    def _damaged(self) -> CheckpointError:
        path = self.part.path.with_suffix(".starts") if self.part.path else self.part.name
        return CheckpointError(f"{path} is damaged: its offsets are not ascending; encode the text again")


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

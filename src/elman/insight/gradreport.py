"""What a gradient check found: an entry for each array, and a table of them."""

from dataclasses import dataclass

import numpy as np

from elman.errors import ElmanError
from elman.typing import Floats


@dataclass(frozen=True)
class Entry:
    """One compared number: a derivative by one element, or along one direction.

    Attributes
    ----------
    index : tuple of int
        The element, or (i,) for the i-th random direction.
    analytic, numeric : float
        The derivative given, and the one that central differences found.
    error : float
        `|analytic - numeric|`, relative to the larger of the two together and the typical size in the array.
    """

    index: tuple[int, ...]
    analytic: float
    numeric: float
    error: float


@dataclass(frozen=True)
class ArrayReport:
    """The check of one array.

    Attributes
    ----------
    name, shape
        The array; "(all arrays)" stands for random directions through all of them at once.
    compared : int
        How many derivatives were compared.
    error : float
        `||a - n|| / (||a|| + ||n||)` over them, 0 where both are zero.
    worst : Entry or None
        The one with the largest error of its own; None where nothing was compared.
    note : str
        What a reader should know: "zero" (both exactly), "below noise" (no larger than what central
        differences can tell from zero), "not finite", "not repeatable", "empty", or "".
    passed : bool
        Whether both errors are finite and within the tolerance.
    """

    name: str
    shape: tuple[int, ...]
    compared: int
    error: float
    worst: Entry | None
    note: str
    passed: bool


@dataclass(frozen=True)
class GradcheckReport:
    """The result of `gradcheck`; `str(report)` is a table in plain text.

    Attributes
    ----------
    arrays : tuple of ArrayReport
        One for each array, in the order given.
    problems : tuple of str
        What is wrong with the function as a whole: not repeatable, changes its arguments, not finite.
    value : float
        The function's value at the point checked.
    tolerance : float
        The largest relative error that passes.
    method : str
        How the numeric derivatives were taken.

    Examples
    --------
    >>> import elman, numpy as np
    >>> report = elman.gradcheck(lambda p: (float(p["x"] ** 3), {"x": 2.0 * p["x"]}), {"x": np.array(2.0)})
    >>> report.passed, report.failed, round(report["x"].worst.numeric, 3)
    (False, ('x',), 12.0)
    """

    arrays: tuple[ArrayReport, ...]
    problems: tuple[str, ...]
    value: float
    tolerance: float
    method: str

    @property
    def passed(self) -> bool:
        """Whether every array passed and nothing else is wrong."""
        return not self.problems and all(entry.passed for entry in self.arrays)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the arrays that did not pass."""
        return tuple(entry.name for entry in self.arrays if not entry.passed)

    @property
    def error(self) -> float:
        """The largest error over all arrays; NaN if any is NaN."""
        return float(np.max([entry.error for entry in self.arrays], initial=0.0))

    def __getitem__(self, name: str) -> ArrayReport:
        """Return the report of the array of that name."""
        for entry in self.arrays:
            if entry.name == name:
                return entry
        raise KeyError(f"{name!r}: checked were {', '.join(entry.name for entry in self.arrays)}")

    def raise_if_failed(self) -> None:
        """Raise `ElmanError` with the table, unless everything passed.

        Raises
        ------
        ElmanError
            If the check did not pass.
        """
        if not self.passed:
            raise ElmanError(str(self))

    def __str__(self) -> str:
        """Return the verdict, the problems, and a line for each array."""
        return "\n".join([self._verdict(), *(f"  problem: {text}" for text in self.problems), *self._table()])

    def _verdict(self) -> str:
        count = f"{len(self.arrays)} array{'' if len(self.arrays) == 1 else 's'}"
        if self.passed:
            return f"gradcheck passed: {count}, worst relative error {self.error:.1e} ({self.method})"
        what = [f"{len(self.failed)} of {count}"] if self.failed else []
        what += (
            [f"{len(self.problems)} problem{'' if len(self.problems) == 1 else 's'}"] if self.problems else []
        )
        return f"gradcheck FAILED: {' and '.join(what)}, tolerance {self.tolerance:.1e} ({self.method})"

    def _table(self) -> list[str]:
        rows = [("array", "shape", "compared", "error", "worst at", "analytic", "numeric", "")]
        for entry in self.arrays:
            verdict = ("ok" if entry.passed else "FAILED") + (f", {entry.note}" if entry.note else "")
            shape, error = _plain(entry.shape), f"{entry.error:.1e}"
            worst = entry.worst
            tail = (
                ("-", "-", "-")
                if worst is None
                else (_plain(worst.index), f"{worst.analytic:+.6e}", f"{worst.numeric:+.6e}")
            )
            rows.append((entry.name, shape, str(entry.compared), error, *tail, verdict))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        left = (0, 1, 7)  # names, shapes and verdicts read from the left, numbers from the right
        lines = []
        for row in rows:
            cells = (
                cell.ljust(width) if k in left else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append(("  " + "  ".join(cells)).rstrip())
        return lines


def _plain(numbers: tuple[int, ...]) -> str:
    """Write (2, 3) as "(2, 3)" and a single number without the comma that Python adds."""
    return f"({', '.join(map(str, numbers))})"


def compare(
    name: str,
    shape: tuple[int, ...],
    indices: list[tuple[int, ...]],
    analytic: Floats,
    numeric: Floats,
    *,
    typical: float,
    noise: float,
    tolerance: float,
) -> ArrayReport:
    """Compare derivatives (n,) with those of central differences (n,).

    Parameters
    ----------
    name, shape
        Of the array.
    indices : list of tuple of int
        What each of the n derivatives is by.
    analytic, numeric : ndarray of float64, (n,)
        The two to compare.
    typical : float
        The root mean square of the whole analytic gradient, so that a derivative which happens to be tiny is
        not held to more digits than its neighbours. Where it is not finite nothing passes.
    noise : float
        The rounding error of one numeric derivative. A difference no larger than this always passes: it
        cannot be told from nothing.
    tolerance : float
        The largest relative error that passes.
    """
    if not indices:
        return ArrayReport(name, shape, 0, 0.0, None, "empty", True)
    with np.errstate(all="ignore"):  # what is not finite fails below, without warnings on the way
        difference = np.where(analytic == numeric, 0.0, np.abs(analytic - numeric))
        size = np.abs(analytic) + np.abs(numeric)
        # Under this size a derivative is held to the noise instead: no error exceeds the tolerance within it.
        floor = noise / tolerance
        errors = _ratio(difference, np.maximum(size, max(2.0 * typical, floor)))
        total = np.maximum(_norm(analytic) + _norm(numeric), floor * np.sqrt(len(indices)))
        error = float(_ratio(_norm(difference), total))
    k = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    worst = Entry(indices[k], float(analytic[k]), float(numeric[k]), float(errors[k]))
    finite = bool(np.isfinite([*analytic, *numeric, typical]).all())
    passed = finite and error <= tolerance and worst.error <= tolerance  # NaN is never <=
    if not finite:
        note = "not finite"
    elif not size.any():
        note = "zero"
    else:
        note = "below noise" if size.max() <= 2.0 * noise else ""
    return ArrayReport(name, shape, len(indices), error, worst, note, passed)


def _norm(values: Floats) -> np.float64:
    """Return the Euclidean norm, without overflow where the squares would."""
    largest = np.abs(values).max()
    return np.float64(largest * np.linalg.norm(values / largest) if 0 < largest < np.inf else largest)


def _ratio(top: Floats | np.float64, bottom: Floats | np.float64) -> Floats:
    """Return top / bottom, 0 for 0 / 0."""
    zero = (top == 0) & (bottom == 0)
    return np.asarray(np.where(zero, 0.0, top / np.where(zero, 1.0, bottom)), np.float64)

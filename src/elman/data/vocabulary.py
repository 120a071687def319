"""Which symbols of the training text become tokens of their own."""

from collections.abc import Iterable, Sequence
from heapq import nsmallest

from elman.errors import ConfigError

UNKNOWN = "<unk>"
"""The text of the token that stands for every symbol outside the vocabulary; its id is always 0."""

LINE_END = "<eos>"
"""The text of the word tokenizer's token for the end of a line; its id is always 1."""


def check_limits(max_vocab: int | None, min_count: int, reserved: Sequence[str]) -> None:
    """Refuse limits with which no vocabulary can be built.

    Parameters
    ----------
    max_vocab : int or None
        The largest number of tokens, the reserved ones included; None for no limit.
    min_count : int
        How often a symbol must occur in the training text to become a token.
    reserved : sequence of str
        The tokens that are there whatever the text.

    Raises
    ------
    ConfigError
        Where `max_vocab` leaves no room beside the reserved tokens, or `min_count` is below 1.

    Examples
    --------
    >>> check_limits(1000, 2, ["<unk>"])
    >>> check_limits(1, 1, ["<unk>"])
    Traceback (most recent call last):
    elman.errors.ConfigError: max_vocab is 1: give at least 2, since <unk> takes 1 of them
    """
    if min_count < 1:
        raise ConfigError(
            f"min_count is {min_count}: give at least 1 (1 keeps every symbol of the training text)"
        )
    if max_vocab is not None and max_vocab <= len(reserved):
        takes = "takes 1" if len(reserved) == 1 else f"take {len(reserved)}"
        raise ConfigError(
            f"max_vocab is {max_vocab}: give at least {len(reserved) + 1}, "
            f"since {' and '.join(reserved)} {takes} of them"
        )


def most_frequent(counted: Iterable[tuple[str, int]], room: int | None, min_count: int) -> list[str]:
    """The symbols to keep: by descending count, ties in code-point order.

    Parameters
    ----------
    counted : iterable of (str, int)
        The distinct symbols, in any order, and how often each occurs in the training text. One that never
        occurs is never kept. With `room` no more than so many of them are in memory.
    room : int or None
        Keep at most so many; None for no limit.
    min_count : int
        Keep only those that occur at least so often.

    Returns
    -------
    list of str

    Examples
    --------
    >>> most_frequent([("b", 2), ("a", 2), ("c", 5), ("d", 1)], None, 2)
    ['c', 'a', 'b']
    """
    frequent = (pair for pair in counted if pair[1] >= min_count)
    order = sorted(frequent, key=_rank) if room is None else nsmallest(room, frequent, key=_rank)
    return [symbol for symbol, _ in order]


def _rank(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def first_appearances(symbols: Iterable[str]) -> list[str]:
    """The distinct symbols, in order of appearance."""
    return list(dict.fromkeys(symbols))

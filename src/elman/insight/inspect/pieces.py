"""The text of each token, so that the pieces put together are the text."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from elman.data import CharTokenizer, Tokenizer
from elman.data.wordlist import WordList

__all__ = ["pieces_of"]


def pieces_of(tokenizer: Tokenizer, ids: NDArray[Any], text: str | None = None) -> tuple[str, ...]:
    """Return what each token adds to a text.

    Parameters
    ----------
    tokenizer : Tokenizer
        Of the ids.
    ids : ndarray of int, (N,)
        The tokens.
    text : str, optional
        What they were made from, and at most more than that at its end. With it, symbols outside the
        vocabulary are shown as they are written; without it, as the tokenizer writes them.

    Returns
    -------
    tuple of str, of length N
        White space that is no token stands before the token that follows it. Where a token is a part of a
        character, the piece of the last part holds it, and those before are empty.

    Examples
    --------
    >>> from elman.data import ByteTokenizer, WordTokenizer
    >>> words = WordTokenizer.from_text("to be or not to be")
    >>> pieces_of(words, words.encode("to sleep, or"), "to sleep, or")
    ('to', ' sleep', ',', ' or')
    >>> pieces_of(ByteTokenizer(), ByteTokenizer().encode("né"))
    ('n', '', 'é')
    """
    text = tokenizer.decode(ids) if text is None else text
    found: list[str] = []
    if isinstance(tokenizer, CharTokenizer):
        found = list(text[: len(ids)])
    elif isinstance(tokenizer, WordList):
        found = _words(text, tokenizer.split(text, False)[: len(ids)])
    if len(found) == len(ids):
        return tuple(found)
    stream = tokenizer.stream()
    found = [stream(int(i)) for i in ids]
    if found:
        found[-1] += stream.flush()
    return tuple(found)


def _words(text: str, words: list[str]) -> list[str]:
    """Return the words of a text, each with the white space before it."""
    found, end = [], 0
    for word in words:
        begin, end = end, text.index(word, end) + len(word)
        found.append(text[begin:end])
    return found

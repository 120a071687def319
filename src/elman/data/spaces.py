"""Tokens that white space separates, as published corpora are cut."""

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from elman.data.registry import register
from elman.data.spacing import PlainStream
from elman.data.tokenize import TokenStream
from elman.data.vocabulary import UNKNOWN
from elman.data.wordlist import LONGEST, WordList, expand

_SPACE = re.compile(r"\s")
_UNKNOWN = re.compile(rf"(?<!\S){UNKNOWN}(?!\S)")


def split_at_spaces(text: str, lowercase: bool = False) -> list[str]:
    """The tokens of a text, as strings. A line end is ``"\\n"``.

    Parameters
    ----------
    text : str
    lowercase : bool
        Give every token in lower case.

    Returns
    -------
    list of str

    Examples
    --------
    >>> split_at_spaces(" = Valkyria <unk> III = \\n\\n")
    ['=', 'Valkyria', '<unk>', 'III', '=', '\\n', '\\n']
    """
    if lowercase:
        text = expand(text)
    tokens: list[str] = []
    for line in text.split("\n"):
        tokens += line.split()
        tokens.append("\n")
    tokens.pop()  # what follows the last line end is no whole line
    if len(text) > LONGEST and max(map(len, tokens), default=0) > LONGEST:
        tokens = [
            token[start : start + LONGEST] for token in tokens for start in range(0, len(token), LONGEST)
        ]
    return [token.lower() for token in tokens] if lowercase else tokens


def whole_tokens(texts: Iterable[str], lowercase: bool = False) -> Iterator[str]:
    """Regroup a text at white space, or failing that where a token that is too long is cut."""
    held = ""
    for text in texts:
        held += expand(text) if lowercase else text
        cut = max(held.rfind("\n"), held.rfind(" ")) + 1
        if not cut and len(held) > LONGEST:
            cut = max((space.end() for space in _SPACE.finditer(held)), default=0)
            cut = cut or len(held) // LONGEST * LONGEST
        if cut:
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


@register
class SpaceTokenizer(WordList):
    """Tokens as white space separates them, and one for each line end.

    This is how corpora that were cut into words beforehand are read, such as Penn Treebank and WikiText:
    every line ends in ``<eos>``, an empty one too, and ``<unk>`` in the text is the unknown token itself.
    Ids: 0 ``<unk>``, 1 ``<eos>``, then by descending count in the training text, ties in code-point order.

    Decoding puts one space between two tokens of a line.

    Parameters
    ----------
    tokens : sequence of str
        The vocabulary, ``<unk>`` and ``<eos>`` first.
    lowercase : bool
        Read texts in lower case.

    Raises
    ------
    ConfigError
        Where the tokens do not begin so, are not distinct, or one of them is not one token.

    Examples
    --------
    >>> words = SpaceTokenizer.from_text("no , it was n't <unk> .\\n")
    >>> words.encode("it was <unk>\\n\\n").tolist()
    [4, 7, 0, 1, 1]
    >>> words.decode(words.encode(" no ,  never\\n"))
    'no , <unk>\\n'
    """

    name: ClassVar[str] = "space"

    @staticmethod
    def split(text: str, lowercase: bool) -> list[str]:
        return split_at_spaces(text, lowercase)

    @staticmethod
    def regroup(texts: Iterable[str], lowercase: bool) -> Iterator[str]:
        return whole_tokens(texts, lowercase)

    @staticmethod
    def count_unknown(text: str, lowercase: bool) -> int:
        text = text.lower() if lowercase else text
        return len(_UNKNOWN.findall(text)) if UNKNOWN in text else 0

    def stream(self) -> TokenStream:
        return PlainStream([UNKNOWN, "\n", *self._tokens[2:]].__getitem__)

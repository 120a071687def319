"""Tokens of one word: how a text is cut into them, and the vocabulary of words."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from elman.data.registry import register
from elman.data.scripts import word_pattern
from elman.data.spacing import WordStream
from elman.data.tokenize import TokenStream
from elman.data.vocabulary import UNKNOWN
from elman.data.wordlist import LONGEST, WordList, expand

_LOOKAHEAD = 8  # characters after a token that can decide where it ends; "<unk>" is the longest such case


def split_words(text: str, lowercase: bool = False) -> list[str]:
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
    >>> split_words("I don't like it, 明月!")
    ['I', "don't", 'like', 'it', ',', '明', '月', '!']
    """
    if lowercase:
        text = expand(text)
    tokens: list[str] = word_pattern().findall(text)
    if len(text) > LONGEST and max(map(len, text.split("\n"))) > LONGEST:  # cheaper than to ask every token
        tokens = [part for token in tokens for part in _shorten(token)]
    # Token by token: what a Greek sigma becomes depends on its neighbours, which must not depend on the
    # chunk.
    return [token.lower() for token in tokens] if lowercase else tokens


def _shorten(token: str) -> Iterator[str]:
    """A token, or the tokens of one too long: each is found in `LONGEST` characters from where it begins."""
    position = 0
    while match := word_pattern().match(token, position, position + LONGEST):
        yield match[0]
        position = match.end()


def _certain(text: str) -> int:
    """Length of the longest beginning whose tokens cannot depend on what follows the text."""
    position = 0
    while position < len(text):
        match = word_pattern().match(text, position, position + LONGEST)
        end = match.end() if match else position + 1
        if end + _LOOKAHEAD > len(text) and position + LONGEST > len(text):
            break
        position = end
    return position


def whole_words(texts: Iterable[str], lowercase: bool = False) -> Iterator[str]:
    """Regroup a text at white space, or failing that between two tokens."""
    held = ""
    for text in texts:
        held += expand(text) if lowercase else text
        cut = max(held.rfind("\n"), held.rfind(" ")) + 1
        if not cut and len(held) > LONGEST + _LOOKAHEAD:
            cut = _certain(held)
        if cut:
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


@register
class WordTokenizer(WordList):
    """Tokens of one word, one punctuation mark or one line end.

    A word is a run of letters, digits, underscores and combining marks, with apostrophes inside it:
    ``don't`` is one token. Every Han character, kana and bopomofo letter is a token, since they are written
    without spaces; so is every other character that is not white space. A line end is ``<eos>``; other
    white space separates and is not kept. Ids: 0 ``<unk>``, 1 ``<eos>``, then by descending count in the
    training text, ties in code-point order. A text that holds ``<unk>`` or ``<eos>`` literally, as
    published corpora do, gets ids 0 and 1 for them.

    Decoding puts the spaces back as they are usually written, and always so that encoding the result gives
    the same ids.

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
    >>> words = WordTokenizer.from_text("Stay, or go? No: stay.\\n", lowercase=True)
    >>> words.decode(words.encode("No, STAY!\\n"))
    'no, stay <unk>\\n'
    >>> words.unknown_symbols("No, please stay!")
    ['please', '!']
    """

    name: ClassVar[str] = "word"

    @staticmethod
    def split(text: str, lowercase: bool) -> list[str]:
        return split_words(text, lowercase)

    @staticmethod
    def regroup(texts: Iterable[str], lowercase: bool) -> Iterator[str]:
        return whole_words(texts, lowercase)

    @staticmethod
    def count_unknown(text: str, lowercase: bool) -> int:
        return text.count(UNKNOWN)  # it is a token wherever it stands

    def stream(self) -> TokenStream:
        return WordStream(self._tokens)

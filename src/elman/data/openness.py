"""Open and closed vocabularies: what a figure on a text is a figure of."""

from typing import TYPE_CHECKING, NamedTuple

from elman.data.tokenize import Tokenizer

if TYPE_CHECKING:
    from elman.data.part import Part


class Vocabulary(NamedTuple):
    """What kind of vocabulary a loss was measured with.

    Attributes
    ----------
    open : bool
        Whether the tokens can write every text. In a closed vocabulary what is not on the list is one
        token, ``<unk>``, whatever it was, and costs what that costs.
    size : int
        K, the number of tokens.
    learnt : bool or None
        Whether the training text had tokens that are ``<unk>``, so that the model has learnt when to expect
        one; None where that is not known, or there is no such token.

    Examples
    --------
    >>> from elman.data import ByteTokenizer, WordTokenizer
    >>> vocabulary_of(ByteTokenizer()).kind, vocabulary_of(WordTokenizer.from_text("a b")).kind
    ('open', 'closed')
    """

    open: bool
    size: int
    learnt: bool | None = None

    @property
    def kind(self) -> str:
        """``"open"`` or ``"closed"``."""
        return "open" if self.open else "closed"


def vocabulary_of(tokenizer: Tokenizer, train: "Part | None" = None) -> Vocabulary:
    """Say what kind of vocabulary a tokenizer has.

    Parameters
    ----------
    tokenizer : Tokenizer
    train : Part, optional
        The training text as it encoded it.

    Returns
    -------
    Vocabulary
    """
    learnt = None if train is None or tokenizer.unknown is None else train.unknown > 0
    return Vocabulary(tokenizer.open, tokenizer.vocab_size, learnt)

"""A trained model with its tokenizer: text in, text out."""

from __future__ import annotations

from elman.text_model.measuring import Measuring
from elman.text_model.searching import Searching
from elman.text_model.writing import Writing

__all__ = ["TextModel"]


class TextModel(Writing, Searching, Measuring):
    """A trained language model with its tokenizer: text in, text out.

    Made by :func:`elman.load` and :func:`elman.train`.

    Parameters
    ----------
    model : LanguageModel
        The network.
    tokenizer : Tokenizer
        Of its vocabulary.
    config : TrainConfig, optional
        How it was trained.
    run : Run, optional
        Where it came from.

    Examples
    --------
    A network by hand, that has a strong liking for "b":

    >>> import elman
    >>> model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\\n"))
    >>> model.model.params["output.c"][model.tokenizer.encode("b")] = 9
    >>> model.generate("a", length=4)
    'bbbb'
    """

    def __repr__(self) -> str:
        return f"TextModel({self.model!r}, tokens={self.tokenizer.name!r})"

"""The errors elman raises on purpose. Each message says what was given, what was expected, what to do."""


class ElmanError(Exception):
    """Base of every error that elman raises on purpose.

    The command line prints its message on one line and exits with status 2.

    Examples
    --------
    >>> import elman
    >>> issubclass(elman.ShapeError, elman.ElmanError), issubclass(elman.ShapeError, ValueError)
    (True, True)
    """


class ShapeError(ElmanError, ValueError):
    """An array has the wrong rank, size or kind of numbers, or holds an id outside the vocabulary.

    Examples
    --------
    >>> import elman
    >>> elman.LanguageModel(vocab_size=7, hidden=2, layers=1).initial_state(batch=0)
    Traceback (most recent call last):
    elman.errors.ShapeError: batch must be a whole number of at least 1, not 0
    """


class ConfigError(ElmanError, ValueError):
    """A setting is unknown, out of range or of the wrong type, contradicts another, or has no effect.

    Examples
    --------
    >>> import elman
    >>> elman.TrainConfig(hidden=0).validate()
    Traceback (most recent call last):
    elman.errors.ConfigError: hidden must be at least 1, not 0
    """


class DataError(ElmanError, ValueError):
    """A text cannot be read, or is not enough to train on or to evaluate.

    Examples
    --------
    >>> import elman
    >>> elman.encode_corpus(elman.Text(""), "folder")
    Traceback (most recent call last):
    elman.errors.DataError: <text> is empty: give a text to read
    """


class CheckpointError(ElmanError, ValueError):
    """A run directory or another file of ours is missing, damaged, busy, or made by a newer version.

    Examples
    --------
    >>> import elman
    >>> elman.load("nowhere")
    Traceback (most recent call last):
    elman.errors.CheckpointError: there is no run at nowhere; elman train --out nowhere makes one
    """


class DivergenceError(ElmanError, ArithmeticError):
    """A loss, gradient or parameter became NaN or infinite.

    Examples
    --------
    >>> import elman
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> network = elman.LanguageModel(vocab_size=tokenizer.vocab_size, hidden=2, layers=1)
    >>> network.params["output.c"][0] = float("nan")
    >>> elman.TextModel(network, tokenizer).next_tokens("a")
    Traceback (most recent call last):
    elman.errors.DivergenceError: a logit is NaN or +inf: the model's parameters or state are not finite
    """


class LeaderError(ElmanError):
    """Of processes that train together the first has failed, and says why; the others end with this.

    Examples
    --------
    >>> from elman.errors import LeaderError
    >>> raise LeaderError("the first rank says why")
    Traceback (most recent call last):
    elman.errors.LeaderError: the first rank says why
    """

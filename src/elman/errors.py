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
    """An array has the wrong rank, size or kind of numbers."""


class ConfigError(ElmanError, ValueError):
    """A setting is unknown, out of range, or contradicts another."""


class DataError(ElmanError, ValueError):
    """A text cannot be read, or is not enough to train on or to evaluate."""


class CheckpointError(ElmanError, ValueError):
    """A run directory is missing, damaged, busy, or made by a newer version."""


class DivergenceError(ElmanError, ArithmeticError):
    """A loss, gradient or parameter became NaN or infinite."""

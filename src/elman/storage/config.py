"""The settings of a training run: one flat dataclass, one flat TOML file, one flag each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from elman.errors import ConfigError
from elman.storage.toml import toml_value, typed

LEARNING_RATES = {"sgd": 1.0, "adagrad": 0.02, "rmsprop": 0.002, "adam": 0.002, "adamw": 0.002}
"""The rate where none is given."""


SEEDS = 2**63
"""Seeds are smaller: NumPy and TOML readers elsewhere hold them in 64 bits with a sign."""


def _setting(default: Any, group: str, text: str, low: float | None = None, **extra: Any) -> Any:
    """Declare a setting: its default, the group and line of its help, the least value allowed."""
    metadata = {"group": group, "help": text, "low": low, **extra}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class TrainConfig:
    """All settings of a training run, by the names of the command line's flags.

    Each is described by ``elman train --help``. Values are checked by :meth:`validate`, and by
    :meth:`from_mapping` when they come from a file.

    Raises
    ------
    ConfigError
        From those methods: a key is unknown (the message names the nearest), a value has the wrong type
        or is out of range, or two settings contradict each other.

    Examples
    --------
    >>> import elman
    >>> elman.TrainConfig.from_mapping({"hiden": 64})
    Traceback (most recent call last):
    ...
    elman.errors.ConfigError: unknown setting 'hiden'; did you mean 'hidden'?
    """

    text: list[str] = _setting([], "Text", "Files, folders, .gz files, or - for standard input.", flag=False)
    train: str | None = _setting(None, "Text", "Text to train on, where the parts are separate files.")
    valid: str | None = _setting(None, "Text", "Text to validate on.")
    test: str | None = _setting(None, "Text", "Text to test on.")
    tokens: str = _setting("char", "Text", "What a token is: char, byte or word.")
    split: str = _setting("90/5/5", "Text", "Percentages for training, validation and test, in that order.")
    max_vocab: int | None = _setting(None, "Text", "Keep this many tokens at most; others become <unk>.", 2)
    min_count: int = _setting(1, "Text", "Rarer tokens become <unk>.", 1)
    lowercase: bool = _setting(False, "Text", "Lower-case the text (word tokens).")
    documents: str = _setting("none", "Text", "Forget the state at each new: file, line or blank (line).")

    cell: str = _setting(
        "lstm", "Model",
        "Recurrent cell: rnn, rnn-relu, lstm, lstm-peephole, lstm-coupled, gru, gru-before or mgu, or one "
        "with other activations, written as the guide to models has it.",
    )  # fmt: skip
    embedding: int = _setting(64, "Model", "Width of the word vectors, D.", 1)
    hidden: int = _setting(128, "Model", "Width of every layer, H.", 1)
    layers: int = _setting(2, "Model", "Number of recurrent layers, L.", 1)
    projection: int | None = _setting(
        None, "Model", "Width of every layer's output, P, where it is not H (rnn and lstm kinds).", 1
    )
    direction: str = _setting(
        "forward", "Model", "Way over a sequence; imported models may have others.", flag=False
    )
    dropout: float = _setting(0.0, "Model", "Dropout on the output of each layer while training.", 0)
    tied: bool = _setting(
        False, "Model", "Use the word vectors as output weights too (needs D = H, or D = P)."
    )
    init: str = _setting("uniform", "Model", "Initial weights: uniform or glorot.")
    init_recurrent: str | None = _setting(
        None, "Model", "Initial recurrent weights W: uniform, glorot, orthogonal or identity."
    )
    forget_bias: float = _setting(1.0, "Model", "Initial bias of the LSTM's forget gate.")
    dtype: str = _setting("float32", "Model", "float32 or float64.")

    batch: int = _setting(50, "Training", "Parallel streams of text, B.", 1)
    window: int = _setting(50, "Training", "Steps between updates, T.", 1)
    back: int | None = _setting(
        None, "Training", "Steps each backward pass reaches back; by default the window.", 1
    )
    optimizer: str = _setting("adam", "Training", "sgd, adagrad, rmsprop, adam or adamw.")
    lr: float | None = _setting(None, "Training", "Learning rate; by default that of the optimizer.", 0)
    momentum: float = _setting(0.0, "Training", "Momentum of sgd and rmsprop.", 0)
    nesterov: bool = _setting(False, "Training", "Nesterov's momentum, for sgd.")
    weight_decay: float = _setting(0.01, "Training", "Weight decay of adamw.", 0)
    clip: float = _setting(5.0, "Training", "Largest global norm of the gradient; 0 leaves it alone.", 0)
    schedule: str = _setting("cosine", "Training", "constant, step, exponential, cosine or plateau.")
    warmup: int = _setting(0, "Training", "Steps over which the rate first rises.", 0)
    decay: float = _setting(0.5, "Training", "Factor of the step, exponential and plateau schedules.", 0)
    decay_every: int | None = _setting(
        None, "Training", "Steps between decays (step, exponential); by default an epoch.", 1
    )
    patience: int = _setting(0, "Training", "Evaluations without progress before plateau decays.", 0)
    lr_min: float = _setting(0.0, "Training", "Rate that cosine and plateau do not go below.", 0)
    seed: int = _setting(0, "Training", "Seed of the initial weights, dropout and samples.", 0)
    threads: int | None = _setting(
        None, "Training", "Workers that share the rows; by default one a core, 1 for a small model.", 1
    )

    epochs: int | None = _setting(
        None, "Length", "Passes over the text; without any length 10, or enough for 500 steps.", 1
    )
    steps: int | None = _setting(None, "Length", "Updates.", 1)
    minutes: float | None = _setting(None, "Length", "Minutes; whichever of the three ends first.", 0)
    early_stop: int | None = _setting(
        None, "Length", "Stop after this many evaluations in a row without progress.", 1
    )
    eval_every: int | None = _setting(
        None, "Length", "Steps between evaluations; by default a tenth of the run.", 1
    )
    checkpoint_every: int | None = _setting(
        None, "Length", "Steps between checkpoints; by default one a minute.", 1
    )
    sample: int = _setting(
        200, "Length", "Tokens of sample text at each evaluation (of words a fifth); 0 for none.", 0
    )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Build a validated configuration from keys and values, as read from TOML.

        Parameters
        ----------
        values : mapping of str to object
            Settings by name; ``-`` may stand for ``_``.

        Returns
        -------
        TrainConfig
            With the defaults for all settings that were not given.

        Raises
        ------
        ConfigError
            If a name is unknown, or a value has the wrong type or is out of range.
        """
        known = {setting.name: setting for setting in fields(cls)}
        named = by_name(values)
        config = cls(**{name: typed(name, known[name].type, value) for name, value in named.items()})
        config.validate()
        return config

    def validate(self) -> None:
        """Raise ConfigError for the first setting that is out of range or contradicts another."""
        for setting in fields(self):
            value, low = getattr(self, setting.name), setting.metadata["low"]
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"{setting.name} must be a finite number, not {value}")
            if low is not None and value is not None and value < low:
                raise ConfigError(f"{setting.name} must be at least {low}, not {value}")
        for name in ("lr", "minutes", "decay"):
            if getattr(self, name) == 0:
                raise ConfigError(f"{name} must be greater than 0")
        if self.decay > 1:
            raise ConfigError(f"decay must be at most 1, not {self.decay}")
        for name in ("dropout", "momentum"):
            if getattr(self, name) >= 1:
                raise ConfigError(f"{name} must be less than 1, not {getattr(self, name)}")
        if self.back is not None and self.back < self.window:
            raise ConfigError(f"back ({self.back}) must be at least the window ({self.window})")
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        if self.lr_min > self.learning_rate():
            raise ConfigError(f"lr_min ({self.lr_min}) must be at most lr ({self.learning_rate()})")
        width = self._output_width()
        if self.tied and self.embedding != width:
            raise ConfigError(
                f"tied needs an embedding as wide as the output of the last layer, not {self.embedding} "
                f"beside {width}; give --embedding {width}"
            )
        if self.seed >= SEEDS:
            raise ConfigError(f"seed must be less than 2**63, not {self.seed}")
        if self.steps and self.warmup >= self.steps:
            raise ConfigError(
                f"warmup ({self.warmup}) must be less than the {self.steps:,} steps of the run, or the rate "
                "never gets to its full height"
            )
        self._check_names()
        self._check_effect()
        if self.nesterov and not self.momentum:
            raise ConfigError("nesterov needs a momentum greater than 0")
        if self.text and self.train:
            raise ConfigError("give the text either as arguments or with --train, not both")
        if (self.valid or self.test) and not self.train:
            raise ConfigError("valid and test name files beside train; give train as well")
        self.fractions()

    def _output_width(self) -> int:
        """Width of what the last layer gives out."""
        ways = 2 if self.direction.split(",")[-1].strip() == "bidirectional" else 1
        return ways * (self.projection or self.hidden)

    def _check_names(self) -> None:
        """Raise ConfigError for a file name that config.toml, which is UTF-8, cannot hold."""
        for path in (*self.text, self.train, self.valid, self.test):
            try:
                (path or "").encode()
            except UnicodeEncodeError:
                raise ConfigError(
                    f"the file name {path!a} is not valid Unicode, so that config.toml cannot hold it: "
                    "rename the file, or give a folder that it is in"
                ) from None

    def _check_effect(self) -> None:
        """Raise ConfigError for a setting that would change nothing, since another has no use for it."""
        for name, (chooser, users) in EFFECT.items():
            value, choice = getattr(self, name), getattr(self, chooser)
            if value != _DEFAULTS[name] and not _has_use(chooser, choice, users):
                raise ConfigError(
                    f"{name} ({value}) has no effect with {chooser} {choice}: "
                    f"leave it out, or choose {' or '.join(users)}"
                )
        if self.train and self.split != _DEFAULTS["split"]:
            raise ConfigError("split has no effect where the parts are separate files: leave it out")
        has_valid = self.valid is not None if self.train else self.fractions()[1] > 0
        if has_valid:
            return
        for name, asked in {"early_stop": self.early_stop, "plateau": self.schedule == "plateau"}.items():
            if asked:
                raise ConfigError(
                    f"{name} goes by the validation loss, but there is no validation part: "
                    "give one by valid or split, or leave it out"
                )

    def fractions(self) -> tuple[float, float, float]:
        """Return the three parts of `split` as fractions that sum to 1."""
        try:
            parts = [float(part) for part in self.split.replace(",", "/").split("/")]
        except ValueError:
            parts = []
        if len(parts) != 3 or not all(0 <= part < math.inf for part in parts) or parts[0] == 0:
            raise ConfigError(
                f"split must be three numbers such as 90/5/5, the first not 0; not {self.split!r}"
            )
        if not any(math.isclose(sum(parts), whole, rel_tol=1e-6) for whole in (1, 100)):
            raise ConfigError(
                f"the parts of split must sum to 100, but {self.split!r} sums to {sum(parts):g}"
            )
        first, second, third = (part / sum(parts) for part in parts)
        return first, second, third

    def learning_rate(self) -> float:
        """Return `lr`, or the default of the optimizer."""
        return LEARNING_RATES[self.optimizer] if self.lr is None else self.lr

    def to_toml(self) -> str:
        """Return the settings as TOML, a line each; those that are None are left out."""
        lines = []
        for setting in fields(self):
            value = getattr(self, setting.name)
            if value is not None:
                lines.append(f"{setting.name} = {toml_value(value)}")
        return "\n".join(lines) + "\n"


_DEFAULTS = {setting.name: setting.default for setting in fields(TrainConfig)}

EFFECT = {
    "momentum": ("optimizer", ("sgd", "rmsprop")),
    "nesterov": ("optimizer", ("sgd",)),
    "weight_decay": ("optimizer", ("adamw",)),
    "decay": ("schedule", ("step", "exponential", "plateau")),
    "decay_every": ("schedule", ("step", "exponential")),
    "patience": ("schedule", ("plateau",)),
    "lr_min": ("schedule", ("cosine", "plateau")),
    "forget_bias": ("cell", ("lstm", "lstm-peephole")),
}
"""Settings that only some choices of another setting have a use for: that other, and those choices."""


def _has_use(chooser: str, choice: str, users: tuple[str, ...]) -> bool:
    """Say whether that choice has a use for the setting of EFFECT; a cell says so itself."""
    if chooser != "cell":
        return choice in users
    from elman.network.cells import get_cell  # loads NumPy, and so only where there is something to say

    return get_cell(choice).forget is not None


# Written here too, since these are read before the rooms that own them; tests hold both equal.
_CHOICES = {
    "documents": ("none", "file", "line", "blank"),
    "dtype": ("float32", "float64"),
    "init": ("uniform", "glorot"),
    "init_recurrent": ("uniform", "glorot", "orthogonal", "identity"),
    "optimizer": tuple(LEARNING_RATES),
    "schedule": ("constant", "step", "exponential", "cosine", "plateau"),
}


def by_name(values: Mapping[str, Any], also: Iterable[str] = ()) -> dict[str, Any]:
    """Return values under the names of the fields, with `_` for `-`.

    Parameters
    ----------
    values : mapping of str to object
        Settings, as from TOML.
    also : iterable of str
        Names that are known beside those of the settings.

    Raises
    ------
    ConfigError
        If a name is not known (the message has the nearest that is), or given twice.
    """
    known = [*_DEFAULTS, *also]
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"unknown setting {key!r}{hint}")
        if name in named:
            raise ConfigError(f"{name} is given twice, with _ and with -: give it once")
        named[name] = value
    return named

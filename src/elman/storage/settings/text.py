"""Settings of the text, and of what a token is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from elman.errors import ConfigError
from elman.storage.settings.declare import setting

DECIDED = ("tokens", "split", "max_vocab", "min_count", "lowercase", "tokenizer", "documents")
"""What a prepared text was prepared with, and what so has no effect beside one."""


@dataclass
class TextSettings:
    """What is read, how it is split, and what a token is."""

    text: list[str] = setting([], "Text", "Files, folders, .gz files, or - for standard input.", flag=False)
    data: str | None = setting(
        None, "Text", "A text that elman data prepare made, in place of files; it is read where it is."
    )
    data_index: str | None = setting(
        None, "Text", "The checksum of its index, which a run keeps.", flag=False
    )
    train: str | None = setting(None, "Text", "Text to train on, where the parts are separate files.")
    valid: str | None = setting(None, "Text", "Text to validate on.")
    test: str | None = setting(None, "Text", "Text to test on.")
    tokens: str = setting("char", "Text", "What a token is: char, byte, word, space or bpe.")
    split: str = setting("90/5/5", "Text", "Percentages for training, validation and test, in that order.")
    max_vocab: int | None = setting(
        None, "Text", "Tokens at most (or --vocab-size); others become <unk>. Of bpe tokens 8000.", 2,
        also="--vocab-size",
    )  # fmt: skip
    min_count: int = setting(1, "Text", "Rarer tokens become <unk>; rarer pairs, no bpe token.", 1)
    lowercase: bool = setting(False, "Text", "Lower-case the text (word tokens).")
    tokenizer: str | None = setting(
        None, "Text", "A tokenizer.json of Hugging Face's, in place of one made of the text (bpe tokens)."
    )
    vectors: str | None = setting(
        None, "Text", "Word vectors to begin with: a file of word2vec, GloVe or fastText."
    )
    freeze_vectors: bool = setting(False, "Text", "Leave the word vectors as they are in that file.")
    documents: str = setting(
        "none", "Text", "Forget the state at each new: file, line or blank (line).",
        choices=("none", "file", "line", "blank"),
    )  # fmt: skip

    def check_text(self) -> None:
        """Raise ConfigError for the first of these settings that contradicts another."""
        self._check_names()
        self._check_data()
        if self.text and self.train:
            raise ConfigError("give the text either as arguments or with --train, not both")
        if (self.valid or self.test) and not self.train:
            raise ConfigError("valid and test name files beside train: name the text by train as well")
        if self.train and self.split != TextSettings.split:
            raise ConfigError("split has no effect where the parts are separate files: leave it out")
        if self.tokenizer and (self.max_vocab is not None or self.min_count != 1):
            name = "min_count" if self.max_vocab is None else "max_vocab"
            raise ConfigError(f"{name} has no effect on a tokenizer that is given: leave one of them out")
        if self.freeze_vectors and self.vectors is None:
            raise ConfigError("freeze_vectors has no effect without vectors: name a file, or leave it out")
        self.fractions()

    @property
    def validated(self) -> bool:
        """Whether there is a validation part; of a prepared text that is not known here, and taken for so."""
        if self.data is not None:
            return True
        return self.valid is not None if self.train else self.fractions()[1] > 0

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

    def _check_data(self) -> None:
        """Raise ConfigError for what contradicts a prepared text, or has no effect beside it."""
        if self.data is None:
            if self.data_index is not None:
                raise ConfigError("data_index has no effect without data: name the folder, or leave it out")
            return
        for name in ("text", "train", "valid", "test"):
            if getattr(self, name):
                raise ConfigError(f"give the text either by data or by {name}, not both")
        # A run keeps the checksum, and beside it what the text was prepared with, to be read by people.
        for name in DECIDED if self.data_index is None else ():
            if getattr(self, name) != getattr(TextSettings, name):
                raise no_effect_with_data(name)

    def _check_names(self) -> None:
        """Raise ConfigError for a file name that config.toml, which is UTF-8, cannot hold."""
        for path in (*self.text, self.train, self.valid, self.test, self.tokenizer, self.vectors, self.data):
            try:
                (path or "").encode()
            except UnicodeEncodeError:
                raise ConfigError(
                    f"the file name {path!a} is not valid Unicode, so that config.toml cannot hold it: "
                    "rename the file, or give a folder that it is in"
                ) from None


def no_effect_with_data(name: str) -> ConfigError:
    """The error for a setting that a prepared text has its own of."""
    return ConfigError(
        f"{name} has no effect with data, which was prepared with its own: leave it out, or give it to "
        "elman data prepare"
    )

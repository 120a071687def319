"""A run directory of a model that was not trained here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from elman.data import Tokenizer
from elman.errors import ConfigError
from elman.network import LanguageModel
from elman.storage.config import TrainConfig
from elman.storage.run import Run


def write_run(model: LanguageModel, tokenizer: Tokenizer, out: str | Path, *, overwrite: bool = False) -> Run:
    """Make a run directory that ``evaluate``, ``generate``, ``next``, ``info`` and ``export`` work on.

    It has no text and no checkpoint: it can be used and evaluated on a text, but not resumed.

    Parameters
    ----------
    model : LanguageModel
        The model.
    tokenizer : Tokenizer
        Of its vocabulary.
    out : path-like
        The directory to make.
    overwrite : bool
        Replace a run that is there; it stays until the new one is on disk.

    Returns
    -------
    Run

    Raises
    ------
    ConfigError
        If the tokenizer has another number of tokens than the model.
    CheckpointError
        If the directory is taken or cannot be written.

    Examples
    --------
    >>> import tempfile, elman
    >>> model = elman.LanguageModel(vocab_size=4, cell="gru", embedding=3, hidden=2, layers=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = write_run(model, elman.CharTokenizer.from_text("ab\\n"), f"{folder}/run")
    ...     elman.load(f"{folder}/run")
    TextModel(LanguageModel(vocab_size=4, cell='gru', embedding=3, hidden=2, ...), tokens='char')
    """
    if tokenizer.vocab_size != model.vocab_size:
        raise ConfigError(
            f"the vocabulary has {tokenizer.vocab_size:,} symbols, the model {model.vocab_size:,} classes: "
            "give the vocabulary that the model was trained with"
        )
    config = settings_of(model, tokenizer)
    config.validate()
    with Run.claim(out, overwrite=overwrite) as run, run.staged() as staged:
        staged.write_settings(config, tokenizer)
        staged.save_model(model, {"imported": True})
        run.take(staged)
    return run


def settings_of(model: LanguageModel, tokenizer: Tokenizer) -> TrainConfig:
    """Return the settings from which a run builds this model again."""
    sizes = {name: value for name, value in model.settings.items() if name != "vocab_size"}
    config = TrainConfig(tokens=tokenizer.name, **sizes)
    return replace(config, lr=config.learning_rate())

"""What joins the rooms for a user: train a model from text, and load it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman import decoding
from elman.decoding import Sampling
from elman.errors import ConfigError
from elman.network import LanguageModel
from elman.storage.config import TrainConfig
from elman.storage.run import Run
from elman.text_model import TextModel
from elman.text_model.held import banned

if TYPE_CHECKING:  # loaded by those who train, not by those who only load
    from elman.training.events import Event
    from elman.training.session import Session

SAMPLE_TEMPERATURE = 0.8


def load(run: str | Path) -> TextModel:
    """Load the best model of a run.

    Parameters
    ----------
    run : path-like
        A run directory, as ``elman train --out`` makes it. Its ``config.toml``, ``tokenizer.json`` and
        ``model.safetensors`` are enough.

    Returns
    -------
    TextModel

    Raises
    ------
    CheckpointError
        If a file is missing, damaged, made by a newer version, or does not fit the others.
    ConfigError
        If `run` is no path.

    Examples
    --------
    >>> import elman
    >>> elman.load("nowhere")
    Traceback (most recent call last):
    ...
    elman.errors.CheckpointError: there is no run at nowhere; elman train --out nowhere makes one
    """
    found = Run.existing(_path("run", run))
    return TextModel(found.load_model(), found.tokenizer, found.config, found)


def train(
    text: Any = None,
    *,
    out: str | Path | None = None,
    recipe: str | None = None,
    resume: str | Path | None = None,
    overwrite: bool = False,
    on_event: Callable[[Event], None] | None = None,
    **settings: Any,
) -> TextModel:
    """Train a language model on a text, and return the best by validation loss.

    Parameters
    ----------
    text : path, list of paths, or elman.Text, optional
        What to train on. Without it, and without a `train` among the settings, the text that every
        Python carries.
    out : path-like, optional
        The run directory to make; by default a new one under ``runs/``.
    recipe : str, optional
        Settings of a known model, such as ``word-small``; those given beside it go before.
        ``elman info --recipes`` lists them.
    resume : path-like, optional
        Go on with this run where its last checkpoint was made, with no setting but those that bound or
        report a run: `epochs`, `steps`, `minutes`, `early_stop`, `eval_every`, `eval_epochs`,
        `checkpoint_every`, `checkpoint_minutes`, `sample`.
    overwrite : bool
        Replace a run that is there.
    on_event : callable, optional
        Called with every step, evaluation and the end, as they happen; of several ranks on the first alone.
    **settings
        Those of :class:`elman.TrainConfig`, such as ``tokens="word"``, ``hidden=256``, ``minutes=5``.

    Returns
    -------
    TextModel

    Raises
    ------
    ConfigError
        If a setting is unknown, out of range, contradicts another or has no effect; if `text` or `out` is
        of the wrong type.
    DataError
        If the text cannot be read, or is not enough.
    CheckpointError
        If the directory is taken or in use, or cannot be written.
    DivergenceError
        If the loss or a gradient becomes NaN or infinite.

    Examples
    --------
    >>> import elman, tempfile
    >>> text = elman.Text("the cat sat on the mat. " * 100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = elman.train(
    ...         text,
    ...         out=f"{folder}/cat",
    ...         hidden=16,
    ...         layers=1,
    ...         batch=4,
    ...         window=20,
    ...         steps=150,
    ...         lr=0.02,
    ...         threads=1,
    ...     )
    ...     model.generate("the cat", length=8, temperature=0)
    ' sat on '

    Training leaves a checkpoint at every evaluation and at least once a minute. An interruption loses what
    came after it, and no more: ``elman.train(resume="runs/mine")`` goes on from there.

    In a program that ``mpiexec -n N`` starts, the N processes train one model together, and all return it.
    """
    from elman.data import Text, check_given
    from elman.ranks import here
    from elman.storage.recipes import with_recipe
    from elman.training.opening import begin
    from elman.training.opening import resume as take_up

    ranks = here()
    if resume is not None:
        if text is not None or out is not None or recipe is not None or overwrite:
            raise ConfigError("resume goes on with a run as it is: leave out text, out, recipe and overwrite")
        return _trained(take_up(_path("resume", resume), settings, ranks=ranks), on_event)
    source = None if text is None else check_given(text)
    paths = [os.fspath(path) for path in source] if isinstance(source, list) else []
    given = {**settings, "text": paths}
    config = TrainConfig.from_mapping(given if recipe is None else with_recipe(recipe, given))
    memory = source if isinstance(source, Text) else None
    where = ranks.broadcast(default_out(config) if out is None else _path("out", out))
    return _trained(begin(config, where, overwrite=overwrite, text=memory, ranks=ranks), on_event)


def _trained(opened: AbstractContextManager[Session], on_event: Callable[[Event], None] | None) -> TextModel:
    from elman.training.fit import fit

    with opened as session:
        for event in fit(session):
            if on_event is not None and session.ranks.leads:
                on_event(event)
    return load(session.run.path)


def _path(name: str, value: Any) -> Path:
    """Return value as a path, or raise ConfigError."""
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise ConfigError(f"{name} must be the path of a run directory, not {value!r:.60}")
    return Path(value)


def sampler(session: Session) -> Callable[[LanguageModel, int], str]:
    """Return what writes a sample of text at each evaluation of a session."""
    tokenizer, length = session.corpus.tokenizer, session.config.sample
    if tokenizer.unit == "word":
        length = -(-length // 5)  # about as much to read
    # Without a line end in the vocabulary, begin as the training text does.
    part = session.corpus.parts["train"]
    part.check(part.ids[:1])
    prompt = None if tokenizer.start is not None else tokenizer.token(int(part.ids[0]))

    def write(model: LanguageModel, step: int) -> str:
        pieces = decoding.generate(
            model, tokenizer, prompt, length=length, seed=session.config.seed + step,
            sampling=Sampling(SAMPLE_TEMPERATURE, banned=banned(tokenizer)),
        )  # fmt: skip
        return (prompt or "") + "".join(piece for _, piece in pieces)

    return write


def default_out(config: TrainConfig) -> Path:
    """Return the first free directory under ``runs/`` named after the text, the tokens and the cell.

    One in which training could not begin, so that it holds a lock at most, is free.
    """
    source = config.data or config.train or (config.text[0] if config.text else "python-topics")
    stem = re.sub(r"[^\w.-]+", "-", Path(source).name.split(".")[0] or "stdin")[:60].strip("-") or "stdin"
    # The name of a cell with activations has signs that a file's may not have everywhere.
    cell = re.sub(r"[^\w.-]+", "-", config.cell).strip("-")
    # What the tokens of a prepared text are is not known before it is opened.
    name, number = f"{stem}-{cell}" if config.data else f"{stem}-{config.tokens}-{cell}", 1
    path = Path("runs") / name
    while path.exists() and any(not entry.name.startswith(".") for entry in path.iterdir()):
        number += 1
        path = Path("runs") / f"{name}-{number}"
    return path

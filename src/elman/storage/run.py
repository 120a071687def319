"""A run: the directory that training writes and everything else reads.

::

    config.toml         the settings, and the format of the directory
    tokenizer.json      text to ids and back
    model.safetensors   the best model by validation loss
    last/               all that resuming needs
    data/               the encoded corpus
    metrics.jsonl       one object a line

``config.toml``, ``tokenizer.json`` and ``model.safetensors`` are all that using a model takes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.data import Tokenizer, load_tokenizer
from elman.disk.atomic import write_atomic
from elman.disk.lock import LOCK, exclusive
from elman.errors import CheckpointError, ConfigError, ElmanError
from elman.network import LanguageModel
from elman.storage.absent import how_to_make_one
from elman.storage.config import TrainConfig, of_run
from elman.storage.metrics import Metrics
from elman.storage.tensors import FORMAT, check_format, read_note, read_tensors, write_tensors
from elman.storage.toml import read_toml
from elman.typing import Floats

if TYPE_CHECKING:  # a model is read without the text
    from elman.data import Corpus

_OURS = ("config.toml", "tokenizer.json", "model.safetensors", "last", "data", "metrics.jsonl")


class Run:
    """A run directory.

    Parameters
    ----------
    path : path-like
        The directory. Nothing is read until it is asked for.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.metrics = Metrics(self.path / "metrics.jsonl")
        self.data = self.path / "data"

    @classmethod
    @contextmanager
    def claim(cls, path: str | Path, *, overwrite: bool = False) -> Iterator[Run]:
        """Make the directory for a new run, and hold its lock.

        Where it is left before a run is begun in it, the folders that were made for it are taken away.

        Raises
        ------
        CheckpointError
            If it holds a run that could be resumed or used (unless `overwrite`), or other people's files, or
            another process is at work in it.
        """
        run = cls(path)
        run._check_free(overwrite)
        made = [folder for folder in (run.path, *run.path.parents) if not folder.exists()]
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"cannot make {run.path}: {error.strerror or error}") from error
        with exclusive(run.path):
            try:
                if run.begun and not overwrite:  # another process got here first, and has finished since
                    raise CheckpointError(f"{run.path} already holds a run; give another --out")
                yield run
            finally:
                if made and not run.begun:
                    with suppress(OSError):  # something else is in it; or Windows, where open files stay
                        (run.path / LOCK).unlink()
                        for folder in made:
                            folder.rmdir()

    def _check_free(self, overwrite: bool) -> None:
        """Raise CheckpointError if no run may be made here."""
        if self.path.exists() and not self.path.is_dir():
            raise CheckpointError(f"{self.path} is a file; --out names a directory to make")
        if self.path.exists():
            strangers = [
                p.name for p in self.path.iterdir() if p.name not in _OURS and not p.name.startswith(".")
            ]
            if strangers:
                raise CheckpointError(
                    f"{self.path} holds files that are not a run's ({strangers[0]}, ...); "
                    "give a new directory"
                )
            if self.begun and not overwrite:
                raise CheckpointError(
                    f"{self.path} already holds a run; go on with it by elman train --resume {self.path}, "
                    f"replace it by --overwrite, or give another --out"
                )

    @classmethod
    def existing(cls, path: str | Path) -> Run:
        """Return the run at path; raise CheckpointError if there is none, or none we can read."""
        run = cls(path)
        if not run.path.is_dir():
            raise CheckpointError(f"there is no run at {run.path}{how_to_make_one(run.path)}")
        if not (run.path / "config.toml").exists():
            inside = sorted(str(found.parent) for found in run.path.glob("*/config.toml"))
            held = f"; it holds the runs {', '.join(inside[:9])}" if inside else ""
            raise CheckpointError(f"{run.path} is not a run: config.toml is missing{held}")
        _ = run.config  # of a version that we know, and whole
        return run

    @property
    def begun(self) -> bool:
        """Whether there is anything here that training made and that could be lost."""
        return self.checkpoint_path.exists() or self._model.exists()

    @property
    def has_model(self) -> bool:
        """Whether a model has been saved."""
        return self._model.exists()

    @contextmanager
    def staged(self) -> Iterator[Run]:
        """Make a run within this directory, out of sight, for :meth:`take`; the caller holds the lock.

        Whatever happens, nothing of it stays, unless it was taken.
        """
        shutil.rmtree(self._stage, ignore_errors=True)  # what a killed process left
        try:
            self._stage.mkdir()
            yield Run(self._stage)
        finally:
            shutil.rmtree(self._stage, ignore_errors=True)

    def take(self, staged: Run) -> None:
        """Put a staged run, complete on disk, in the place of what is in the directory."""
        for name in _OURS:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        # The checkpoint last: with it the run is begun, and a kill before it leaves nothing that hinders.
        for name in sorted(_OURS, key=lambda name: name == "last"):
            if (staged.path / name).exists():
                (staged.path / name).replace(self.path / name)
        self.sweep()
        self.forget()

    def forget(self) -> None:
        """Read the settings and the tokenizer anew when they are asked for again."""
        self.__dict__.pop("config", None)
        self.__dict__.pop("tokenizer", None)

    def sweep(self) -> None:
        """Remove the unfinished files of processes that were killed; the caller holds the lock."""
        shutil.rmtree(self._stage, ignore_errors=True)
        for folder in (self.path, self.checkpoint_path.parent):
            for path in folder.glob(".*.tmp"):
                path.unlink(missing_ok=True)

    def write_settings(self, config: TrainConfig, tokenizer: Tokenizer) -> None:
        """Write config.toml and tokenizer.json."""
        write_atomic(self.path / "tokenizer.json", tokenizer.to_bytes())
        head = "# Settings of this run; elman train --config reads them too.\n"
        body = f"format = {FORMAT}\nvocab_size = {tokenizer.vocab_size}\n{config.to_toml()}"
        write_atomic(self.path / "config.toml", (head + body).encode())
        self.forget()

    @cached_property
    def config(self) -> TrainConfig:
        """The settings, read from config.toml."""
        return self._settings[0]

    @property
    def _settings(self) -> tuple[TrainConfig, int]:
        path = self.path / "config.toml"
        try:
            values = read_toml(path)
            if not path.read_bytes().endswith(b"\n"):  # half of the last number is a number too
                raise ConfigError("its last line has no end; it was cut short")
            check_format(values.pop("format", None), path)
            vocab_size = values.pop("vocab_size", None)
            missing = _REQUIRED - values.keys()
            if missing or not isinstance(vocab_size, int):
                raise ConfigError(f"{', '.join(sorted(missing)) or 'vocab_size'} missing")
            return TrainConfig.from_mapping(of_run(values)), vocab_size
        except ConfigError as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, read from tokenizer.json."""
        path = self.path / "tokenizer.json"
        tokenizer = load_tokenizer(path)
        vocab_size = self._settings[1]
        if tokenizer.vocab_size != vocab_size:
            raise CheckpointError(
                f"{path} holds {tokenizer.vocab_size} tokens, but config.toml says {vocab_size}; "
                "the files are of different runs"
            )
        return tokenizer

    @property
    def text_folder(self) -> Path:
        """Where the encoded text is: in the run, or where it was prepared."""
        return self.data if self.config.data is None else Path(self.config.data)

    def corpus(self, folder: Path | None = None) -> Corpus:
        """Open the encoded text the run was trained on.

        Parameters
        ----------
        folder : Path, optional
            Where a prepared text lies now, if not where it did.

        Raises
        ------
        CheckpointError
            If a file is missing or damaged, or the text was encoded with another tokenizer than the run's; if
            a prepared text is not the one the run was begun with.
        """
        if self.config.data is not None:
            from elman.storage.prepared import prepared_of

            return prepared_of(self.path, folder or self.text_folder, self.config.data_index)
        if not self.data.is_dir():
            if self.has_model and self.imported:
                raise CheckpointError(
                    f"{self.path} was imported, and never had a text: give a file: "
                    f"elman evaluate {self.path} FILE"
                )
            raise CheckpointError(
                f"the text of {self.path} is not here ({self.data} is missing): the run can be used and "
                "evaluated on a file that you name, but not resumed"
            )
        from elman.data import Corpus

        corpus = Corpus.open(self.data)
        if corpus.tokenizer != self.tokenizer:
            raise CheckpointError(
                f"{self.data} holds ids of another vocabulary than tokenizer.json; it is of another run: "
                "restore the data of this one"
            )
        return corpus

    def new_model(self) -> LanguageModel:
        """Build the model that the settings describe, blank: its parameters are to be filled in."""
        return build_model(self.config, self.tokenizer.vocab_size, blank=True)

    def load_model(self) -> LanguageModel:
        """Build the model and fill in the best parameters saved."""
        if not self.has_model and self.checkpoint_path.exists():
            raise CheckpointError(
                f"{self._model} is missing: training has not saved a model yet, which it does at its first "
                f"evaluation; elman train --resume {self.path} goes on to that"
            )
        model = self.new_model()
        arrays, _ = read_tensors(self._model)
        fill(model.params, arrays, self._model)
        return model

    @property
    def imported(self) -> bool:
        """Whether the model came from another framework's file, and was not trained here."""
        return bool(read_note(self._model).get("imported"))

    def save_model(self, model: LanguageModel, note: Mapping[str, Any]) -> None:
        """Save the parameters as the run's model."""
        write_tensors(self._model, model.params, note)

    def save_checkpoint(self, arrays: Mapping[str, Any], note: Mapping[str, Any]) -> None:
        """Save all that resuming needs, as one file, so that it is whole or absent."""
        self.checkpoint_path.parent.mkdir(exist_ok=True)
        write_tensors(self.checkpoint_path, arrays, note)

    def load_checkpoint(self) -> tuple[dict[str, Floats], dict[str, Any]]:
        """Read what :meth:`save_checkpoint` saved."""
        return read_tensors(self.checkpoint_path)

    @property
    def _stage(self) -> Path:
        return self.path / ".new"

    @property
    def _model(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def checkpoint_path(self) -> Path:
        """The one file that resuming needs beside settings and text."""
        return self.path / "last" / "checkpoint.safetensors"


_REQUIRED = {
    "tokens",
    "cell",
    "embedding",
    "hidden",
    "layers",
    "dtype",
    "tied",
    "batch",
    "window",
    "seed",
    "sample",
}


def build_model(c: TrainConfig, vocab_size: int, *, blank: bool = False) -> LanguageModel:
    """Build the model that settings describe, with its initial values, or blank, to be filled.

    Raises
    ------
    ConfigError
        If a setting is wrong, or the model is larger than memory.
    """
    known = signature(LanguageModel).parameters
    settings = {field.name: getattr(c, field.name) for field in fields(c) if field.name in known}
    try:
        return LanguageModel(vocab_size=vocab_size, **{**settings, **({"init": "zeros"} if blank else {})})
    except ElmanError:
        raise
    except (MemoryError, ValueError, OverflowError) as error:  # NumPy has all three for sizes
        raise ConfigError(
            f"a model of {c.layers} x {c.hidden} {c.cell}, embedding {c.embedding} and a vocabulary of "
            f"{vocab_size} does not fit into memory ({error}): make it smaller"
        ) from error


def fill(params: Mapping[str, Floats], arrays: Mapping[str, Floats], path: Path) -> None:
    """Copy arrays into params in place; raise CheckpointError, naming the first that does not fit."""
    for name, param in params.items():
        if name not in arrays:
            raise CheckpointError(f"{path} lacks {name}, which config.toml calls for")
        array = arrays[name]
        if array.shape != param.shape or array.dtype != param.dtype:
            raise CheckpointError(
                f"{name} in {path} is {array.dtype} {array.shape}, "
                f"but config.toml makes it {param.dtype} {param.shape}"
            )
        np.copyto(param, array)
    extra = arrays.keys() - params.keys()
    if extra:
        raise CheckpointError(f"{path} holds {sorted(extra)[0]}, which config.toml does not call for")

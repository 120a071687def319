"""Where a study is kept: Optuna's journal file, a file of SQLite, or a database that a URL names."""

from __future__ import annotations

import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from elman.errors import CheckpointError, ConfigError, DataError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNALS = (".journal", ".log", ".jsonl")
DATABASES = (".db", ".sqlite", ".sqlite3")
PATIENCE = 60
"""Seconds that a process waits for another's lock of an SQLite file."""

OPENINGS = 20
"""How often a storage is looked at anew that another process is just writing."""


def require_optuna() -> None:
    """Load Optuna, and keep it from talking; raise ConfigError if it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "elman sweep needs optuna, which is not installed: python -m pip install optuna"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)


def check_storage(storage: str) -> None:
    """Raise ConfigError if a name says no kind of storage.

    >>> check_storage("study.txt")
    Traceback (most recent call last):
    elman.errors.ConfigError: storage study.txt: give a file that ends in .journal ... or .db ...
    """
    if "://" not in storage and Path(storage).suffix.lower() not in (*JOURNALS, *DATABASES):
        raise ConfigError(
            f"storage {storage}: give a file that ends in {JOURNALS[0]} (which machines can share) or "
            f"{DATABASES[0]} (SQLite), or the URL of a database"
        )


def without_password(storage: str) -> str:
    """Return the name of a storage as it may be shown, without the password that a URL can have.

    >>> without_password("postgresql://me:secret@host/name"), without_password("a:b@c.db")
    ('postgresql://me:***@host/name', 'a:b@c.db')
    """
    return re.sub(r"(://[^:/@]*):[^/]*@", r"\1:***@", storage, count=1)


def open_storage(storage: str) -> BaseStorage:
    """Open or make a storage.

    Parameters
    ----------
    storage : str
        Path of a journal (`JOURNALS`) or of a file of SQLite (`DATABASES`), or a URL of SQLAlchemy's.

    Raises
    ------
    ConfigError
        If it is none of these, or a driver is not installed.
    DataError
        If what is there is something else, or damaged.
    """
    check_storage(storage)
    if "://" not in storage:
        path = Path(storage).resolve()  # links to a path that is relative would lead nowhere
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"cannot make {path.parent}: {error.strerror or error}") from error
        if path.suffix.lower() in JOURNALS:
            return _journal(path)
        storage = f"sqlite:///{path}"
    return _database(storage)


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import journal

    # A symbolic link is a lock on every kind of network disk; Windows lets only some users make one.
    lock = journal.JournalFileOpenLock if sys.platform == "win32" else journal.JournalFileSymlinkLock
    _check_whole(path)
    try:
        return journal.JournalStorage(journal.JournalFileBackend(str(path), lock(str(path))))
    except OSError as error:
        raise CheckpointError(f"cannot open {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AssertionError, AttributeError) as error:
        raise DataError(f"{path} is no journal of Optuna's, or is damaged ({error}): give another") from error


def _check_whole(path: Path) -> None:
    """Raise DataError if the last line has no end: what is written next would be lost with it."""
    for _ in range(OPENINGS):  # another process may be writing it
        try:
            with path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) == b"\n":
                    return
        except OSError:  # it is not there, or is empty
            return
        time.sleep(0.1)
    raise DataError(f"the last line of {path} was cut short, as by a full disk: remove that line")


def _database(url: str) -> BaseStorage:
    import sqlalchemy.exc as sql
    from optuna.storages import RDBStorage

    shown = without_password(url)
    kwargs = {"connect_args": {"timeout": PATIENCE}} if url.startswith("sqlite") else {}
    for opening in range(OPENINGS):
        try:
            return RDBStorage(url, engine_kwargs=kwargs)
        except ImportError as error:
            raise ConfigError(f"storage {shown}: its driver is not installed ({error.__cause__})") from error
        except (sql.ArgumentError, sql.NoSuchModuleError) as error:
            raise ConfigError(f"storage {shown} is no URL of a database: {_said(error, url)}") from error
        except (sql.OperationalError, sql.IntegrityError, sql.ProgrammingError) as error:
            # Of two processes that make the tables at the same time, one is told that they are there.
            if opening == OPENINGS - 1 or ("exist" not in str(error) and "UNIQUE" not in str(error)):
                raise CheckpointError(f"cannot open {shown}: {_said(error, url)}") from error
            time.sleep(0.1)
        except (sql.SQLAlchemyError, RuntimeError) as error:
            raise DataError(f"{shown} is no storage of Optuna's: {_said(error, url)}") from error
    raise AssertionError("the last opening returns or raises")


def _said(error: Exception, url: str) -> str:
    return str(error).partition("\n")[0].replace(url, without_password(url))


@contextmanager
def no_warnings() -> Iterator[None]:
    """Leave out Optuna's warnings of what may change in its later versions."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield

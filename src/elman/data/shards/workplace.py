"""The folder in which a text is prepared: what is there of it, and what has been done."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.data.shards.plan import Plan
from elman.disk.atomic import write_atomic
from elman.disk.lock import LOCK, exclusive
from elman.errors import CheckpointError, ConfigError, DataError

WORK = ".preparing"
"""The folder within for what is not finished."""

INDEX = "index.json"
SOURCES = "sources.json"
"""What a finished text was made of, by which the same command knows it again, and notes name files."""

LEARNT = "learnt.json"
UNPACKED = "unpacked.json"

_OURS = re.compile(
    r"(index|sources|tokenizer)\.json|train\.counts|(train|valid|test)-\d+-of-\d+\.(ids|starts)|\..*"
)


class Workplace:
    """The folder of a text that is being prepared.

    What is finished stands in the folder itself, all else in one within. Without the index, which comes
    last, it is no text.

    Parameters
    ----------
    out : Path
        The folder.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.work = out, out / WORK

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder, and hold its lock. Where nothing has been done when it is left, nothing stays.

        What an interruption leaves is all that has been done. Where the texts or the settings are wrong, that
        is the shards alone: what comes before them depends on what has to be mended.

        Raises
        ------
        CheckpointError
            Where another process prepares a text in it, or it cannot be made.
        ConfigError
            Where it is a file, or holds files of others.
        """
        if self.out.exists() and not self.out.is_dir():
            raise ConfigError(f"{self.out} is a file; --out names a folder to make")
        new = not self.out.exists()
        strangers = (
            [] if new else [path.name for path in self.out.iterdir() if not _OURS.fullmatch(path.name)]
        )
        if strangers:
            raise ConfigError(
                f"{self.out} holds files that are not a prepared text's ({min(strangers)}, ...): "
                "give a new folder"
            )
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"cannot make {self.out}: {error.strerror or error}") from None
        with exclusive(self.out, "prepared"):
            try:
                yield
            except BaseException as error:
                wrong = isinstance(error, ConfigError | DataError)
                done = ["*-of-*.json", *([] if wrong else [LEARNT, UNPACKED])]
                if not self.finished and not any(path for name in done for path in self.work.glob(name)):
                    shutil.rmtree(self.work, ignore_errors=True)
                    if new:
                        with contextlib.suppress(OSError):  # something is in it; or Windows: it is open
                            (self.out / LOCK).unlink()
                            self.out.rmdir()
                raise

    @property
    def finished(self) -> bool:
        """Whether the index is there."""
        return (self.out / INDEX).exists()

    def clear(self) -> None:
        """Remove all that was prepared here; the index first, so that no half of it looks finished."""
        self.unfinish()
        for path in self.made():
            path.unlink()
        shutil.rmtree(self.work, ignore_errors=True)  # last: it has the plan, by which this is done again

    def made(self) -> list[Path]:
        """The files in the folder that have the names of a prepared text's."""
        return [p for p in self.out.iterdir() if _OURS.fullmatch(p.name) and not p.name.startswith(".")]

    def begin(self, plan: Plan) -> None:
        """Begin to work by a plan."""
        self.work.mkdir(exist_ok=True)
        self.write("plan.json", plan.to_json())

    def plan(self) -> Plan | None:
        """The plan by which something was begun, or finished, here; None where nothing was.

        Raises
        ------
        CheckpointError
            Where it cannot be told.
        """
        path = self.out / SOURCES if self.finished else self.work / "plan.json"
        if not (path.exists() or self.finished):
            return None
        try:
            fields = json.loads(path.read_bytes())
            return Plan.from_json(fields["plan"] if self.finished else fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{path} is missing or damaged ({type(error).__name__}), so that it is not known what there "
                "is of which texts: give --overwrite to begin anew, or another --out"
            ) from None

    def read(self, name: str) -> Any:
        """What was written under a name; None where nothing was, or it is damaged and so to be made again."""
        try:
            return json.loads((self.work / name).read_bytes())
        except (OSError, ValueError):
            return None

    def write(self, name: str, fields: Any) -> None:
        """Write down what is known, whole or not at all."""
        write_atomic(self.work / name, (json.dumps(fields) + "\n").encode())

    def drop(self, stem: str) -> None:
        """Remove what was made for a shard within, and what is known of it."""
        for path in self.work.glob(f"{stem}.*"):
            path.unlink()

    def finish(self, index: Any, sources: Any) -> None:
        """Write what the text was made of, and then the index; from then on it is a text."""
        write_atomic(self.out / SOURCES, (json.dumps(sources) + "\n").encode())
        write_atomic(self.out / INDEX, (json.dumps(index) + "\n").encode())
        shutil.rmtree(self.work, ignore_errors=True)

    def unfinish(self) -> None:
        """Take the index away, so that what is left does not look like a text."""
        (self.out / INDEX).unlink(missing_ok=True)


def cannot_write(out: Path, error: OSError) -> DataError:
    """The error for a folder that cannot be written, such as on a full disk."""
    return DataError(
        f"cannot write the prepared text to {out}: {error.strerror or error}; what is done stays: "
        "run the same command again when that is mended, and it goes on"
    )

"""``metrics.jsonl``: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from elman.disk.atomic import write_atomic
from elman.errors import CheckpointError

NUMBERS = ("step", "tokens", "seconds", "train_loss", "lr")
"""What every line has; at evaluations there is ``valid_loss`` beside them, and at the end ``test_loss``."""


class Metrics:
    """The record of a run.

    Parameters
    ----------
    path : Path
        The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one line."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        except OSError as error:
            raise CheckpointError(f"cannot write {self.path}: {error.strerror or error}") from error

    def read(self) -> list[dict[str, Any]]:
        """Return all records; a last line that a kill cut short is left out.

        Raises
        ------
        CheckpointError
            If the file is missing, or a line other than one cut short at the end is not an object with the
            numbers that every line has (`NUMBERS`).
        """
        try:
            lines = self.path.read_text("utf-8").split("\n")
        except FileNotFoundError as error:
            raise CheckpointError(f"{self.path} is missing; was anything trained there?") from error
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"cannot read {self.path}: {error}") from error
        records = []
        # What follows the last line end is a line that was never finished.
        for number, line in enumerate(lines[:-1], start=1):
            try:
                record = json.loads(line)
                kinds = {name: type(record[name]) for name in NUMBERS}
                kinds |= {name: type(record.get(name, 0.0)) for name in ("valid_loss", "test_loss")}
                if kinds["step"] is not int or not set(kinds.values()) <= {int, float}:
                    raise ValueError("not a number")
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise CheckpointError(f"{self.path} is damaged at line {number}: {line:.60}") from error
            records.append(record)
        return records

    def rewind(self, step: int) -> None:
        """Drop the records after that step: those of work that a kill has undone."""
        if self.path.exists():
            self._replace([record for record in self.read() if record["step"] <= step])

    def drop(self, *names: str) -> None:
        """Take keys out of all records."""
        records = self.read() if self.path.exists() else []
        if any(name in record for record in records for name in names):
            self._replace([{k: v for k, v in record.items() if k not in names} for record in records])

    def _replace(self, records: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        write_atomic(self.path, text.encode())

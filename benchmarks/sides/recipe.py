"""The recipe that both sides follow to a loss: the text and its windows, the rates, the evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

SHARE = 0.9  # of the text that is trained on; the rest is evaluated on
ROWS = 50  # in which the evaluation runs side by side,
LEAD = 200  # each after so many characters that set its state and are not counted
CHUNK = 200  # steps of an evaluation at a time


def split(path: str) -> tuple[str, str]:
    """Return the training part and the validation part of a text."""
    text = Path(path).read_text("utf-8")
    cut = int(SHARE * len(text))
    return text[:cut], text[cut:]


def vocabulary(path: str) -> list[str]:
    """Return the characters of the training part; what is not among them counts as one more."""
    train, valid = split(path)
    known = sorted(set(train))
    return known if set(valid) <= set(known) else [*known, ""]


def rate(s: dict[str, Any], step: int) -> float:
    """Return the rate of an update: a linear warm-up, then a cosine down to zero."""
    highest, warmup = float(s["lr"]), int(s["warmup"])
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    done = (step - warmup) / (int(s["steps"]) - warmup)
    return highest * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


class Text:
    """The text as windows: for training B rows that go on from window to window, for evaluation `ROWS`."""

    def __init__(self, s: dict[str, Any]) -> None:
        train, valid = split(s["text"])
        numbers = {character: i for i, character in enumerate(vocabulary(s["text"]))}
        unknown = numbers.get("", 0)
        self.ids = np.array([numbers.get(character, unknown) for character in train + valid], np.int64)
        self.cut, self.T, B = len(train), s["T"], s["B"]
        steps = (self.cut - 1) // B
        self.x = self.ids[: B * steps].reshape(B, steps).T  # (steps, B)
        self.y = self.ids[1 : B * steps + 1].reshape(B, steps).T
        self.windows = steps // self.T

    def window(self, step: int) -> tuple[Ids, Ids, bool]:
        """Return x and y ``(T, B)`` of an update, and whether the state starts anew before it."""
        number = step % self.windows
        rows = slice(number * self.T, (number + 1) * self.T)
        return np.ascontiguousarray(self.x[rows]), np.ascontiguousarray(self.y[rows]), number == 0

    def evaluation(self) -> Iterator[tuple[Ids, Ids, NDArray[np.bool_]]]:
        """Yield x and y ``(steps, ROWS)`` of all of the validation part, and which of them count.

        A network forgets: after `LEAD` characters the state of a row is that of one long row.
        """
        counted = len(self.ids) - self.cut
        length = -(-counted // ROWS)
        starts = self.cut - 1 + length * np.arange(ROWS)  # the character before the first that counts
        for begin in range(-LEAD, length, CHUNK):
            steps = np.arange(begin, min(begin + CHUNK, length))[:, None]
            at = starts + steps
            inside = np.minimum(at, len(self.ids) - 2)
            yield self.ids[inside], self.ids[inside + 1], (steps >= 0) & (at == inside)

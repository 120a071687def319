"""The questions, the ratios that must be seen at least, and those that are aimed at."""

from __future__ import annotations

from typing import Any, NamedTuple

from bench.workloads import WORKLOADS

CHARACTERS = "train, characters"
WORDS = "train, words"
GENERATE = "generate one token, B 1"
ONNX = "generate, against ONNX Runtime"


class Target(NamedTuple):
    """How many times better than the best rival, on two cores: at least, and hoped for."""

    question: str
    least: float | None = None
    aim: float | None = None


TARGETS = {
    "train/char-128": Target(CHARACTERS, 0.95, 1.2),
    "train/char-512": Target(CHARACTERS, 1.1, 1.3),
    "train/gru-256": Target(CHARACTERS, 1.0, 1.5),
    "train/words-200": Target(WORDS, 1.9, 2.5),
    "train/words-650": Target(WORDS, 1.2, 1.6),
    "train/tutorial": Target("train, the tutorial's own size", 3, 10),
    "generate/char-128": Target(GENERATE, 1.8, 4),
    "generate/char-512": Target(GENERATE, 1.6, 3),
    "generate/words-650": Target(GENERATE, 1.8, 2.5),
    "generate-onnx/char-128": Target(ONNX, 1.1, 1.5),
    "generate-onnx/char-512": Target(ONNX, 0.8, 1.1),
    "generate-onnx/words-650": Target(ONNX),
    "generate/char-128-rows": Target("generate, many rows"),
    "start/char-128": Target("start: import to first prediction", 8, 12),
    "start-onnx/char-128": Target("start, against ONNX Runtime"),
    "size/installed": Target("installed size, everything included", 8),
    "memory/words-650": Target("peak memory of a training step", 2, 4),
    "time-to-loss/char-128": Target("time to 1.55 nats", 1.1, 1.5),
}
"""In the order of the page."""


def row(identity: str, setting: str, unit: str, figures: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a row of the page: the question, the figures and the targets."""
    target = TARGETS[identity]
    return {
        "id": identity, "question": target.question, "setting": setting, "unit": unit,
        "least": target.least, "aim": target.aim, **figures, **more,
    }  # fmt: skip


def setting(identity: str) -> str:
    """Return the setting of a row that has not been measured."""
    name = identity.split("/")[1]
    return WORKLOADS[name].model if name in WORKLOADS else name


def missed(row: dict[str, Any]) -> bool:
    """Say whether a row falls short of the least."""
    return row["least"] is not None and row["ratio"]["median"] < row["least"]

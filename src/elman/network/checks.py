"""Checks of what callers hand to a model; each message says what was given and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.errors import ShapeError
from elman.network.stack import Stack
from elman.typing import Ints


def check_tokens(name: str, tokens: Any, vocab_size: int, *, rank: int) -> Ints:
    """Return tokens if they are an integer array of that rank within the vocabulary."""
    axes = "(T, B)" if rank == 2 else "(B,)"
    if not isinstance(tokens, np.ndarray) or tokens.dtype.kind not in "iu":
        kind = f"{tokens.dtype} array" if isinstance(tokens, np.ndarray) else type(tokens).__name__
        raise ShapeError(f"{name} must be an integer array {axes}, not a {kind}")
    if tokens.ndim != rank or tokens.size == 0:
        raise ShapeError(f"{name} must be a non-empty array {axes}, not of shape {tokens.shape}")
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= vocab_size:
        wrong = low if low < 0 else high
        place = np.unravel_index(int(np.argmax(tokens == wrong)), tokens.shape)
        raise ShapeError(
            f"{name} holds token id {wrong} at index {tuple(map(int, place))}; "
            f"ids of this vocabulary are 0 to {vocab_size - 1}"
        )
    return tokens


def check_state(state: Any, stack: Stack, batch: int) -> None:
    """Raise ShapeError unless state fits the stack and has `batch` rows."""
    if not isinstance(state, tuple) or len(state) != len(stack.layers):
        raise ShapeError(
            f"state must be a tuple of {len(stack.layers)} layer states; "
            f"initial_state(batch={batch}) makes one"
        )
    for layer, given in zip(stack.layers, state, strict=True):
        fields, expected = layer.cell.state_type._fields, (batch, layer.hidden)
        if not isinstance(given, tuple) or getattr(given, "_fields", None) != fields:
            raise ShapeError(f"the state of {layer.name} must have the fields {fields}, not {given!r:.60}")
        for field, array in zip(fields, given, strict=True):
            if not isinstance(array, np.ndarray) or array.shape != expected or array.dtype != layer.dtype:
                found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else repr(array)[:60]
                raise ShapeError(
                    f"state {field} of {layer.name} must be {layer.dtype} {expected}, not {found}; "
                    f"initial_state(batch={batch}) makes one"
                )


def check_reset(reset: Any, shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless reset is None or a boolean array of that shape."""
    if reset is None:
        return
    if not isinstance(reset, np.ndarray) or reset.dtype != np.bool_ or reset.shape != shape:
        found = f"{reset.dtype} {reset.shape}" if isinstance(reset, np.ndarray) else type(reset).__name__
        raise ShapeError(f"reset must be a boolean array {shape}, not {found}")

"""Checks of what callers hand to a model; each message says what was given and what was expected."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.errors import ConfigError, ElmanError, ShapeError
from elman.network.truncation import Truncation
from elman.typing import Ints

if TYPE_CHECKING:  # a stack is made of what is checked here
    from elman.network.stack import Stack


def check_whole(name: str, value: Any, low: int, error: type[ElmanError] = ConfigError) -> int:
    """Return value as an int if it is a whole number of at least `low`; a bool is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise error(f"{name} must be a whole number of at least {low}, not {value!r}")
    return int(value)


def check_real(name: str, value: Any) -> float:
    """Return value as a float if it is a finite real number; a bool is not one."""
    if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(float(value)):
        raise ConfigError(f"{name} must be a finite number, not {value!r}")
    return float(value)


def check_bool(name: str, value: Any) -> bool:
    """Return value if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ConfigError(f"{name} must be True or False, not {value!r:.60}")
    return bool(value)


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
        widths = layer.state_widths
        fields = widths._fields
        if not isinstance(given, tuple) or getattr(given, "_fields", None) != fields:
            raise ShapeError(f"the state of {layer.name} must have the fields {fields}, not {given!r:.60}")
        dtype = layer.dtype
        for field, array, width in zip(fields, given, widths, strict=True):
            expected = (batch, width)
            if not isinstance(array, np.ndarray) or array.shape != expected or array.dtype != dtype:
                found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else repr(array)[:60]
                raise ShapeError(
                    f"state {field} of {layer.name} must be {dtype} {expected}, not {found}; "
                    f"initial_state(batch={batch}) makes one"
                )


def check_reset(reset: Any, shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless reset is None or a boolean array of that shape."""
    if reset is None:
        return
    if not isinstance(reset, np.ndarray) or reset.dtype != np.bool_ or reset.shape != shape:
        found = f"{reset.dtype} {reset.shape}" if isinstance(reset, np.ndarray) else type(reset).__name__
        raise ShapeError(f"reset must be a boolean array {shape}, not {found}")


def check_forwards(stack: Stack, what: str) -> None:
    """Raise ConfigError if a layer of the stack reads ahead, which `what` cannot have."""
    if not stack.forwards:
        raise ConfigError(
            f"{what} needs a model that reads forward alone; of this one a layer goes from the last step to "
            "the first, and so has to be given whole sequences"
        )


def check_generator(rng: Any) -> None:
    """Raise ConfigError unless rng is None or a generator: a seed here would repeat one mask for ever."""
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise ConfigError(
            f"rng must be a numpy.random.Generator or None, not {rng!r:.60}; "
            "numpy.random.default_rng(seed) makes one"
        )


def check_passes(T: int, skip: Any, state_after: Any, truncation: Any) -> None:
    """Raise ConfigError unless the backward passes asked for lie within a window of T steps."""
    if truncation is not None and not isinstance(truncation, Truncation):
        raise ConfigError(f"truncation must be an elman.Truncation(every, back), not {truncation!r:.60}")
    if truncation is not None and (skip or state_after is not None):
        raise ConfigError("truncation makes several backward passes; leave out skip and state_after")
    if check_whole("skip", skip, 0) >= T:
        raise ConfigError(f"skip must be at least 0 and less than the {T} steps given, not {skip}")
    if state_after is not None and check_whole("state_after", state_after, 0) > T:
        raise ConfigError(f"state_after must be between 0 and the {T} steps given, not {state_after}")


def check_gradients(out: Any, shapes: dict[str, tuple[int, ...]], dtype: np.dtype[Any]) -> None:
    """Raise ShapeError unless out has an array of that shape and type for every name, and no other name."""
    if not isinstance(out, dict) or out.keys() != shapes.keys():
        names = sorted(shapes.keys() ^ out.keys()) if isinstance(out, dict) else type(out).__name__
        raise ShapeError(
            f"out must have the names of the parameters and no others, but differs in {names}; "
            "new_grads() makes one"
        )
    for name, shape in shapes.items():
        array = out[name]
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else repr(array)[:60]
            raise ShapeError(f"out[{name!r}] must be {dtype} {shape}, not {found}; new_grads() makes one")

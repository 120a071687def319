"""Keras's arrays as elman's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, DataError
from elman.interop.building import assemble, by
from elman.interop.keras.names import BFLOAT16
from elman.interop.keras.plan import Layer, Plan, Recurrent
from elman.interop.said import Imported
from elman.network import LanguageModel

Arrays = Mapping[str, NDArray[Any]]

GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}
# Which of Keras's gate blocks is elman's first, second, ...: LSTM i, f, c, o -> i, f, o, g;
# GRU z, r, h -> r, z, n.
ORDER = {"SimpleRNN": (0,), "LSTM": (0, 1, 3, 2), "GRU": (1, 0, 2)}


def imported(source: str, plan: Plan, arrays: Arrays) -> Imported:
    """Return the model of a plan and its arrays.

    Raises
    ------
    DataError
        If an array is missing, surplus or of another shape than the plan says.
    ConfigError
        If the layers are not alike, or Keras's mask would fall on other steps than elman's.
    """
    given = _Given(source, arrays)
    E = given.take(f"{plan.embedding}/vars/0", plan.sizes)
    if E.ndim != 2:
        raise DataError(f"{plan.embedding}/vars/0 of {source} must have two dimensions, not {E.ndim}")
    first = plan.layers[0].first
    hidden = _units(given, first)
    for part in (part for layer in plan.layers for part in layer.parts):
        if (part.cell, _units(given, part)) != (first.cell, hidden):
            raise ConfigError(
                f"{source}: {part.name!r} is {part.cell} of {_units(given, part)} units and {first.name!r} "
                f"{first.cell} of {hidden}; the layers of elman's language model are alike"
            )
    params: dict[str, NDArray[Any]] = {"embedding.E": E}
    directions, width, turned, swapped = [], E.shape[1], False, False
    for index, layer in enumerate(plan.layers):
        if turned and plan.masked:
            raise ConfigError(
                f"{source}: {layer.name!r} reads the outputs of a layer that goes backwards, last first, "
                "and Keras does not turn the mask with them; elman masks the steps that the tokens name: "
                "save the model with mask_zero=False"
            )
        directions.append(_layer(given, layer, f"layers.{index}", width, hidden, turned, swapped, params))
        turned ^= layer.first.backwards
        swapped = layer.second is not None and turned
        width = hidden * len(layer.parts)
    V = given.take(f"{plan.dense}/vars/0", (width, E.shape[0]))
    params["output.V"] = _swap(V) if swapped else V
    params["output.c"] = (
        given.take(f"{plan.dense}/vars/1", (E.shape[0],))
        if plan.dense_bias
        else np.zeros(E.shape[0], V.dtype)
    )
    given.finish()
    said = [*plan.said, *given.said]
    if turned and plan.layers[-1].sequences:
        said.append(
            "the outputs of the Keras model come last step first, since an odd number of its layers go "
            "backwards; elman's stand each at its own step"
        )
    if plan.masked:
        said.append(
            "Keras masks token 0 (mask_zero): give lengths=elman.interop.keras.mask(tokens) for the same "
            "results in Python; on the command line evaluate, generate and next read token 0 as any other, "
            "unmasked"
        )
    direction = ",".join(directions) if len(set(directions)) > 1 else directions[0]
    sizes = {
        "vocab_size": E.shape[0], "cell": first.cell, "embedding": E.shape[1], "hidden": hidden,
        "layers": len(plan.layers), "dtype": given.dtype, **plan.dropout,
    }  # fmt: skip
    if direction != "forward":
        sizes["direction"] = direction
    return Imported(_model(source, sizes, params, given.dtype), tuple(said))


def _model(source: str, sizes: Mapping[str, Any], params: Arrays, dtype: str) -> LanguageModel:
    return assemble(source, sizes, {name: array.astype(dtype, copy=False) for name, array in params.items()})


def _layer(
    given: _Given, layer: Layer, name: str, inputs: int, hidden: int, turned: bool, swapped: bool,
    params: dict[str, NDArray[Any]],
) -> str:  # fmt: skip
    """Add a layer's parameters; return its direction in elman's time, where no output is ever turned.

    A layer that goes backwards leaves its outputs last step first, and the layer above reads them so: with
    such a sequence (`turned`), backwards is forwards. Of two directions elman has the forward half first;
    Keras, turned, has it second (`swapped`), and so the rows of what reads it are swapped.
    """
    forward = {part.backwards == turned: part for part in layer.parts}
    for ahead, part in forward.items():
        key = f"{name}.reverse" if not ahead and layer.second is not None else name
        params.update(
            {f"{key}.{letter}": array for letter, array in _part(given, part, inputs, hidden, swapped)}
        )
    if layer.second is not None:
        return "bidirectional"
    return "forward" if True in forward else "reverse"


def _part(
    given: _Given, part: Recurrent, inputs: int, hidden: int, swapped: bool
) -> list[tuple[str, NDArray[Any]]]:
    G, vars_ = GATES[part.kind], f"{part.group}/cell/vars"
    U = given.take(f"{vars_}/0", (inputs, G * hidden))
    W = given.take(f"{vars_}/1", (hidden, G * hidden))
    found = [("U", _gates(_swap(U) if swapped else U, part.kind)), ("W", _gates(W, part.kind))]
    after = part.kind == "GRU" and not part.cell.startswith("gru-before")
    shape = (2, G * hidden) if after else (G * hidden,)
    bias = given.take(f"{vars_}/2", shape) if part.bias else np.zeros(shape, U.dtype)
    if not after:
        return [*found, ("b", _gates(bias[None], part.kind)[:, 0])]
    # Outside the reset gate the two biases of a gate only ever occur as their sum.
    outer, inner = (_gates(row[None], part.kind)[:, 0] for row in bias)
    b = outer.copy()
    b[:2] += inner[:2]
    return [*found, ("b", b), ("b_candidate", inner[2])]


def _gates(array: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return ``(rows, G H)`` as ``(G, rows, H)``, in elman's order of gates."""
    blocks = array.reshape(len(array), GATES[kind], -1)
    return blocks.transpose(1, 0, 2)[list(ORDER[kind])]


def _swap(array: NDArray[Any]) -> NDArray[Any]:
    half = len(array) // 2
    return np.concatenate([array[half:], array[:half]])


def _units(given: _Given, part: Recurrent) -> int:
    return part.units or given.rows(f"{part.group}/cell/vars/1")


class _Given:
    """The arrays of a file, each to be taken once."""

    def __init__(self, source: str, arrays: Arrays) -> None:
        self.source, self.said = source, list[str]()
        if any(name.startswith("_layer_checkpoint_dependencies") for name in arrays):
            raise ConfigError(f"{source} was saved by Keras 2: load it and save it again with Keras 3")
        self._left: dict[str, NDArray[Any]] = {}
        kinds = set()
        for name, array in arrays.items():
            if "seed_generator" not in name:  # of dropout
                plain = name.removesuffix(BFLOAT16)
                self._left[plain] = array
                kinds.add(str(array.dtype) if plain == name else "bfloat16")
        for kind in sorted(kinds - {"float16", "bfloat16", "float32", "float64"}):
            raise DataError(
                f"{source} holds weights of type {kind}; elman takes float16 to float64, and bfloat16"
            )
        self.dtype = "float64" if "float64" in kinds else "float32"
        for kind in sorted(kinds):
            if kind != self.dtype:
                self.said.append(
                    f"{kind} weights of {source} were converted to {self.dtype}, which holds them exactly"
                )

    def rows(self, name: str) -> int:
        array = self._left.get(name)
        if array is None or array.ndim != 2:
            raise DataError(f"{self.source} has no weights {name}, an array of two dimensions")
        return len(array)

    def take(self, name: str, shape: tuple[int, ...] | None) -> NDArray[Any]:
        """Return an array of that shape, in the model's precision."""
        array = self._left.pop(name, None)
        if array is None:
            raise DataError(
                f"{self.source} has no weights {name}{f', an array of {by(shape)}' if shape else ''}"
            )
        if shape is not None and array.shape != shape:
            raise DataError(f"{name} of {self.source} must be {by(shape)}, not {by(array.shape)}")
        return array.astype(self.dtype, copy=False)

    def finish(self) -> None:
        """Refuse weights that no layer took."""
        if self._left:
            raise DataError(
                f"{self.source} has weights {min(self._left)}, which belong to no layer of the model"
            )

"""The plan of a ``.weights.h5``, which has no config: names and shapes tell most, the caller the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from elman.errors import ConfigError
from elman.interop.keras.activations import Kind, cell_name, known_activation
from elman.interop.keras.convert import GATES, Arrays
from elman.interop.keras.plan import Layer, Plan, Recurrent

KINDS = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
KNOWN = (*KINDS, "bidirectional", "embedding", "dense", "time_distributed")

MOST_ORDERS = 1000
"""Orders of layers, or beginnings of these, that are followed."""


class Told(NamedTuple):
    """What a file of weights alone cannot tell; None where the caller does not, either."""

    activation: str | None = None
    recurrent_activation: str | None = None
    go_backwards: Sequence[bool] | bool | None = None
    mask_zero: bool | None = None


def guessed(source: str, arrays: Arrays, told: Told) -> Plan:
    """Return the plan that fits names and shapes.

    Raises
    ------
    ConfigError
        If the file holds layers that elman has not, or the order of its layers cannot be seen.
    """
    groups = sorted({"/".join(name.split("/")[:2]) for name in arrays if "seed_generator" not in name})
    if any(group.startswith("model_weights/") for group in groups):
        raise ConfigError(
            f"{source} is a whole model in the older HDF5 format: load it with Keras 3, and save it as .keras"
        )
    kinds: dict[str, list[str]] = {}
    for group in groups:
        match = re.fullmatch(r"layers/([a-z0-9_]+?)(_\d+)?", group)
        kind = match.group(1) if match else ""
        if kind not in KNOWN:
            raise ConfigError(
                f"{source} has weights {group}, of no layer that elman has; it has {', '.join(KNOWN)}"
            )
        kinds.setdefault(kind, []).append(group)
    ends = kinds.pop("dense", []) + [f"{group}/layer" for group in kinds.pop("time_distributed", [])]
    embeddings = kinds.pop("embedding", [])
    if len(embeddings) != 1 or len(ends) != 1 or not kinds:
        raise ConfigError(
            f"{source} has {len(embeddings)} Embedding and {len(ends)} Dense layers and "
            f"{sum(map(len, kinds.values()))} recurrent ones; elman's model has one of each, and one "
            "or more recurrent"
        )
    ordered = _ordered(source, arrays, kinds, embeddings[0], f"{ends[0]}/vars/0")
    backwards = told.go_backwards or False
    ways = [backwards] * len(ordered) if isinstance(backwards, bool) else list(backwards)
    if len(ways) != len(ordered):
        raise ConfigError(
            f"go_backwards has {len(ways)} values for the {len(ordered)} recurrent layers of {source}"
        )
    layers = tuple(_layer(arrays, group, told, way) for group, way in zip(ordered, ways, strict=True))
    bias = f"{ends[0]}/vars/1" in arrays
    said = _assumed(told, layers[0].first)
    return Plan(embeddings[0], None, bool(told.mask_zero), layers, ends[0], None, bias, {}, said)


def _ordered(
    source: str, arrays: Arrays, kinds: dict[str, list[str]], embedding: str, dense: str
) -> list[str]:
    """Return the recurrent layers in order: numbers order those of a kind, widths those of two kinds."""
    queues = [sorted(groups, key=_number) for groups in kinds.values()]
    if len(queues) == 1:
        return queues[0]
    width = _size(arrays, f"{embedding}/vars/0", 1)
    wide = {group: _widths(arrays, group) for queue in queues for group in queue}
    orders: list[tuple[list[str], list[int], int]] = [([], [0] * len(queues), width)]
    for _ in range(len(wide)):
        longer = []
        for order, taken, entering in orders:
            for index, queue in enumerate(queues):
                if taken[index] < len(queue) and wide[queue[taken[index]]][0] == entering:
                    group = queue[taken[index]]
                    after = [n + (i == index) for i, n in enumerate(taken)]
                    longer.append(([*order, group], after, wide[group][1]))
        orders = longer
        if len(orders) > MOST_ORDERS:
            break
    fitting = [order for order, _, leaving in orders if leaving == _size(arrays, dense, 0)]
    if len(fitting) != 1 or len(orders) > MOST_ORDERS:
        raise ConfigError(
            f"{source} does not tell the order of its layers {', '.join(wide)}: read the .keras file of the "
            "model, which does"
        )
    return fitting[0]


def _number(group: str) -> int:
    digits = re.search(r"_(\d+)$", group)
    return int(digits.group(1)) if digits else 0


def _size(arrays: Arrays, name: str, axis: int) -> int:
    return arrays[name].shape[axis] if name in arrays and arrays[name].ndim == 2 else -1


def _widths(arrays: Arrays, group: str) -> tuple[int, int]:
    both = group.startswith("layers/bidirectional")
    part = f"{group}/forward_layer" if both else group
    return _size(arrays, f"{part}/cell/vars/0", 0), _size(arrays, f"{part}/cell/vars/1", 0) * (1 + both)


def _layer(arrays: Arrays, group: str, told: Told, backwards: bool) -> Layer:
    name = group.removeprefix("layers/")
    if not name.startswith("bidirectional"):
        kind = KINDS[re.sub(r"_\d+$", "", name)]
        return Layer(name, _part(arrays, name, group, kind, told, backwards))
    gates = _size(arrays, f"{group}/forward_layer/cell/vars/0", 1) / max(
        1, _size(arrays, f"{group}/forward_layer/cell/vars/1", 0)
    )
    kind = next((kind for kind, number in GATES.items() if number == gates), "SimpleRNN")
    first, second = (
        _part(
            arrays, f"{name}/{side}", f"{group}/{side}", kind, told, backwards != (side == "backward_layer")
        )
        for side in ("forward_layer", "backward_layer")
    )
    return Layer(name, first, second)


def _part(arrays: Arrays, name: str, group: str, kind: str, told: Told, backwards: bool) -> Recurrent:
    activation = known_activation(told.activation or "tanh", name, "activation")
    recurrent = known_activation(told.recurrent_activation or "sigmoid", name, "recurrent_activation")
    bias = arrays.get(f"{group}/cell/vars/2")
    before = kind == "GRU" and bias is not None and bias.ndim == 1
    cell = cell_name(Kind(kind, activation, recurrent, before))
    return Recurrent(name, group, kind, None, cell, bias is not None, backwards)


def _assumed(told: Told, first: Recurrent) -> tuple[str, ...]:
    """Return a sentence that names what neither the file nor the caller told; none if that is nothing."""
    words = ["activation tanh"] if told.activation is None else []
    if first.kind != "SimpleRNN" and told.recurrent_activation is None:
        words.append("recurrent_activation sigmoid")
    if first.kind == "GRU" and not first.bias:
        words.append("reset_after True")
    words += [f"{name} False" for name in ("go_backwards", "mask_zero") if getattr(told, name) is None]
    return (f"a file of weights does not tell everything; assumed: {', '.join(words)}",) if words else ()

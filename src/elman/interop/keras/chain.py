"""The layers of a Keras model in the order in which they are applied."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

from elman.errors import ConfigError, DataError
from elman.interop.keras.fields import Fields, short

LAYERS = 1000


def chain_of(source: str, config: dict[str, Any]) -> list[tuple[Fields, str]]:
    """Return each layer with the name of the group that holds its arrays.

    Raises
    ------
    ConfigError
        If the model is neither Sequential nor a functional one whose layers stand in one line.
    DataError
        If config.json is damaged.
    """
    kind, inner = config.get("class_name"), config.get("config")
    if kind not in ("Sequential", "Functional", "Model") or not isinstance(inner, dict):
        raise ConfigError(
            f"{source} holds a {short(kind)}, not a Sequential or functional model: classes of one's own "
            "are code, which is never run"
        )
    entries = inner.get("layers")
    if not isinstance(entries, list) or len(entries) > LAYERS:
        raise DataError(f"config.json of {source} has no list of layers, or one of more than {LAYERS:,}")
    layers = [Fields(source, entry) for entry in entries]
    groups = _groups(layers)
    if kind == "Sequential":
        return list(zip(layers, groups, strict=True))
    _check_line(source, inner, entries, layers)
    return [pair for pair in zip(layers, groups, strict=True) if pair[0].kind != "NotEqual"]


def snake(name: str) -> str:
    """Return a class's name as Keras names the group of its arrays.

    >>> snake("SimpleRNN"), snake("LSTM"), snake("TimeDistributed")
    ('simple_rnn', 'lstm', 'time_distributed')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _groups(layers: list[Fields]) -> list[str]:
    used: dict[str, int] = {}
    groups = []
    for layer in layers:
        name = snake(layer.kind)
        used[name] = used.get(name, -1) + 1
        groups.append(f"layers/{name}_{used[name]}" if used[name] else f"layers/{name}")
    return groups


def _check_line(source: str, inner: dict[str, Any], entries: list[Any], layers: list[Fields]) -> None:
    """Check that each layer takes the one before, and masks come from nowhere but the tokens."""
    last: Fields | None = None
    masks: set[str] = set()
    for entry, layer in zip(entries, layers, strict=True):
        nodes = entry.get("inbound_nodes")
        if last is None:
            if layer.kind != "InputLayer":
                raise ConfigError(f"{layer} comes first, where elman expects the InputLayer of the tokens")
            tokens, last = layer.called, layer
            continue
        if not isinstance(nodes, list) or len(nodes) != 1 or not isinstance(nodes[0], dict):
            raise ConfigError(f"{layer} is not used exactly once: elman has layers in one line only")
        inputs = nodes[0].get("args")
        if layer.kind == "NotEqual":  # the mask of an Embedding with mask_zero
            _check_mask(layer, inputs, tokens, layers)
            masks.add(layer.called)
            continue
        if not isinstance(inputs, list) or len(inputs) != 1 or _from(inputs[0]) != last.called:
            raise ConfigError(
                f"{layer} does not take the output of {last.name!r}: elman has layers in one line only"
            )
        _check_keywords(layer, nodes[0].get("kwargs"), masks)
        last = layer
    for name, expected in (
        ("input_layers", layers[0].called if layers else ""),
        ("output_layers", last and last.called),
    ):
        if _end(inner.get(name)) != expected:
            raise ConfigError(
                f"{source}: the model's {name} are not its {short(expected)!r} alone: elman has one of each"
            )


def _check_mask(layer: Fields, inputs: Any, tokens: str, layers: list[Fields]) -> None:
    zero = isinstance(inputs, list) and len(inputs) == 2 and inputs[1] == 0
    embedding = any(one.kind == "Embedding" and one.config.get("mask_zero") is True for one in layers)
    if not zero or not embedding or _from(inputs[0]) != tokens:
        raise ConfigError(f"{layer} is not the mask of an Embedding with mask_zero, the one mask elman has")


def _check_keywords(layer: Fields, keywords: Any, masks: Container[str | None]) -> None:
    for name, value in (keywords if isinstance(keywords, dict) else {}).items():
        mask = name == "mask" and (value is None or _from(value) in masks)
        if not (mask or (name == "training" and not value) or value is None):
            raise ConfigError(f"{layer} is called with {short(name)}, which elman has not")


def _from(tensor: Any) -> str | None:
    """Return the layer that a tensor of the file comes from."""
    try:
        name, node, index = tensor["config"]["keras_history"]
    except (TypeError, KeyError, ValueError):
        return None
    return name if isinstance(name, str) and (node, index) == (0, 0) else None


def _end(ends: Any) -> Any:
    while isinstance(ends, list) and len(ends) == 1:
        ends = ends[0]
    return ends[0] if isinstance(ends, list) and len(ends) == 3 and ends[1:] == [0, 0] else None

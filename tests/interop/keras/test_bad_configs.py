"""Configs that are damaged, and those of sound models that elman has not."""

from __future__ import annotations

import base64
import copy
import marshal
from collections.abc import Callable
from typing import Any

import pytest

import elman
from elman.interop.keras.config import plan_of
from elman.network.regularisers import Regularisers
from tests.interop.keras.files import config, layer, refusal

Change = Callable[[dict[str, Any]], Any]


def changed(change: Change, name: str = "lstm") -> None:
    """Plan a stored model after a change of its config."""
    given = config(name)
    change(given)
    plan_of("a file", given)


def setting(kind: str, **values: Any) -> Change:
    return lambda given: layer(given, kind).update(values)


def inserted(entry: dict[str, Any], place: int = 2) -> Change:
    return lambda given: given["config"]["layers"].insert(place, entry)


def plain(kind: str, **values: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": {"name": f"my_{kind}", **values}}


CODE = base64.b64encode(marshal.dumps(compile("raise SystemExit('ran')", "x", "exec"))).decode()
LAMBDA = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}

HAS_NOT: dict[str, tuple[Change, str]] = {
    "lambda": (
        inserted(plain("Lambda", function=LAMBDA)),
        "Lambda layer 'my_Lambda' of a file cannot be imported: it holds Python code, which is never run",
    ),
    "own class": (
        inserted({**plain("Fancy"), "module": "os", "registered_name": "x>Fancy"}),
        "class is not Keras's own",
    ),
    "own class, known name": (
        lambda c: c["config"]["layers"][2].update(registered_name="mine>LSTM"),
        "LSTM layer .* is not Keras's own",
    ),
    "own model": (lambda c: c.update(class_name="MyModel"), "holds a MyModel, not a Sequential"),
    "activation that is code": (
        setting("LSTM", activation=LAMBDA),
        "the activation of the LSTM layer 'lstm' of a file is an object or Python code",
    ),
    "unknown activation": (
        setting("LSTM", recurrent_activation="gelu"),
        "recurrent_activation of .* is gelu",
    ),
    "layer between": (
        inserted(plain("Conv1D"), 2),
        "Conv1D layer 'my_Conv1D' of a file is not one that elman has",
    ),
    "normalised": (
        inserted(plain("LayerNormalization"), 3),
        "LayerNormalization layer 'my_LayerNormalization'",
    ),
    "activation between": (inserted(plain("Activation", activation="relu"), 3), "Activation layer"),
    "two outputs": (inserted(plain("Dense", units=6), 4), "Dense layer 'my_Dense'"),
    "two embeddings": (
        inserted(plain("Embedding", input_dim=6, output_dim=3), 2),
        "Embedding layer 'my_Embedding'",
    ),
    "no embedding": (
        lambda c: c["config"]["layers"].pop(1),
        "LSTM layer .* not one that elman has at its place",
    ),
    "no output": (lambda c: c["config"]["layers"].pop(), "has no Dense layer after recurrent ones"),
    "nothing recurrent": (lambda c: c["config"]["layers"].pop(2), "Dense layer 'dense' of a file is not one"),
    "cells in a list": (inserted(plain("RNN", cell=[]), 2), "RNN layer 'my_RNN' of a file"),
    "classes": (setting("Dense", units=5), "6 tokens and predicts 5 classes"),
    "a softmax of a softmax": (
        inserted(plain("Activation", activation="softmax"), 4),
        "Activation layer 'my_Activation' of a file is not one",
    ),
    "output activation": (
        setting("Dense", activation="sigmoid"),
        "the activation of the Dense layer .* is sigmoid",
    ),
    "state returned": (setting("LSTM", return_state=True), "LSTM layer 'lstm' of a file returns its state"),
    "adapter": (
        setting("Embedding", lora_rank=4),
        "Embedding layer 'embedding' of a file has the option lora_rank = 4",
    ),
    "future option": (
        setting("LSTM", attention="flash"),
        "has the option attention = flash, which elman has not",
    ),
    "quantised": (
        setting("Dense", dtype={"class_name": "QuantizedDTypePolicy", "config": {}}),
        "policy QuantizedDTypePolicy",
    ),
}


@pytest.mark.parametrize("name", HAS_NOT)
def test_what_elman_has_not_is_named(name: str) -> None:
    change, message = HAS_NOT[name]
    with pytest.raises(elman.ConfigError, match=message):
        changed(change)


@pytest.mark.parametrize("merge", ["sum", "ave", "mul", None])
def test_directions_are_joined_end_to_end_alone(merge: str | None) -> None:
    with pytest.raises(elman.ConfigError, match=f"has merge_mode {merge}; elman has concat alone"):
        changed(setting("Bidirectional", merge_mode=merge), "both")


def test_directions_must_be_alike() -> None:
    def other(key: str, **values: Any) -> Change:
        return lambda given: layer(given, "Bidirectional")[key]["config"].update(values)

    with pytest.raises(elman.ConfigError, match="holds two layers that are not alike"):
        changed(other("layer", units=5), "both")
    with pytest.raises(elman.DataError, match="two layers that go the same way"):
        changed(other("layer", go_backwards=True), "both")
    with pytest.raises(elman.ConfigError, match="holds two layers that are not alike"):
        changed(other("layer", activation="relu"), "both")
    with pytest.raises(elman.DataError, match="or return different things"):
        changed(other("backward_layer", return_sequences=False), "both")
    with pytest.raises(elman.ConfigError, match=r"LSTM layer .* its class is not Keras's own"):
        changed(lambda c: layer(c, "Bidirectional")["layer"].update(registered_name="mine>LSTM"), "both")
    with pytest.raises(elman.ConfigError, match="holds a Conv1D layer"):
        changed(lambda c: layer(c, "Bidirectional").update(backward_layer=plain("Conv1D")), "both")

    def ends(given: dict[str, Any]) -> None:
        other("layer", return_sequences=False)(given)
        other("backward_layer", return_sequences=False)(given)

    with pytest.raises(elman.ConfigError, match="returns the last step of each direction"):
        changed(ends, "both")


def node(given: dict[str, Any], kind: str) -> dict[str, Any]:
    entry = next(entry for entry in given["config"]["layers"] if entry["class_name"] == kind)
    found: dict[str, Any] = entry["inbound_nodes"][0]
    return found


def tensor(name: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}


GRAPHS: dict[str, tuple[Change, str]] = {
    "used twice": (
        lambda c: c["config"]["layers"][3]["inbound_nodes"].append({}),
        "is not used exactly once: elman has layers",
    ),
    "not in line": (
        lambda c: node(c, "TimeDistributed").update(args=[tensor("lower")]),
        "does not take the output of 'dropout_1'",
    ),
    "two inputs": (
        lambda c: node(c, "LSTM").update(args=[tensor("embedding"), tensor("tokens")]),
        "does not take the output",
    ),
    "second use": (
        lambda c: node(c, "TimeDistributed")["args"][0]["config"].update(keras_history=["dropout_1", 1, 0]),
        "does not take the output of 'dropout_1'",
    ),
    "own class for each step": (
        lambda c: layer(c, "TimeDistributed")["layer"].update(registered_name="mine>Dense"),
        "cannot be imported: its class is not Keras's own",
    ),
    "second output": (
        lambda c: c["config"].update(output_layers=[["lower", 0, 0], ["upper", 0, 0]]),
        "output_layers",
    ),
    "initial state": (
        lambda c: node(c, "LSTM")["kwargs"].update(initial_state=[tensor("x")]),
        "is called with initial_state",
    ),
    "tokens for a mask": (
        lambda c: node(c, "LSTM")["kwargs"].update(mask=tensor("tokens")),
        "LSTM layer 'lower' of a file is called with mask",
    ),
    "always dropping": (
        lambda c: node(c, "Dropout")["kwargs"].update(training=True),
        "is called with training",
    ),
    "other mask": (
        lambda c: node(c, "NotEqual")["args"].__setitem__(1, 3),
        "is not the mask of an Embedding",
    ),
    "mask of something else": (
        lambda c: node(c, "NotEqual")["args"].__setitem__(0, tensor("embedding")),
        "is not the mask of an Embedding",
    ),
    "mask of nothing": (setting("Embedding", mask_zero=False), "is not the mask of an Embedding"),
    "no input": (lambda c: c["config"]["layers"].pop(0), "comes first, where elman expects the InputLayer"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_functional_models_are_one_line(name: str) -> None:
    change, message = GRAPHS[name]
    with pytest.raises(elman.ConfigError, match=message):
        changed(change, "functional")


DAMAGED: dict[str, Any] = {
    "no layers": lambda c: c["config"].pop("layers"),
    "layers that are none": lambda c: c["config"].update(layers=["LSTM", 3]),
    "too many": lambda c: c["config"].update(layers=[plain("Dropout")] * 1001),
    "no config": lambda c: c["config"]["layers"][2].update(config=[]),
    "units": setting("LSTM", units="four"),
    "negative": setting("LSTM", units=-4),
    "true": setting("LSTM", units=True),
    "flag": setting("LSTM", go_backwards="no"),
    "rate": setting("LSTM", dropout=float("nan")),
    "last step below": lambda c: c["config"]["layers"].insert(2, plain("LSTM", units=4)),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_configs(name: str) -> None:
    with pytest.raises(elman.DataError):
        changed(DAMAGED[name])


def test_every_part_of_a_config_may_be_of_another_type() -> None:
    """Whatever stands in a place, an error of elman's comes of it or a plan."""
    given = config("functional")

    def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
        yield path
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            yield from places(value[key], (*path, key))

    for path in [path for path in places(given) if path and "initializer" not in str(path)]:
        for value in (None, 7, "x", [], [[]], {}, {"class_name": []}, True, 1e300):
            other = copy.deepcopy(given)
            inner = other
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
            assert "\n" not in refusal(lambda other=other: plan_of("a file", other))


def test_what_is_said_of_settings_that_differ() -> None:
    given = config()
    layer(given, "LSTM").update(stateful=True, dropout=0.2, recurrent_dropout=0.1, return_sequences=False)
    layer(given, "Dense").update(dtype="mixed_float16")
    said = " ".join(plan_of("a file", given).said)
    for part in (
        "is stateful",
        "dropout, which acts in training only, is left out",
        "returns the last step that it reads",
    ):
        assert part in said
    assert "policy mixed_float16" in said


@pytest.mark.parametrize(
    ("places", "rates", "said"),
    [
        ({4: 0.3, 3: 0.3}, (0.3, None, 0.0), False),
        ({4: 0.3}, (0.3, 0.0, 0.0), False),
        ({3: 0.3}, (0.0, 0.3, 0.0), False),
        ({4: 0.3, 3: 0.2}, (0.3, 0.2, 0.0), False),
        ({4: 0.3, 3: 0.3, 2: 0.1}, (0.3, None, 0.1), False),
        ({4: 1.0, 3: 1.0}, (0.0, None, 0.0), True),
        ({2: 0.0}, (0.0, None, 0.0), False),
        ({}, (0.0, None, 0.0), False),
    ],
)
@pytest.mark.parametrize("kind", ["Dropout", "SpatialDropout1D"])
def test_dropout_is_kept_where_it_means_the_same(
    places: dict[int, float], rates: tuple[float, float | None, float], said: bool, kind: str
) -> None:
    given = config()
    entries = given["config"]["layers"]
    entries.insert(3, copy.deepcopy(entries[2]))  # input, embedding, two of LSTM, dense
    for place, value in sorted(places.items(), reverse=True):
        entries.insert(place, plain(kind, rate=value))
    plan = plan_of("a file", given)
    found = Regularisers(**plan.dropout)
    assert (found.dropout, found.dropout_between, found.dropout_input) == rates
    assert found.variational == (any(rates) and kind == "SpatialDropout1D")
    assert any("dropout" in sentence for sentence in plan.said) == said


def test_dropout_of_whole_steps_is_another() -> None:
    given = config()
    entries = given["config"]["layers"]
    entries.insert(3, copy.deepcopy(entries[2]))
    entries.insert(4, plain("Dropout", rate=0.3))
    entries.insert(3, plain("Dropout", rate=0.3, noise_shape=[None, 1, 4]))
    plan = plan_of("a file", given)
    assert (plan.dropout, len(plan.said)) == ({}, 1)


@pytest.mark.parametrize(
    "others",
    [[(3, "Dropout", 0.3), (4, "SpatialDropout1D", 0.3)], [(4, "Dropout", 0.3)] * 2, [(3, "Dropout", 0.2)]],
    ids=["of two kinds", "twice", "at other rates"],
)
def test_dropout_that_is_not_ours_is_left_out(others: list[tuple[int, str, float]]) -> None:
    given = config()
    entries = given["config"]["layers"]
    for _ in range(2):
        entries.insert(3, copy.deepcopy(entries[2]))  # input, embedding, three of LSTM, dense
    for place, kind, rate in sorted(others, reverse=True):
        entries.insert(place, plain(kind, rate=rate))
    plan = plan_of("a file", given)
    assert (plan.dropout, len(plan.said)) == ({}, 1)


def test_long_names_are_told_apart() -> None:
    def renamed(value: Any, name: str, other: str) -> Any:
        if isinstance(value, dict):
            return {key: renamed(item, name, other) for key, item in value.items()}
        if isinstance(value, list):
            return [renamed(item, name, other) for item in value]
        return other if value == name else value

    given = config("functional")
    for name in ("tokens", "lower", "upper", "dropout", "dropout_1"):
        given = renamed(given, name, "x" * 80 + name)
    assert len(plan_of("a file", given).layers) == 2
    node(given, "TimeDistributed").update(args=[tensor("x" * 80 + "lower")])
    with pytest.raises(elman.ConfigError, match=r"does not take the output of 'xxx.*\.\.\.'"):
        plan_of("a file", given)

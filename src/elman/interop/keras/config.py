"""config.json as a plan: what elman has of it, and the name of what it has not."""

from __future__ import annotations

from typing import Any

from elman.errors import ConfigError, DataError
from elman.interop.keras.activations import Kind, activation_of, cell_name
from elman.interop.keras.chain import chain_of
from elman.interop.keras.fields import Fields, short
from elman.interop.keras.plan import Layer, Plan, Recurrent

RECURRENT = ("SimpleRNN", "LSTM", "GRU")
DROPOUT = ("Dropout", "SpatialDropout1D")
WHOLE = "an Embedding, layers of SimpleRNN, LSTM or GRU, and a Dense layer"


def plan_of(source: str, config: dict[str, Any]) -> Plan:
    """Return the plan of a model.

    Raises
    ------
    ConfigError
        If the model is sound and has something that elman has not; the message names the layer.
    DataError
        If config.json is damaged.
    """
    reading = _Reading(source)
    for fields, group in chain_of(source, config):
        reading.take(fields, group)
    return reading.plan()


class _Reading:
    """Takes layer by layer; each must come where elman has it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.embedding: tuple[str, int, int, bool] | None = None
        self.layers: list[Layer] = []
        self.dense: tuple[str, int, bool] | None = None
        self.softmax = False
        self.rates: list[tuple[int, float, bool]] = []  # after that many recurrent layers, one for all steps
        self.other_dropout = False
        self.said: list[str] = []

    def take(self, fields: Fields, group: str) -> None:
        _check_own(fields)
        self._policy(fields)
        if fields.kind == "InputLayer" and self.embedding is None:
            pass
        elif fields.kind == "Embedding" and self.embedding is None:
            sizes = fields.whole("input_dim"), fields.whole("output_dim")
            self.embedding = group, *sizes, fields.flag("mask_zero")
        elif fields.kind in DROPOUT and self.embedding is not None and self.dense is None:
            self.rates.append((len(self.layers), fields.rate("rate"), fields.kind == DROPOUT[1]))
            self.other_dropout |= fields.anything("noise_shape") is not None
        elif fields.kind in (*RECURRENT, "Bidirectional") and self.embedding and self.dense is None:
            self._recurrent(fields, group)
        elif fields.kind in ("Dense", "TimeDistributed") and self.layers and self.dense is None:
            self._dense(fields, group)
        elif fields.kind == "Activation" and self.dense is not None and not self.softmax:
            self._ending(fields)
        else:
            raise ConfigError(f"the {fields} is not one that elman has at its place: expected {WHOLE}")
        fields.finish()

    def plan(self) -> Plan:
        if self.embedding is None or self.dense is None:
            missing = "Embedding" if self.embedding is None else "Dense layer after recurrent ones"
            raise ConfigError(f"{self.source} has no {missing}: expected {WHOLE}")
        group, vocabulary, width, masked = self.embedding
        dense, classes, bias = self.dense
        if classes != vocabulary:
            raise ConfigError(
                f"{self.source} reads {vocabulary:,} tokens and predicts {classes:,} classes; elman's "
                "language model predicts the tokens it reads"
            )
        dropout = self._dropout()
        return Plan(
            group,
            (vocabulary, width),
            masked,
            tuple(self.layers),
            dense,
            classes,
            bias,
            dropout,
            tuple(self.said),
        )

    def _policy(self, fields: Fields) -> None:
        dtype = fields.anything("dtype")
        if isinstance(dtype, dict):
            if dtype.get("class_name") not in ("DTypePolicy", "FloatDTypePolicy"):
                raise ConfigError(
                    f"the {fields} has the dtype policy {short(dtype.get('class_name'))}, which elman has not"
                )
            inner = dtype.get("config")
            dtype = inner.get("name") if isinstance(inner, dict) else None
        if isinstance(dtype, str) and "16" in dtype and "int" not in dtype:
            sentence = (
                f"Keras computes with the policy {short(dtype)}, elman in float32: results differ by rounding"
            )
            if sentence not in self.said:
                self.said.append(sentence)

    def _recurrent(self, fields: Fields, group: str) -> None:
        if self.layers and not self.layers[-1].sequences:
            raise DataError(
                f"the {fields} has nothing to read: {self.layers[-1].name!r} returns its last step only"
            )
        if fields.kind == "Bidirectional":
            layer = self._both(fields, group)
        else:
            part, sequences = self._part(fields, group)
            layer = Layer(fields.name, part, None, sequences)
        if not layer.sequences:
            self.said.append(
                f"{layer.name!r} returns the last step that it reads (return_sequences=False), and Keras "
                "gives the logits of this alone; elman's model gives those of every step"
            )
        self.layers.append(layer)

    def _both(self, fields: Fields, group: str) -> Layer:
        merge = fields.anything("merge_mode", "concat")
        if merge != "concat":
            raise ConfigError(f"the {fields} has merge_mode {short(merge)}; elman has concat alone")
        parts = []
        for key, place in (("layer", "forward_layer"), ("backward_layer", "backward_layer")):
            inner = Fields(self.source, fields.anything(key))
            _check_own(inner)
            if inner.kind not in RECURRENT:
                raise ConfigError(
                    f"the {fields} holds a {inner.kind} layer; elman has {', '.join(RECURRENT)}"
                )
            parts.append(self._part(inner, f"{group}/{place}"))
            inner.finish()
        (first, sequences), (second, same) = parts
        if first[2:5] != second[2:5]:  # kind, units, cell
            raise ConfigError(f"the {fields} holds two layers that are not alike, which elman has not")
        if sequences != same or first.backwards == second.backwards:
            raise DataError(f"the {fields} holds two layers that go the same way, or return different things")
        if not sequences:
            raise ConfigError(
                f"the {fields} returns the last step of each direction (return_sequences=False): these stand "
                "at the two ends of the text, and each of elman's outputs at its own place"
            )
        return Layer(fields.name, first, second, sequences)

    def _part(self, fields: Fields, group: str) -> tuple[Recurrent, bool]:
        self._policy(fields)
        simple = fields.kind == "SimpleRNN"
        activation = activation_of(fields, "activation", "tanh")
        recurrent = "" if simple else activation_of(fields, "recurrent_activation", "sigmoid")
        before = fields.kind == "GRU" and not fields.flag("reset_after", True)
        if fields.flag("return_state"):
            raise ConfigError(
                f"the {fields} returns its state as a further output (return_state), which elman has not"
            )
        if fields.flag("stateful"):
            self.said.append(
                f"{fields.name!r} is stateful in Keras: elman's states are arguments and results, and "
                "nothing is carried on by itself"
            )
        if any([fields.rate("dropout"), fields.rate("recurrent_dropout")]):  # both are looked at
            self.other_dropout = True
        part = Recurrent(
            fields.name, group, fields.kind, fields.whole("units"),
            cell_name(Kind(fields.kind, activation, recurrent, before)),
            fields.flag("use_bias", True), fields.flag("go_backwards"),
        )  # fmt: skip
        return part, fields.flag("return_sequences")

    def _dense(self, fields: Fields, group: str) -> None:
        if fields.kind == "TimeDistributed":
            inner = Fields(self.source, fields.anything("layer"))
            _check_own(inner)
            if inner.kind != "Dense":
                raise ConfigError(f"the {fields} holds a {inner.kind} layer; elman has a Dense one there")
            if not self.layers[-1].sequences:
                raise DataError(f"the {fields} has no sequence to read")
            self._dense(inner, f"{group}/layer")
            inner.finish()
            return
        self._ending(fields)
        self.dense = group, fields.whole("units"), fields.flag("use_bias", True)

    def _ending(self, fields: Fields) -> None:
        value = fields.anything("activation")
        if value not in (None, "linear", "softmax"):
            raise ConfigError(
                f"the activation of the {fields} is {short(value)}; elman's is linear, with a softmax"
            )
        self.softmax |= value == "softmax"

    def _dropout(self) -> dict[str, Any]:
        """Return the settings that mean the same in elman, if there are such; else say so."""
        last, rates = len(self.layers), [entry for entry in self.rates if entry[1] > 0.0]
        at = {place: rate for place, rate, _ in rates}
        between, kinds = {at.get(place, 0.0) for place in range(1, last)}, {of_all for _, _, of_all in rates}
        same = len(at) == len(rates) and len(between) <= 1 and len(kinds) <= 1
        if same and max(at.values(), default=0.0) < 1.0 and not self.other_dropout:
            found: dict[str, Any] = {"dropout": at.get(last, 0.0), "dropout_input": at.get(0, 0.0)}
            if between and between != {found["dropout"]}:
                (found["dropout_between"],) = between
            return found | {"variational": kinds == {True}}
        self.said.append(
            "dropout, which acts in training only, is left out: elman drops from the word vectors, at one "
            "rate from the outputs of all recurrent layers but the last, and from that; this model elsewhere "
            "too, or at other rates"
        )
        return {}


def _check_own(fields: Fields) -> None:
    """Raise ConfigError if a layer is code, or of a class that is not Keras's own."""
    if fields.foreign or fields.kind == "Lambda":
        code = "it holds Python code" if fields.kind == "Lambda" else "its class is not Keras's own"
        raise ConfigError(f"the {fields} cannot be imported: {code}, which is never run")

"""A layer's entry in config.json, read as data: types are checked, and nothing in it is looked up or run."""

from __future__ import annotations

from typing import Any

from elman.errors import ConfigError, DataError

# Of no effect on what a trained layer computes, or of one that is said.
_HARMLESS = frozenset({
    "name", "trainable", "dtype", "unroll", "zero_output_for_mask", "unit_forget_bias", "seed",
    "implementation", "use_cudnn", "batch_shape", "batch_input_shape", "sparse", "ragged", "optional",
    "shape", "input_length", "autocast",
})  # fmt: skip
_HARMLESS_ENDS = ("_initializer", "_regularizer", "_constraint")
_CELLS_OWN = ("keras", "keras.layers")


class Fields:
    """The settings of one layer.

    Parameters
    ----------
    source : str
        The file, for messages.
    entry : Any
        ``{"class_name": ..., "config": {...}, "module": ..., "registered_name": ...}``, if the file is sound.
    """

    def __init__(self, source: str, entry: Any) -> None:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise DataError(f"config.json of {source} has a layer without a class_name")
        self.source, self.kind = source, short(entry["class_name"])
        config = entry.get("config")
        if not isinstance(config, dict):
            raise DataError(f"config.json of {source}: the {self.kind} layer has no config")
        self.config: dict[str, Any] = config
        name = config.get("name", entry.get("name", self.kind.lower()))
        self.name = short(name)
        self.called = name if isinstance(name, str) else self.name  # in the graph
        self.module, self.registered = entry.get("module"), entry.get("registered_name")
        self._asked: set[str] = set()

    def __str__(self) -> str:
        return f"{self.kind} layer {self.name!r} of {self.source}"

    @property
    def foreign(self) -> bool:
        """Whether the class is not one of Keras's own."""
        module = self.module if isinstance(self.module, str) else "keras.layers"
        ours = module in _CELLS_OWN or module.startswith("keras.src.")
        return not ours or self.registered not in (None, self.kind)

    def whole(self, name: str) -> int:
        """Return a whole number of at least 1."""
        value = self._take(name, None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise DataError(f"{self}: {name} must be a whole number of at least 1, not {short(value)}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a yes or no."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise DataError(f"{self}: {name} must be true or false, not {short(value)}")
        return value

    def rate(self, name: str) -> float:
        """Return a rate of dropout."""
        value = self._take(name, 0.0)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 <= value <= 1.0:
            raise DataError(f"{self}: {name} must be a number from 0 to 1, not {short(value)}")
        return float(value)

    def anything(self, name: str, default: Any = None) -> Any:
        """Return what stands there."""
        return self._take(name, default)

    def finish(self) -> None:
        """Refuse options that nobody asked for and that are not known to be without effect."""
        for name, value in self.config.items():
            known = name in self._asked or name in _HARMLESS or str(name).endswith(_HARMLESS_ENDS)
            if not known and value not in (None, False):
                raise ConfigError(
                    f"{self} has the option {short(name)} = {short(value)}, which elman has not"
                )

    def _take(self, name: str, default: Any) -> Any:
        self._asked.add(name)
        return self.config.get(name, default)


def short(value: Any) -> str:
    """Return a value of the file as one short line."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return text if text.isprintable() else text.encode("unicode_escape").decode()

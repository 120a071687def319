"""What is searched: a choice of values, a range, or a group of settings that go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any, Protocol, TypeAlias


class Drawer(Protocol):
    """What chooses: a trial of Optuna's, whose names these are."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float: ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int: ...


@dataclass(frozen=True)
class Choice:
    """A setting and the values that it may have."""

    name: str
    values: tuple[Any, ...]
    scale = "choice"

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield every value."""
        for value in self.values:
            yield {self.name: value}

    def draw(self, drawer: Drawer, prefix: str = "") -> dict[str, Any]:
        """Let the value be chosen."""
        return {self.name: drawer.suggest_categorical(prefix + self.name, self.values)}

    def __str__(self) -> str:
        return f"{self.name} {', '.join(map(shown, self.values))}"


@dataclass(frozen=True)
class Range:
    """A setting and the interval that its value is of, both ends included."""

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def scale(self) -> str:
        """``"log"`` or ``"linear"``."""
        return "log" if self.log else "linear"

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield both ends."""
        yield {self.name: self.low}
        yield {self.name: self.high}

    def draw(self, drawer: Drawer, prefix: str = "") -> dict[str, Any]:
        """Let the value be chosen."""
        name = prefix + self.name
        if isinstance(self.low, int) and isinstance(self.high, int):
            step = int(self.step or 1)
            return {self.name: drawer.suggest_int(name, self.low, self.high, step=step, log=self.log)}
        value = drawer.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        if self.step is not None:  # 0.3, and not the sum of three tenths
            start, size = Decimal(str(self.low)), Decimal(str(self.step))
            value = float(start + round((Decimal(value) - start) / size) * size)
        return {self.name: value}

    def __str__(self) -> str:
        how = " (log)" if self.log else "" if self.step is None else f" in steps of {shown(self.step)}"
        return f"{self.name} {shown(self.low)} to {shown(self.high)}{how}"


@dataclass(frozen=True)
class Option:
    """Settings that go together: some have a value, others are themselves searched."""

    fixed: dict[str, Any]
    within: tuple[Choice | Range, ...]

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield the settings at every end."""
        for parts in product(*(dimension.corners() for dimension in self.within)):
            yield together(self.fixed, *parts)

    def __str__(self) -> str:
        return ", ".join([*([said(self.fixed)] if self.fixed else []), *map(str, self.within)])


@dataclass(frozen=True)
class Group:
    """A name, and tables of settings of which one is chosen."""

    name: str
    options: tuple[Option, ...]

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield those of every option."""
        for option in self.options:
            yield from option.corners()

    def draw(self, drawer: Drawer, prefix: str = "") -> dict[str, Any]:
        """Let the option be chosen, and what is searched within it."""
        labels = [f"{index}: {option}" for index, option in enumerate(self.options)]
        index = labels.index(drawer.suggest_categorical(prefix + self.name, labels))
        option = self.options[index]
        within = (d.draw(drawer, f"{prefix}{self.name}.{index}.") for d in option.within)
        return together(option.fixed, *within)

    def __str__(self) -> str:
        return f"{self.name} {' or '.join(f'({option})' for option in self.options)}"


Dimension: TypeAlias = Choice | Range | Group


def together(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return one dictionary of several."""
    return {name: value for part in parts for name, value in part.items()}


def shown(value: Any) -> str:
    """Return a value in a few characters.

    >>> shown(0.0031622776), shown(True), shown("lstm"), shown(None)
    ('0.003162', 'true', 'lstm', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def said(settings: Mapping[str, Any]) -> str:
    """Return settings in a line.

    >>> said({"hidden": 64, "lr": 0.01})
    'hidden 64, lr 0.01'
    """
    return ", ".join(f"{name} {shown(value)}" for name, value in settings.items())

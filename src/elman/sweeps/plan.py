"""What a sweep trains: settings that all trials share, and the space of those that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elman.errors import ConfigError, ElmanError
from elman.storage.config import TrainConfig, by_name
from elman.storage.recipes import with_recipe
from elman.sweeps.dimensions import said
from elman.sweeps.space import TOKENS, Space, read_space

ELSEWHERE = ("text", "data", "data_index", "train", "valid", "test", "tokenizer", "vectors", "threads")
"""Settings that may differ between the machines of a study: where files lie, and how many cores there are."""

NATS, BITS = "nats a token", "bits a byte"
"""What trials are compared by."""

NO_VALIDATION = "a sweep goes by the validation loss, but there is no validation part"


@dataclass(frozen=True)
class Plan:
    """The settings of a sweep.

    Attributes
    ----------
    base : dict
        What all trials share, by the names of the settings.
    space : Space
        What is searched.
    search : dict
        The same as it was written, by the names that stand there.
    recipe : str or None
        The recipe that stands behind both.
    """

    base: dict[str, Any]
    space: Space
    search: dict[str, Any]
    recipe: str | None = None

    @classmethod
    def read(cls, values: Mapping[str, Any], recipe: str | None = None) -> Plan:
        """Return the plan of a settings file.

        Parameters
        ----------
        values : mapping
            As read from TOML, with a table under ``"search"``.
        recipe : str, optional
            A recipe; what the file says goes before it.

        Raises
        ------
        ConfigError
            If a name is not known, or the table is not in the notation.

        Examples
        --------
        >>> plan = Plan.read({"hidden": 32, "search": {"lr": [0.01, 0.02]}})
        >>> plan.config({"lr": 0.02}).lr
        0.02
        """
        base = by_name({name: value for name, value in values.items() if name != "search"})
        space = read_space(values.get("search"))
        for name in space.names:
            if name in base:
                raise ConfigError(f"{name} has a value and is searched as well: leave one of them out")
        return cls(base, space, dict(values["search"]), recipe)

    @property
    def measure(self) -> str:
        """What trials are compared by: bits a byte where they differ in what a token is."""
        return BITS if any(name in self.space.names for name in TOKENS) else NATS

    def config(self, settings: Mapping[str, Any]) -> TrainConfig:
        """Return the settings of one trial, checked; raise ConfigError if they contradict one another."""
        together = {**self.base, **settings}
        return TrainConfig.from_mapping(with_recipe(self.recipe, together) if self.recipe else together)

    def corners(self) -> list[tuple[dict[str, Any], TrainConfig]]:
        """Return combinations of what is at the ends of the space, each checked as ``elman train`` checks it.

        Raises
        ------
        ConfigError, DataError, CheckpointError
            For the first that no run can begin with; the message says which, unless none can.
        """
        from elman.training.preconditions import check_settings

        found, wrong = [], list[tuple[dict[str, Any], ElmanError]]()
        for settings in self.space.corners():
            try:
                config = self.config(settings)
                config = check_settings(config)
                if not config.validated:
                    raise ConfigError(f"{NO_VALIDATION}: give one by valid or split")
                if "-" in (*config.text, config.train, config.valid, config.test):
                    raise ConfigError(
                        "a sweep reads its text again when it goes on: give a file in place of - (standard "
                        "input)"
                    )
            except ElmanError as error:
                wrong.append((settings, error))
            else:
                found.append((settings, config))
        complain(wrong, everywhere=not found)
        return found

    @property
    def signature(self) -> dict[str, Any]:
        """What a study is of, as JSON has it: processes with other settings do not take part in it."""
        return {
            **{name: value for name, value in self.base.items() if name not in ELSEWHERE},
            **{f"[search] {name}": value for name, value in self.search.items()},
            **({"recipe": self.recipe} if self.recipe else {}),
        }


def complain(wrong: Sequence[tuple[Mapping[str, Any], ElmanError]], *, everywhere: bool) -> None:
    """Raise the first error of combinations of settings, if there is one.

    Parameters
    ----------
    wrong : sequence of pairs
        Settings, and what is wrong with them.
    everywhere : bool
        Whether these are all combinations. Where the error is the same with all, it does not say with which.

    Raises
    ------
    ElmanError
        Of the kind of the first.
    """
    if not wrong:
        return
    settings, error = wrong[0]
    if everywhere and len({str(other) for _, other in wrong}) == 1:
        raise error
    raise type(error)(f"with {said(settings)}: {error}")

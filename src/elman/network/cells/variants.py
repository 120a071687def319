"""Cells with other activations and options, by names that say them: ``lstm[elu,tanh,tanh;clip=3]``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches

from elman.errors import ConfigError
from elman.network.cells.activations import Activation
from elman.network.cells.base import Cell
from elman.network.cells.general import General
from elman.network.cells.general_gru import GeneralGRU, GeneralGRUBefore
from elman.network.cells.general_lstm import GeneralLSTM
from elman.network.cells.general_rnn import GeneralRNN

FAMILIES = {
    "rnn": ("tanh",),
    "lstm": ("sigmoid", "tanh", "tanh"),
    "gru": ("sigmoid", "tanh"),
    "gru-before": ("sigmoid", "tanh"),
}
"""The families, and the activations they have where none are given."""

NAMED = {
    "rnn[tanh]": "rnn",
    "rnn[relu]": "rnn-relu",
    "lstm[sigmoid,tanh,tanh]": "lstm",
    "lstm[sigmoid,tanh,tanh;peepholes]": "lstm-peephole",
    "lstm[sigmoid,tanh,tanh;coupled]": "lstm-coupled",
    "gru[sigmoid,tanh]": "gru",
    "gru-before[sigmoid,tanh]": "gru-before",
}
"""Those that are cells with a name of their own."""


def cell_of(
    family: str,
    activations: Sequence[str | Activation] = (),
    *,
    peepholes: bool = False,
    coupled: bool = False,
    clip: float | None = None,
    before: bool = False,
) -> Cell:
    """Return the cell of a family with these activations and options.

    Parameters
    ----------
    family : str
        ``rnn``, ``lstm``, ``gru`` or ``gru-before``.
    activations : sequence of str or Activation
        Of `rnn` one; of `lstm` three: gates, candidate, memory cell; of `gru` two: gates, candidate. Each
        as :class:`~elman.network.cells.activations.Activation` reads it, such as ``"elu:2"``. None:
        the usual.
    peepholes, coupled : bool
        Of `lstm`: whether gates see the memory cell; whether the forget gate is one minus the input gate.
    clip : float, optional
        Pre-activations are bounded to ``[-clip, clip]``; greater than 0.
    before : bool
        Of `gru`: whether the reset gate acts before the product, as in ``gru-before``.

    Returns
    -------
    Cell
        One with a name of its own where it is that; else a new one, whose name ``get_cell``
        reads.

    Raises
    ------
    ConfigError
        If the family or an activation is unknown, or an option does not belong to it.

    Examples
    --------
    >>> from elman.network.cells import get_cell
    >>> from elman.network.cells.variants import cell_of
    >>> cell = cell_of("lstm", ("hard-sigmoid", "tanh", "relu"), coupled=True, clip=3)
    >>> cell.name
    'lstm[hard-sigmoid,tanh,relu;coupled;clip=3]'
    >>> get_cell(cell.name) == cell
    True
    >>> cell_of("rnn", ["relu"]).name
    'rnn-relu'
    """
    from elman.network.cells import CELLS

    if before and family == "gru":
        family = "gru-before"
    _check(family, peepholes=peepholes, coupled=coupled, clip=clip, before=before)
    given = activations or FAMILIES[family]
    chosen = [name if isinstance(name, Activation) else Activation.parse(name) for name in given]
    if len(chosen) != len(FAMILIES[family]):
        raise ConfigError(
            f"{family!r} has {len(FAMILIES[family])} activations, by default {','.join(FAMILIES[family])}; "
            f"given are {len(chosen)}: {','.join(map(str, chosen))}"
        )
    cell = _general(family, chosen, None if clip is None else float(clip), peepholes, coupled)
    return CELLS.get(NAMED.get(cell.name, ""), cell)


def _check(family: str, *, peepholes: bool, coupled: bool, clip: float | None, before: bool) -> None:
    """Raise ConfigError for a family that there is not, or an option that it has not."""
    if family not in FAMILIES:
        near = get_close_matches(str(family), FAMILIES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"unknown family of cells {family!r}: with activations there are {', '.join(FAMILIES)}{hint}"
        )
    for option, given in (("peepholes", peepholes), ("coupled", coupled)):
        if given and family != "lstm":
            raise ConfigError(f"{option} is an option of 'lstm', and {family!r} has none")
    if before and family != "gru-before":
        raise ConfigError(f"before is an option of 'gru', and {family!r} has no reset gate")
    if clip is not None and not (math.isfinite(clip) and clip > 0.0):
        raise ConfigError(f"clip must be a finite number greater than 0, not {clip}")


def _general(
    family: str, activations: list[Activation], clip: float | None, peepholes: bool, coupled: bool
) -> General:
    if family == "rnn":
        return GeneralRNN(activations, clip)
    if family == "lstm":
        return GeneralLSTM(activations, peepholes=peepholes, coupled=coupled, clip=clip)
    return (GeneralGRU if family == "gru" else GeneralGRUBefore)(activations, clip)


def parse(text: str) -> Cell:
    """Read the name of a cell with activations and options.

    Parameters
    ----------
    text : str
        ``FAMILY[ACTIVATION,...;OPTION;...]``; the options are ``peepholes``, ``coupled`` and ``clip=NUMBER``.

    Returns
    -------
    Cell
        As :func:`cell_of` returns it.

    Raises
    ------
    ConfigError
        If a part is wrong; the message names it, and what is known.

    Examples
    --------
    >>> from elman.network.cells.variants import parse
    >>> parse("gru-before[hard-sigmoid:0.2:0.5, tanh]").name
    'gru-before[hard-sigmoid,tanh]'
    >>> parse("lstm[;peepholes]").name
    'lstm-peephole'
    """
    family, _, rest = text.partition("[")
    if not rest.endswith("]"):
        raise ConfigError(f"cell {text!r}: a bracket is open, and nothing closes it at the end")
    activations, *options = (part.strip() for part in rest[:-1].split(";"))
    known: dict[str, bool | float] = {}
    for option in options:
        name, equals, value = (part.strip() for part in option.partition("="))
        if name in known:
            raise ConfigError(f"cell {text!r}: {name} is given twice")
        if name in ("peepholes", "coupled") and not equals:
            known[name] = True
        elif name == "clip":
            known[name] = _number(text, value)
        else:
            raise ConfigError(
                f"cell {text!r}: unknown option {option!r}: expected peepholes, coupled or clip=NUMBER"
            )
    names = [name.strip() for name in activations.split(",")] if activations else []
    try:
        return cell_of(
            family.strip(), names, peepholes="peepholes" in known, coupled="coupled" in known,
            clip=known.get("clip"),
        )  # fmt: skip
    except ConfigError as error:
        raise ConfigError(f"cell {text!r}: {error}") from None


def _number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"cell {text!r}: clip must be a number, not {value!r}") from None

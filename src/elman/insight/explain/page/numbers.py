"""The numbers of the page: those of the document, less what the page computes from the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.insight.explain.document import Document, document
from elman.insight.explain.explanation import Explanation
from elman.insight.page import rounded

MOST = 200_000
"""An array of more numbers is left out."""

TOGETHER = 4
"""All that each loss sends to each step may be this many times as much."""

DIGITS = 6

KEPT = (
    "format", "elman", "sentence", "cell", "gates", "states", "activations", "gated_by", "reads",
    "peepholes", "tied", "sizes", "truncate", "loss", "perplexity", "steps",
)  # fmt: skip
"""Parts of the document that stand on the page as they are."""


def numbers(explanation: Explanation, *, source: str | Mapping[str, str] = "", most: int = MOST) -> Document:
    """Return what the page embeds.

    As in :func:`~elman.insight.explain.document.document`, but rounded to six significant digits, and

    * ``each`` has for loss ``t`` only the steps up to ``t``, for ``output.logits`` only ``t`` itself, and no
      products ``Ux_*`` and ``Wh_*``: their derivatives are those of ``a_*`` and ``m``;
    * ``grads`` is there only where ``each``, from which the page computes it, is too large;
    * the products themselves and the shares of steps are not there either: the page computes them;
    * ``vocabulary`` is there only where the logits of a step are.

    Parameters
    ----------
    explanation : Explanation
        What to show.
    source : str or mapping of str to str
        Where the model comes from, in words; or these for each language.
    most : int
        Leave out arrays of more numbers than this.

    Returns
    -------
    dict
    """
    each, whole = _each(explanation, most)
    without = ("each", "dparams", "by_step", *(["grads"] if whole else []))
    made = document(explanation, most=most, without=without)
    values = {name: rows for name, rows in made["values"].items() if not _is_product(name)}
    left_out = [
        name for name in made["omitted"] if name.startswith(("params.", "values.")) and not _is_product(name)
    ]
    if not whole:
        left_out.append("each")
    return {
        **{part: made[part] for part in KEPT},
        "source": source,
        "vocabulary": made["vocabulary"] if "output.logits" in made["values"] else None,
        "params": _rounded(made["params"]),
        "values": _rounded(values),
        "each": each,
        "grads": _rounded(made["grads"]),
        "sent": rounded(made["sent"], DIGITS),
        "cut": [{name: _rounded(entry) for name, entry in row.items()} for row in made["cut"]],
        "omitted": left_out,
    }


def _each(explanation: Explanation, most: int) -> tuple[dict[str, list[Any]], bool]:
    """Return what each loss sends to each step, and whether that is all: it is either all or nothing."""
    T = explanation.steps
    packed = {}
    for name, array in explanation.each.items():
        if _is_product(name):
            continue
        packed[name] = (
            [array[t, t] for t in range(T)]
            if name == "output.logits"
            else [array[t, : t + 1] for t in range(T)]
        )
    sizes = [sum(rows.size for rows in arrays) for arrays in packed.values()]
    if max(sizes) > most or sum(sizes) > TOGETHER * most:
        return {}, False
    return {name: [rounded(rows, DIGITS) for rows in arrays] for name, arrays in packed.items()}, True


def _is_product(name: str) -> bool:
    return name.rpartition(".")[2].startswith(("Ux_", "Wh_"))


def _rounded(table: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if numbers is None else rounded(np.asarray(numbers, np.float64), DIGITS)
        for name, numbers in table.items()
    }

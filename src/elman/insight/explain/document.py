"""An explanation as one document: plain lists and numbers, for JSON and for the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np

import elman
from elman.insight.explain.explanation import Explanation, Word
from elman.insight.reference.cells import Array, Arrays

FORMAT = 1
"""Version of the document."""

TOP = 10

Document: TypeAlias = dict[str, Any]
Parts: TypeAlias = Mapping[str, tuple[int, Callable[[], Array]]]
"""By name the size of an array, and what makes it."""


def document(
    explanation: Explanation,
    *,
    source: str = "",
    most: int | None = None,
    together: int | None = None,
    without: Collection[str] = (),
) -> Document:
    """Return all of an explanation.

    Parameters
    ----------
    explanation : Explanation
        What to write down.
    source : str
        Where the model comes from, in words.
    most : int, optional
        Leave out arrays of more numbers than this; by default none.
    together : int, optional
        And so many of the rest, in the order of the document, that they are no more numbers than this.
    without : collection of str
        Of ``grads``, ``each``, ``dparams`` and ``by_step``, those to leave empty.

    Returns
    -------
    dict
        ``format``, ``elman``, ``source``, ``sentence``, ``cell``, ``gates``, ``states``, ``vocabulary``
            What it is of. ``activations`` has the function of each gate, or null; ``gated_by`` the gate that
            multiplies the recurrent product of the last one, or null; ``reads`` what the recurrent weights of
            each gate multiply; ``peepholes``, for each row of p, the gate and the state that it sees;
            ``sizes`` T, D, H, G, K and L; ``tied`` whether V is E transposed; ``truncate`` how many steps
            each loss reaches back, or null.
        ``loss``, ``perplexity``, ``steps``
            The mean loss in nats, and its exponential, null where that is infinite; and for each step
            ``step``, ``word``, ``token``, ``id``, ``unknown``, ``target``, ``target_token``, ``target_id``,
            ``loss``, ``probability`` (of the target) and ``top``, the most likely tokens.
        ``params``, ``values``, ``grads``
            By name the parameters, what each step computed, ``(T, n)``, and the derivative of the mean loss
            by that, at the truncation.
        ``each``, ``sent``
            By name, ``(T, T, n)``: the derivative of the loss of step t, in nats and not divided by T, by
            what step k computed, without truncation; and by layer, ``(T, T)``, the length of that by h.
        ``by_step``, ``norms``, ``dparams``
            By parameter, ``(T, ...)``: the share of each step in its derivative, at the truncation; the
            length of each share; and their sum.
        ``cut``
            For back = 1, 2, ..., T and each parameter: what is ``missing`` of its derivative, as a length
            over that of the whole, and the ``cosine`` of the two; null where one of them is zero.
        ``omitted``
            The names of the arrays left out.

    Examples
    --------
    >>> from elman.insight.explain import explain, small_model
    >>> from elman.insight.explain.document import document
    >>> model, tokenizer, _ = small_model("to be or not to be", cell="mgu")
    >>> made = document(explain(model, tokenizer, "to be"))
    >>> made["gates"], len(made["steps"]), made["sizes"]
    (['f', 'n'], 2, {'T': 2, 'D': 3, 'H': 4, 'G': 2, 'K': 6, 'L': 1})
    """
    seen, T = explanation.trace, explanation.steps
    V = seen.params.get("output.V", seen.params["embedding.E"].T)
    G, D, H = seen.params["layers.0.U"].shape
    by_step = explanation.shares(explanation.back)
    parts: dict[str, Parts] = {
        "params": _made(seen.params),
        "values": _made({name: array[:, 0] for name, array in seen.values.items()}),
        "grads": _made(explanation.grads(explanation.back)),
        "each": _made(explanation.each),
        "dparams": {name: (share.size, share.total) for name, share in by_step.items()},
        "by_step": {name: (T * share.size, share.each) for name, share in by_step.items()},
    }
    lists = _Lists(most, together)
    filled = {part: {} if part in without else lists.of(part, arrays) for part, arrays in parts.items()}
    return {
        "format": FORMAT,
        "elman": elman.__version__,
        "source": source,
        "sentence": explanation.sentence,
        "cell": explanation.cell,
        "gates": list(seen.gates),
        "states": list(seen.states),
        "activations": explanation.activations,
        "gated_by": explanation.gated_by,
        "reads": list(seen.reads),
        "peepholes": [list(pair) for pair in seen.peepholes],
        "tied": "output.V" not in seen.params,
        "sizes": {"T": T, "D": D, "H": H, "G": G, "K": V.shape[1], "L": seen.layers},
        "vocabulary": explanation.vocabulary,
        "truncate": explanation.back,
        "loss": seen.loss,
        "perplexity": math.exp(seen.loss) if seen.loss < 700 else None,
        "steps": [_step(explanation, t) for t in range(T)],
        **filled,
        "sent": [explanation.sent(l).tolist() for l in range(seen.layers)],
        "norms": {name: share.lengths().tolist() for name, share in by_step.items()},
        "cut": [{name: _cut(*pair) for name, pair in row.items()} for row in explanation.cut],
        "omitted": lists.omitted,
    }


def _step(explanation: Explanation, t: int) -> Document:
    word, target = explanation.words[t], explanation.targets[t]
    p: Array = explanation.trace.values["output.p"][t, 0]
    top = np.argsort(-p, kind="stable")[:TOP].tolist()
    return {
        "step": t,
        **_word("", word),
        "unknown": word.unknown,
        **_word("target", target),
        "loss": float(explanation.trace.losses[t, 0]),
        "probability": float(p[target.id]),
        "top": [{"token": explanation.vocabulary[i], "id": i, "probability": float(p[i])} for i in top],
    }


def _word(role: str, word: Word) -> Document:
    if role:
        return {role: word.symbol, f"{role}_token": word.token, f"{role}_id": word.id}
    return {"word": word.symbol, "token": word.token, "id": word.id}


def _made(arrays: Arrays) -> Parts:
    return {name: (array.size, partial(np.asarray, array)) for name, array in arrays.items()}


class _Lists:
    """Turns arrays into lists, as long as they are not too large, and remembers which were."""

    def __init__(self, most: int | None, together: int | None) -> None:
        self._most = math.inf if most is None else most
        self._left = math.inf if together is None else together
        self.omitted: list[str] = []

    def of(self, part: str, arrays: Parts) -> Document:
        """Return the arrays as lists, without those that are too large, which are not even made."""
        lists = {}
        for name, (size, make) in arrays.items():
            if size > min(self._most, self._left):
                self.omitted.append(f"{part}.{name}")
            else:
                self._left -= size
                lists[name] = make().tolist()
        return lists


def _cut(missing: float, cosine: float) -> Document:
    return {"missing": _finite(missing), "cosine": _finite(cosine)}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None

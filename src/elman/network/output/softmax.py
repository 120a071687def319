"""The full softmax over the vocabulary."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from elman.network.functional import cross_entropy
from elman.network.output.base import PerWord, Reader
from elman.network.output.columns import columns_nll_and_grads
from elman.network.output.weights import own_columns
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params


class Softmax(PerWord):
    """Softmax cross-entropy, ``p = softmax(h V + c)``, in chunks of rows.

    The ``(T*B, K)`` logits are never all in memory. Parameters are ``output.V`` ``(H, K)``, or where tied the
    transpose of ``embedding.E``, and ``output.c`` ``(K,)``; those of the constructor are :class:`Output`'s.
    """

    name: ClassVar[str] = "full"
    shares: ClassVar[bool] = True

    def logits(self, params: Params, h: Floats, out: Floats | None = None) -> Floats:
        logits = np.matmul(h, self.weights(params), out=out)
        return np.add(logits, params["output.c"], out=logits)

    def nll(
        self, params: Params, h: Floats, y: Ints, space: Workspace, *, guess: bool = True
    ) -> tuple[Floats, Ints]:
        nll, best = np.empty(len(y), self.dtype), np.full(len(y), -1)
        for rows in self._chunks(len(y)):
            logits = self._logits_of(params, h[rows], space)
            if guess:
                np.argmax(logits, axis=1, out=best[rows])
            cross_entropy(logits, y[rows], nll[rows])
        return nll, best

    def nll_and_grads(
        self, params: Params, h: Floats, y: Ints, scale: float, space: Workspace, grads: Params, dh: Floats,
        *, rng: np.random.Generator | None = None, team: Team | None = None,
    ) -> float:  # fmt: skip
        both = (self.columns(arrays, len(y)) for arrays in (params, grads))
        first, columns, dcolumns = own_columns(team, *both)
        return columns_nll_and_grads(
            columns, dcolumns, first, h, y, scale, space, dh, self._chunks(len(y)), team
        )

    def reader(self, params: Params) -> Reader:
        return self.columns(params).multiply

    def _logits_of(self, params: Params, h: Floats, space: Workspace) -> Floats:
        return self.logits(params, h, out=space.take("output.e", (len(h), self.classes), self.dtype))

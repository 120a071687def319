"""The mixture of softmaxes: several over the same weights, each of a hidden state of its own."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from elman.network.checks import check_whole
from elman.network.functional import cross_entropy, log_sums
from elman.network.output.base import PerWord, Reader
from elman.network.output.columns import columns_nll_and_grads
from elman.network.output.weights import own_columns, with_ones
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

EXPERTS = 4
"""How many where nobody has said; each costs as much as a full softmax."""


class Mixture(PerWord):
    """Mixture of softmaxes, ``p = sum_m prior_m softmax(tanh(h R_m + b_m) V + c)``, ``prior = softmax(h P)``.

    The logs of the probabilities of a softmax are, over all contexts, a matrix of rank H + 1 at most; those
    of a mixture are not bound by that.

    Parameters
    ----------
    hidden, classes, tied, dtype
        As of :class:`~elman.network.output.base.Output`.
    experts : int, optional
        How many, ``M``.

    Notes
    -----
    Parameters are ``output.prior.V`` ``(H, M)``, ``output.experts.R`` ``(M, H, H)`` and ``.c`` ``(M, H)``,
    ``output.V`` ``(H, K)``, or where tied the transpose of ``embedding.E``, and ``output.c`` ``(K,)``. The
    passes are those of the full softmax with M rows for each: with the log-likelihoods ``l_m`` of the
    experts the loss is ``-log sum_m prior_m exp(l_m)``, and its derivative by ``l_m`` the part that expert m
    has in this sum.

    References
    ----------
    Yang, Z., Dai, Z., Salakhutdinov, R. & Cohen, W. W. (2018). Breaking the softmax bottleneck: a high-rank
    RNN language model. *ICLR*. arXiv:1711.03953.
    """

    name: ClassVar[str] = "mixture"
    shares: ClassVar[bool] = True

    def __init__(
        self, hidden: int, classes: int, tied: bool, dtype: np.dtype[Any], *, experts: int | None = None
    ) -> None:
        super().__init__(hidden, classes, tied, dtype)
        self.experts = EXPERTS if experts is None else check_whole("experts", experts, 1)

    @property
    def settings(self) -> dict[str, Any]:
        return {"experts": self.experts}

    @property
    def copies(self) -> int:
        return self.experts

    @property
    def summed(self) -> tuple[str, ...]:
        return ("output.prior.V", "output.experts.R", "output.experts.c")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        H, M = self.hidden, self.experts
        return {
            "output.prior.V": (H, M), "output.experts.R": (M, H, H), "output.experts.c": (M, H),
            **super().shapes(),
        }  # fmt: skip

    def reader(self, params: Params) -> Reader:
        M, H, K = self.experts, self.hidden, self.classes
        columns = self.columns(params)
        R = np.concatenate([params["output.experts.R"], params["output.experts.c"][:, None]], axis=1)
        R = np.ascontiguousarray(R.transpose(1, 0, 2)).reshape(H + 1, M * H)

        def read(h: Floats, out: Floats) -> None:
            """Write the logs of the probabilities."""
            z = np.empty((len(h) * M, K), h.dtype)
            columns.multiply(with_ones(np.tanh(h @ R).reshape(-1, H)), z)
            z -= log_sums(z) - _log_softmax(h[:, :-1] @ params["output.prior.V"]).reshape(-1, 1)
            each = z.reshape(len(h), M, K)
            largest = each.max(axis=1)
            each -= largest[:, None]
            np.exp(each, out=each).sum(axis=1, out=out)
            np.log(out, out=out)
            out += largest

        return read

    def nll(
        self, params: Params, h: Floats, y: Ints, space: Workspace, *, guess: bool = True
    ) -> tuple[Floats, Ints]:
        M, K, nll, best = self.experts, self.classes, np.empty(len(y), self.dtype), np.full(len(y), -1)
        columns = self.columns(params)
        for rows in self._chunks(len(y)):
            n = rows.stop - rows.start
            log_prior, read = self._read(params, h[rows], space)
            p, each = space.take("output.e", (n * M, K), self.dtype), np.empty(n * M, self.dtype)
            columns.multiply(with_ones(read.reshape(n * M, -1)), p)
            cross_entropy(p, np.repeat(y[rows], M), each)
            nll[rows] = -np.logaddexp.reduce(log_prior - each.reshape(n, M), axis=1)
            if not guess:
                continue
            mixed = np.matmul(np.exp(log_prior)[:, None], p.reshape(n, M, K))[:, 0]
            np.argmax(mixed, axis=1, out=best[rows])
        return nll, best

    def nll_and_grads(
        self, params: Params, h: Floats, y: Ints, scale: float, space: Workspace, grads: Params, dh: Floats,
        *, rng: np.random.Generator | None = None, team: Team | None = None,
    ) -> float:  # fmt: skip
        M, (N, H) = self.experts, h.shape
        both = (self.columns(arrays, N * M) for arrays in (params, grads))
        first, columns, dcolumns = own_columns(team, *both)
        log_prior, read = self._read(params, h, space)
        dread, part = space.take("output.dread", (N, M, H), h.dtype), np.empty((N, M), h.dtype)

        def share(rows: slice, each: Floats) -> tuple[float, Floats]:
            """Mix the losses of the experts; `rows` has M for each of ours."""
            ours = slice(rows.start // M, rows.stop // M)
            joint = log_prior[ours] - each.reshape(-1, M)
            together = np.logaddexp.reduce(joint, axis=1, keepdims=True)
            np.exp(joint - together, out=part[ours])
            return -float(together.sum(dtype=np.float64)), part[ours].reshape(-1)

        chunks = [slice(rows.start * M, rows.stop * M) for rows in self._chunks(N)]
        nll = columns_nll_and_grads(
            columns, dcolumns, first, read.reshape(N * M, H), np.repeat(y, M), scale, space,
            dread.reshape(N * M, H), chunks, team, share=share,
        )  # fmt: skip
        # By what goes into the tanh. With a team this is a part of it, and so is all that follows from it;
        # by the prior the first member has all.
        np.multiply(read, read, out=read)
        np.subtract(1.0, read, out=read)
        np.multiply(dread, read, out=dread)
        self._backward(params, h, dread, space, grads, dh)
        dprior = np.exp(log_prior)
        dprior -= part
        dprior *= scale if team is None or team.index == 0 else 0.0
        np.matmul(h.T, dprior, out=grads["output.prior.V"])
        dh += dprior @ params["output.prior.V"].T
        return nll

    def _backward(
        self, params: Params, h: Floats, da: Floats, space: Workspace, grads: Params, dh: Floats
    ) -> None:
        """Write dh and the derivatives by the experts' own weights, of da ``(N, M, H)``."""
        part = space.take("output.dh_part", dh.shape, dh.dtype)
        for m in range(self.experts):
            np.matmul(h.T, da[:, m], out=grads["output.experts.R"][m])
            np.matmul(da[:, m], params["output.experts.R"][m].T, out=part if m else dh)
            if m:
                np.add(dh, part, out=dh)
        np.add.reduce(da, axis=0, out=grads["output.experts.c"])

    def _read(self, params: Params, h: Floats, space: Workspace) -> tuple[Floats, Floats]:
        """Return the logs of the prior ``(n, M)``, and what the experts read ``(n, M, H)``."""
        read = space.take("output.read", (len(h), self.experts, self.hidden), h.dtype)
        for m in range(self.experts):
            np.matmul(h, params["output.experts.R"][m], out=read[:, m])
        np.add(read, params["output.experts.c"], out=read)
        np.tanh(read, out=read)
        return _log_softmax(h @ params["output.prior.V"]), read


def _log_softmax(z: Floats) -> Floats:
    z = z - z.max(axis=1, keepdims=True)
    log_p: Floats = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return log_p

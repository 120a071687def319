"""Noise-contrastive estimation: words of the text against words of noise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from elman.network.output.columns import Apart
from elman.network.output.draws import Drawing, Drawn, draw_log_uniform, log_uniform
from elman.network.team import Team, summed
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

SAFE = {np.dtype(np.float32): 80.0, np.dtype(np.float64): 700.0}
"""Logits whose exponential is in the range."""


class NCE(Drawing):
    """Noise-contrastive estimation: whether a word is of the text, or one of k words of noise.

    The log-odds are ``z - log(k q)``, where q is the log-uniform distribution of the noise and the logit
    ``z = h V + c`` is taken for a log-probability: that ``sum exp(z)`` is one is learnt and not enforced.
    Biases begin at ``-log K``, so that it is about one from the start. Evaluation divides by the sum.

    Notes
    -----
    A word of the noise that happens to be the target stays: as noise it is as likely as any other of its
    probability, and without it the odds would be wrong. The value is a sum over k + 1 decisions and no loss
    of the model; :meth:`nll` has that.

    References
    ----------
    Gutmann, M. & Hyvärinen, A. (2010). Noise-contrastive estimation: a new estimation principle for
    unnormalized statistical models. *AISTATS*.

    Mnih, A. & Teh, Y. W. (2012). A fast and simple algorithm for training neural probabilistic language
    models. *ICML*. arXiv:1206.6426.
    """

    name: ClassVar[str] = "nce"

    @property
    def most_drawn(self) -> int:
        return self.samples

    def initialise(self, params: Params) -> None:
        params["output.c"] -= np.log(self.classes)

    def draw(self, rng: np.random.Generator) -> Ints:
        return draw_log_uniform(rng, self.samples, self.classes)

    def correction(self, words: Ints) -> Floats:
        """Return ``log(k q)``."""
        corrections: Floats = np.log(self.samples) + log_uniform(words, self.classes)
        return corrections

    def objective(
        self, drawn: Drawn, aside: Apart, h: Floats, scale: float, space: Workspace, dh: Floats,
        chunks: list[slice], team: Team | None,
    ) -> float:  # fmt: skip
        (H, k), nll = drawn.columns.V.shape, 0.0
        counts = drawn.counts.astype(h.dtype)
        for rows in chunks:
            n, place = rows.stop - rows.start, drawn.place[rows]
            h1, z = (space.take(f"output.{x}", (n, w), h.dtype) for x, w in (("h1", H + 1), ("e", k)))
            np.copyto(h1[:, :H], h[rows])
            h1[:, H] = 1.0
            drawn.columns.multiply(h1, z)
            inside = np.flatnonzero((place >= 0) & (place < k))
            right = z[inside, place[inside]]
            nll += _noise(z, counts, space) + _softplus(-right)
            z[inside, place[inside]] += _derivatives(right)
            h1 *= scale  # in place of the many more derivatives by z
            if rows.start:
                drawn.dcolumns.add(h1, z, space.take("output.dV", (H + 1, k), h.dtype))
            else:
                drawn.dcolumns.take(h1, z)
            drawn.columns.back(z, dh[rows], space)
        dh *= scale
        nll += _softplus(-aside.logits)
        np.multiply(_derivatives(aside.logits), scale, out=aside.derivatives)
        return summed(nll, team, h.dtype)


def _noise(z: Floats, counts: Floats, space: Workspace) -> float:
    """Return the loss of taking words of log-odds z ``(n, k)`` for noise; turn z into its slopes."""
    if z.max(initial=0.0) < SAFE[z.dtype]:
        e, more = np.exp(z, out=z), space.take("output.more", z.shape, z.dtype)
        np.add(e, 1.0, out=more)
        np.divide(e, more, out=z)
        losses = np.log(more, out=more)
    else:
        losses = np.logaddexp(0.0, z)
        np.tanh(np.multiply(z, 0.5, out=z), out=z)
        np.add(np.multiply(z, 0.5, out=z), 0.5, out=z)
    np.multiply(z, counts, out=z)
    return float(np.matmul(losses, counts).sum(dtype=np.float64))


def _softplus(x: Floats) -> float:
    return float(np.logaddexp(0.0, x).sum(dtype=np.float64))


def _derivatives(x: Floats) -> Floats:
    """Return those of log(1 + exp(-x))."""
    slopes: Floats = 0.5 * np.tanh(0.5 * x) - 0.5
    return slopes

"""The sampled softmax: the target against some words that were drawn."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from elman.network.output.columns import Apart, columns_nll_and_grads
from elman.network.output.draws import Drawing, Drawn, draw_log_uniform, log_uniform
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints


class Sampled(Drawing):
    """Sampled softmax with a log-uniform proposal, the correction for it, and without accidental hits.

    A row's loss is that of a softmax over its target and the words that were drawn; one that is both counts
    once. From the logit of each is taken ``log pi``, where ``pi`` is the probability that it is drawn at all:
    frequent words, that are nearly always among the others, would else be pushed down too often.

    Notes
    -----
    The number of draws is Poisson distributed, with mean `samples`. The words are then in the set
    independently of one another, with ``pi = 1 - exp(-samples q)``, and the loss is, without any
    approximation, that of guessing the target among a set into which the other words came by chance: by
    Bayes' rule ``p(w | set)`` is proportional to ``p(w) / pi(w)``. It is so least, for any number of
    samples, where the full softmax is the distribution of the text. Its value is not the loss of the model;
    :meth:`nll` has that.

    References
    ----------
    Jean, S., Cho, K., Memisevic, R. & Bengio, Y. (2015). On using very large target vocabulary for neural
    machine translation. *ACL*. arXiv:1412.2007.

    Bengio, Y. & Senécal, J.-S. (2008). Adaptive importance sampling to accelerate training of a neural
    probabilistic language model. *IEEE Transactions on Neural Networks* 19(4).
    """

    name: ClassVar[str] = "sampled"

    @property
    def most_drawn(self) -> int:
        return self.samples + 20 * int(self.samples**0.5) + 50

    def draw(self, rng: np.random.Generator) -> Ints:
        number = min(int(rng.poisson(self.samples)), self.most_drawn)  # which more would be once in 10^50
        return draw_log_uniform(rng, number, self.classes)

    def correction(self, words: Ints) -> Floats:
        """Return ``log pi``, the log of the probability that a word is drawn."""
        log_pi: Floats = np.log(-np.expm1(-self.samples * np.exp(log_uniform(words, self.classes))))
        return log_pi

    def objective(
        self, drawn: Drawn, aside: Apart, h: Floats, scale: float, space: Workspace, dh: Floats,
        chunks: list[slice], team: Team | None,
    ) -> float:  # fmt: skip
        return columns_nll_and_grads(
            drawn.columns, drawn.dcolumns, 0, h, drawn.place, scale, space, dh, chunks, team, apart=aside
        )

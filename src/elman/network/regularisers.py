"""What keeps a network from learning its text by heart, as one value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from elman.errors import ConfigError
from elman.network.checks import check_real

RATES = (
    "dropout", "dropout_between", "dropout_input", "dropout_embedding", "dropout_weights", "zoneout",
    "zoneout_cell",
)  # fmt: skip
"""Probabilities: at least 0 and less than 1."""

PENALTIES = ("activation_reg", "temporal_reg")
"""Coefficients of what is added to the loss: at least 0."""


@dataclass(frozen=True)
class Regularisers:
    """Rates of what is dropped and held back while training, and coefficients of what is added to the loss.

    Without a generator nothing is dropped, and zoneout is its expectation; penalties do not depend on one.

    Parameters
    ----------
    dropout : float
        Rate of inverted dropout on the output of every layer, the last included, as in Zaremba et al.
        (2014), arXiv:1409.2329; the recurrent connections are left alone.
    dropout_between : float, optional
        That on the output of all layers but the last, where it is to differ.
    dropout_input : float
        That on the word vectors.
    dropout_embedding : float
        Rate at which words are dropped as wholes: every place in the window where the word is read. Word
        vectors that are output weights too are there as they are.
    dropout_weights : float
        Rate at which recurrent weights ``W`` are dropped, for the whole window.
    variational : bool
        Let the masks of outputs and word vectors be the same at every step of a window.
    zoneout : float
        Rate at which units of ``h`` keep their value from the step before.
    zoneout_cell : float
        That of the other states, the memory ``c``.
    activation_reg : float
        Coefficient of the mean square of the last layer's output, as the output weights see it.
    temporal_reg : float
        Coefficient of the mean square of its change from a step to the next, before dropout.

    Raises
    ------
    ConfigError
        If a rate is outside [0, 1), a coefficient is negative, or one of them not a number.

    References
    ----------
    Gal, Y. & Ghahramani, Z. (2016). A theoretically grounded application of dropout in recurrent neural
    networks. *NeurIPS*. arXiv:1512.05287.

    Krueger, D. et al. (2017). Zoneout: regularizing RNNs by randomly preserving hidden activations. *ICLR*.
    arXiv:1606.01305.

    Merity, S., Keskar, N. S. & Socher, R. (2018). Regularizing and optimizing LSTM language models. *ICLR*.
    arXiv:1708.02182.

    Examples
    --------
    >>> from elman.network.regularisers import Regularisers
    >>> found = Regularisers(dropout=0.4, dropout_between=0.25)
    >>> [found.on_output(layer, of=3) for layer in range(3)], found.stochastic
    ([0.25, 0.25, 0.4], True)
    """

    dropout: float = 0.0
    dropout_between: float | None = None
    dropout_input: float = 0.0
    dropout_embedding: float = 0.0
    dropout_weights: float = 0.0
    variational: bool = False
    zoneout: float = 0.0
    zoneout_cell: float = 0.0
    activation_reg: float = 0.0
    temporal_reg: float = 0.0

    def __post_init__(self) -> None:
        for name in (*RATES, *PENALTIES):
            given = getattr(self, name)
            if given is None and name == "dropout_between":
                continue
            value = check_real(name, given)
            if value < 0.0 or (name in RATES and value >= 1.0):
                most = " and less than 1" if name in RATES else ""
                raise ConfigError(f"{name} must be at least 0{most}, not {value!r}")
            object.__setattr__(self, name, value)
        if not isinstance(self.variational, bool):
            raise ConfigError(f"variational must be True or False, not {self.variational!r}")

    @property
    def stochastic(self) -> bool:
        """Whether a pass with a generator differs from one without."""
        return any(getattr(self, name) for name in RATES)

    @property
    def penalised(self) -> bool:
        """Whether something is added to the loss."""
        return self.activation_reg > 0.0 or self.temporal_reg > 0.0

    @property
    def settings(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)

    def on_output(self, layer: int, *, of: int) -> float:
        """Return the rate of dropout on the output of a layer of so many, from 0."""
        if layer < of - 1 and self.dropout_between is not None:
            return self.dropout_between
        return self.dropout

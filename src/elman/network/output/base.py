"""The contract of an output layer: from hidden states and targets to a loss, and its way back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np

from elman.network.output.chunking import chunks_of
from elman.network.output.weights import Columns, new_columns, with_ones
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

Reader: TypeAlias = Callable[[Floats, Floats], None]
"""Reads h ``(B, H + 1)``, which ends with a column of ones, and writes logits ``(B, K)``."""


class Output(ABC):
    """An output layer over a vocabulary of K classes.

    Parameters
    ----------
    hidden : int
        Width of the hidden states, ``H``.
    classes : int
        Size of the vocabulary, ``K``.
    tied : bool
        Whether the word vectors ``embedding.E`` serve as output weights too.
    dtype : numpy.dtype
        float32 or float64.

    Attributes
    ----------
    name : str
        The name in the registry and in configuration files.
    shares : bool
        Whether the members of a team can have some of the classes each (``elman.network.team``).
        Where not, each has the loss of its own rows, and gradients of all parameters.
    random : bool
        Whether training draws samples. Where no generator is given the loss is the exact one nevertheless.
    picks : bool
        Whether a gradient by samples is nonzero for the weights of few words only; these are then
        ``output.V`` or, where tied, ``embedding.E``.
    settings : dict
        What the model was given for it, beside the name.
    """

    name: ClassVar[str]
    shares: ClassVar[bool] = False
    random: ClassVar[bool] = False
    picks: ClassVar[bool] = False

    def __init__(self, hidden: int, classes: int, tied: bool, dtype: np.dtype[Any]) -> None:
        self.hidden, self.classes, self.tied, self.dtype = hidden, classes, tied, dtype

    @property
    def settings(self) -> dict[str, Any]:
        """What the model was given for it, beside the name."""
        return {}

    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter; names begin with ``output.``."""

    @property
    def most_drawn(self) -> int:
        """How many words a draw has at most."""
        return 0

    @property
    def copies(self) -> int:
        """How many rows of logits there are for each row of hidden states."""
        return 1

    def initialise(self, params: Params) -> None:  # noqa: B027
        """Add to the initial values what is not for all models, to biases that are near zero."""

    @property
    def summed(self) -> tuple[str, ...]:
        """The parameters whose gradient a member of a team, that has some of the classes, has only in part.

        They come first in `shapes`.
        """
        return ()

    def logits(self, params: Params, h: Floats, out: Floats | None = None) -> Floats:
        """Return log-probabilities up to a constant a row, ``(N, K)``, for h ``(N, H)``."""
        logits = np.empty((len(h), self.classes), h.dtype) if out is None else out
        read = self.reader(params)
        for rows in self._chunks(len(h)):
            read(with_ones(h[rows]), logits[rows])
        return logits

    @abstractmethod
    def nll(
        self, params: Params, h: Floats, y: Ints, space: Workspace, *, guess: bool = True
    ) -> tuple[Floats, Ints]:
        """Return the negative log-likelihood and the most likely class of every row.

        Parameters
        ----------
        params : dict
            The parameters of the model.
        h : ndarray of shape (N, H)
            Hidden states.
        y : ndarray of shape (N,)
            Targets.
        space : Workspace
            Scratch.
        guess : bool
            Whether to look for the most likely class too, which may cost several times the loss alone.

        Returns
        -------
        nll : ndarray of shape (N,)
            In nats; exact.
        best : ndarray of shape (N,)
            The most likely class, the lowest where several are; -1 without `guess`.
        """

    @abstractmethod
    def nll_and_grads(
        self, params: Params, h: Floats, y: Ints, scale: float, space: Workspace, grads: Params, dh: Floats,
        *, rng: np.random.Generator | None = None, team: Team | None = None,
    ) -> float:  # fmt: skip
        """Return the summed objective of all rows, and write the derivatives of `scale` times it.

        Parameters
        ----------
        params, h, y, space
            As in :meth:`nll`.
        scale : float
            One over the number of tokens the loss is the mean of.
        grads : dict
            The entries of `shapes` are overwritten; where tied, ``embedding.E`` too.
        dh : ndarray of shape (N, H)
            Overwritten with the derivative by the hidden states; with a team, as far as it passes through
            the member's own classes.
        rng : numpy.random.Generator, optional
            Draws samples, where the output is `random`. Without it the objective is the exact negative
            log-likelihood.
        team : Team, optional
            Those who have some of the classes each, where the output `shares` them. Of `grads` only the
            member's own are overwritten.
        """

    @abstractmethod
    def reader(self, params: Params) -> Reader:
        """Return what computes logits for decoding, with the parameters laid out once."""

    def _chunks(self, rows: int) -> list[slice]:
        """Cut rows into those whose logits are in memory at once, of all their copies."""
        return chunks_of(rows, self.hidden, self.classes, self.copies)


class PerWord(Output):
    """An output with weights and a bias for every word of its own: ``output.V`` ``(H, K)`` and ``output.c``.

    Where tied, the weights are the transpose of ``embedding.E``.
    """

    def shapes(self) -> dict[str, tuple[int, ...]]:
        bias: dict[str, tuple[int, ...]] = {"output.c": (self.classes,)}
        return bias if self.tied else {"output.V": (self.hidden, self.classes), **bias}

    def weights(self, params: Params) -> Floats:
        """Return V ``(H, K)``; a transposed view of E where tied."""
        return params["embedding.E"].T if self.tied else params["output.V"]

    def columns(self, arrays: Params, rows: int | None = None) -> Columns:
        """Return all words of parameters or gradients as columns, for products of so many rows."""
        return new_columns(self.weights(arrays), arrays["output.c"], rows)

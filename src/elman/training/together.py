"""How ranks train together, and how many windows an update is made of."""

from __future__ import annotations

from dataclasses import dataclass

from elman.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Together:
    """What a team of workers has to know of it.

    Attributes
    ----------
    ranks : Ranks
        The processes that train together, each with rows of its own: by default this one alone. All have
        the same parameters, add up their gradients, and make the same update, to the bit.
    communicator : str
        How gradients are added up over ranks; see :data:`elman.ranks.SUMS`.
    ratio : float
        The share of the gradient that a communicator sends which chooses.
    sync_every : int
        Updates that each rank makes by itself before parameters are averaged over all (local SGD); with 1
        gradients are added up instead, which is exact.
    accumulate : int
        Windows whose gradients make one update.

    References
    ----------
    S. U. Stich (2019), Local SGD converges fast and communicates little, ICLR. arXiv:1805.09767.
    """

    ranks: Ranks = ALONE
    communicator: str = "flat"
    ratio: float = 0.01
    sync_every: int = 1
    accumulate: int = 1

    @property
    def apart(self) -> bool:
        """Whether each rank makes updates of its own."""
        return self.ranks.size > 1 and self.sync_every > 1

    @property
    def summed(self) -> bool:
        """Whether gradients of an update are added up over ranks."""
        return self.ranks.size > 1 and self.sync_every == 1

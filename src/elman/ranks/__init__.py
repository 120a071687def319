"""Processes that train together: who they are, and how they add up their gradients."""

from elman.ranks.base import ALONE, Alone, Ranks
from elman.ranks.here import here
from elman.ranks.sums import SUMS, Flat, Naive, Summation, get_sum

__all__ = ["ALONE", "SUMS", "Alone", "Flat", "Naive", "Ranks", "Summation", "get_sum", "here"]

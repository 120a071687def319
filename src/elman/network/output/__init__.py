"""Output layers: hidden states and targets in, summed negative log-likelihood and its backward out."""

from elman.network.output.softmax import Softmax

__all__ = ["Softmax"]

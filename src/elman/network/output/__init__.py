"""Output layers: hidden states and targets in, summed negative log-likelihood and its backward out."""

from elman.network.output.softmax import Softmax

__all__ = ["OUTPUTS", "Softmax"]

OUTPUTS: dict[str, type] = {"softmax": Softmax}
"""The output layers by name. What is registered here runs the conformance suite."""

"""Output layers: hidden states and targets in, summed negative log-likelihood and its backward out."""

from elman.network.output.base import Output
from elman.network.output.softmax import Softmax

__all__ = ["OUTPUTS", "Output", "Softmax"]

OUTPUTS: dict[str, type[Output]] = {kind.name: kind for kind in (Softmax,)}
"""The output layers by name. What is registered here runs the conformance suite."""

"""Output layers: hidden states and targets in, summed negative log-likelihood and its backward out."""

from elman.network.output.adaptive import Adaptive
from elman.network.output.base import Output
from elman.network.output.classes import Classes
from elman.network.output.mixture import Mixture
from elman.network.output.nce import NCE
from elman.network.output.sampled import Sampled
from elman.network.output.softmax import Softmax

__all__ = ["NCE", "OUTPUTS", "Adaptive", "Classes", "Mixture", "Output", "Sampled", "Softmax"]

OUTPUTS: dict[str, type[Output]] = {kind.name: kind for kind in (Softmax, Adaptive, Sampled, NCE, Classes, Mixture)}
"""The output layers by name. What is registered here runs the conformance suite."""

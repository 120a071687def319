"""A sentence explained: a small network unrolled over it, forward and back, with every number."""

from elman.insight.explain.explanation import Explanation, Word, explain
from elman.insight.explain.small import small_model

__all__ = ["Explanation", "Word", "explain", "small_model"]

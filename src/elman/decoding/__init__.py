"""Decoding: one step at a time, sampling, beam search, and the scoring of given texts."""

from elman.decoding.beam import Hypothesis, beam_search
from elman.decoding.decoder import Decoder, context
from elman.decoding.generate import generate
from elman.decoding.sampling import Sampling, draw, probabilities, top
from elman.decoding.score import Score, score

__all__ = [
    "Decoder",
    "Hypothesis",
    "Sampling",
    "Score",
    "beam_search",
    "context",
    "draw",
    "generate",
    "probabilities",
    "score",
    "top",
]

"""Decoding: one step at a time, sampling, beam search, and the scoring of given texts.

What searches, chooses and orders is loaded when it is first used: a sample does without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from elman.decoding.decoder import Decoder, context
from elman.decoding.generate import generate
from elman.decoding.sampling import Sampling, draw, probabilities, top
from elman.decoding.score import Score, score, score_lines

if TYPE_CHECKING:
    from elman.decoding.beam import Hypothesis, beam_search
    from elman.decoding.choice import Choice, choose
    from elman.decoding.nbest import Candidate, read_nbest
    from elman.decoding.reranking import Ranked, Weights, candidates_of, rerank

__all__ = [
    "Candidate",
    "Choice",
    "Decoder",
    "Hypothesis",
    "Ranked",
    "Sampling",
    "Score",
    "Weights",
    "beam_search",
    "candidates_of",
    "choose",
    "context",
    "draw",
    "generate",
    "probabilities",
    "read_nbest",
    "rerank",
    "score",
    "score_lines",
    "top",
]

_HOMES = {
    "beam": ("Hypothesis", "beam_search"),
    "choice": ("Choice", "choose"),
    "nbest": ("Candidate", "read_nbest"),
    "reranking": ("Ranked", "Weights", "candidates_of", "rerank"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value

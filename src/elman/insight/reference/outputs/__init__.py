"""Output layers in plain form, row by row: what each says of a word, and the derivatives of its loss.

Each takes the parameters, hidden states h ``(N, H)`` and targets y ``(N,)``, and returns the losses ``(N,)``
in nats, the derivatives of their sum by the parameters, and those by h. With tied word vectors the weights
of a word are its row of `embedding.E`. The fast ones (`elman.network.output`) are held equal to these.
"""

from .adaptive import adaptive, adaptive_log_p
from .classes import classes, classes_log_p
from .mixture import mixture, mixture_log_p
from .nce import nce
from .sampled import sampled
from .word import full, full_log_p

__all__ = [
    "adaptive",
    "adaptive_log_p",
    "classes",
    "classes_log_p",
    "full",
    "full_log_p",
    "mixture",
    "mixture_log_p",
    "nce",
    "sampled",
]

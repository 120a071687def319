"""The plain implementation: every number of a forward and a backward pass, written to be read.

It imports NumPy alone, computes in float64, one step and one gate at a time, and is slow on purpose. The
fast path (`elman.network`) is held equal to it by the tests; a reader can hold it equal to a textbook. Read
in this order: `cells` (one step of each cell and its backward step), `tape` (a stack of them as a language
model), `model` (its loss, and back-propagation through time), `truncated` (the same, reaching back a limited
number of steps).

Sizes: `T` steps, `B` batch rows, `D` input width, `H` hidden width, `G` gates, `K` classes, `L` layers.
"""

from .cells import CELLS, Cell, find_cell, log_softmax, sigmoid
from .model import forward, loss, loss_and_grads, losses, states_entering, unrolled
from .parameters import draw_params, draw_state
from .tape import Tape
from .truncated import chunks, truncated_loss, truncated_loss_and_grads
from .zoneout import zoned

__all__ = [
    "CELLS",
    "Cell",
    "Tape",
    "chunks",
    "draw_params",
    "draw_state",
    "find_cell",
    "forward",
    "log_softmax",
    "loss",
    "loss_and_grads",
    "losses",
    "sigmoid",
    "states_entering",
    "truncated_loss",
    "truncated_loss_and_grads",
    "unrolled",
    "zoned",
]

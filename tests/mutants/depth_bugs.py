"""Ways to get normalisation, connections and learnt states wrong, as changes to the plain implementation."""

from typing import Any

from ..insight.problems import draw_reset
from .planting import LSTMS, Mutant

OUTPUT = ("output.V", "output.c")
NORMALISED = "cells/normalised.py"
ONE_OF_EACH = ("rnn-tanh", "gru-before")

NORM: dict[str, Any] = {"layer_norm": True}
RESIDUAL: dict[str, Any] = {"connections": "residual"}
HIGHWAY: dict[str, Any] = {"connections": "highway"}
LEARNT: dict[str, Any] = {"learn_state": True, "reset": draw_reset(4, 3)}

MUTANTS = [
    (
        NORM,
        Mutant(
            "normalised without the gradient through the mean",
            NORMALISED,
            (("(dn - through_mean - through_variance)", "(dn - through_variance)"),),
            blames=("embedding.E", "layers.0.U", "layers.1.W", "layers.2.U"),
            spares=OUTPUT,
            cells=(*ONE_OF_EACH, "lstm", "gru"),
        ),
    ),
    (
        NORM,
        Mutant(
            "normalised without the gradient through the variance",
            NORMALISED,
            (("(dn - through_mean - through_variance)", "(dn - through_mean)"),),
            blames=("embedding.E", "layers.0.U", "layers.1.W", "layers.2.U"),
            spares=OUTPUT,
            cells=ONE_OF_EACH,
        ),
    ),
    (
        NORM,
        Mutant(
            "variance without epsilon on the way back",
            NORMALISED,
            (("np.sqrt(a.var(axis=1, keepdims=True) + EPSILON)", "np.sqrt(a.var(axis=1, keepdims=True))"),),
            blames=("layers.0.U", "layers.1.W", "layers.2.U"),
            spares=OUTPUT,
            cells=("rnn-tanh",),
        ),
    ),
    (
        NORM,
        Mutant(
            "gain left out on the way back",
            NORMALISED,
            (("normalised_backward(da * p[name][g], a)", "normalised_backward(da, a)"),),
            blames=("embedding.E", "layers.0.U", "layers.1.W", "layers.2.U", "layers.0.gamma_x"),
            spares=OUTPUT,
            cells=(*ONE_OF_EACH, "lstm", "gru"),
        ),
    ),
    (
        NORM,
        Mutant(
            "gradient of the gains of what is not normalised",
            NORMALISED,
            (("d[name][g] += (da * normalised(a))", "d[name][g] += (da * a)"),),
            blames=("layers.0.gamma_x", "layers.1.gamma_h", "layers.2.gamma_x"),
            spares=(*OUTPUT, "layers.0.U", "layers.2.W", "state.0.h"),
            cells=ONE_OF_EACH,
        ),
    ),
    (
        NORM,
        Mutant(
            "memory cell normalised ahead and not back",
            NORMALISED,
            (('normalised_backward(de * p["gamma_c"], c)', 'de * p["gamma_c"]'),),
            blames=("layers.2.U", "layers.2.W", "layers.0.U", "state.0.c"),
            spares=OUTPUT,
            cells=LSTMS,
        ),
    ),
    (
        RESIDUAL,
        Mutant(
            "gradient past the layer dropped",
            "depth.py",
            (("return dy, dy", "return dy, 0.0 * dy"),),
            blames=("embedding.E", "layers.0.U", "layers.1.W"),
            spares=(*OUTPUT, "layers.2.U", "layers.2.W"),
            cells=ONE_OF_EACH,
        ),
    ),
    (
        HIGHWAY,
        Mutant(
            "gradient through the carry gate to the input dropped",
            "depth.py",
            (('dy * (1.0 - t) + da @ p["T"].T', 'da @ p["T"].T'),),
            blames=("embedding.E", "layers.0.U", "layers.1.T"),
            spares=(*OUTPUT, "layers.2.U", "layers.2.T"),
            cells=ONE_OF_EACH,
        ),
    ),
    (
        HIGHWAY,
        Mutant(
            "gradient through the transfer gate to the input dropped",
            "depth.py",
            (('dy * (1.0 - t) + da @ p["T"].T', "dy * (1.0 - t)"),),
            blames=("embedding.E", "layers.0.U", "layers.1.T"),
            spares=(*OUTPUT, "layers.2.U", "layers.2.T"),
            cells=ONE_OF_EACH,
        ),
    ),
    (
        HIGHWAY,
        Mutant(
            "transfer gate that lets the output in and leaves the input in too",
            "depth.py",
            (("dt = dy * (h - x)", "dt = dy * h"),),
            blames=("layers.1.T", "layers.1.b_T", "layers.2.T"),
            spares=(*OUTPUT, "layers.2.U"),
            cells=ONE_OF_EACH,
        ),
    ),
    (
        LEARNT,
        Mutant(
            "no gradient of the learnt state where rows begin anew",
            "tape.py",
            (("np.where(begun, da, 0.0).sum(axis=0)", "0.0"),),
            blames=("layers.0.h0", "layers.1.h0", "layers.2.h0"),
            spares=(*OUTPUT, "layers.0.U", "layers.2.W", "state.0.h"),
            cells=(*ONE_OF_EACH, "lstm", "gru"),
        ),
    ),
    (
        LEARNT,
        Mutant(
            "gradient of the learnt state of rows that go on",
            "tape.py",
            (("np.where(begun, da, 0.0).sum(axis=0)", "da.sum(axis=0)"),),
            blames=("layers.0.h0", "layers.1.h0", "layers.2.h0"),
            spares=(*OUTPUT, "layers.0.U", "layers.2.W", "state.0.h"),
            cells=ONE_OF_EACH,
        ),
    ),
    (
        LEARNT,
        Mutant(
            "what a row began from handed to the state before too",
            "tape.py",
            (("np.where(begun, 0.0, da)", "da"),),
            blames=("layers.0.W", "state.0.h"),
            spares=OUTPUT,
            cells=ONE_OF_EACH,
        ),
    ),
]
"""What the problem is to have, and the bug."""

"""Optimisers: pairs of pure functions, ``init(params)`` and ``update(params, grads, state, lr)``.

Each factory returns an `Optimizer`. The update of step t reads as in the papers, for every element:

- sgd: p ← p − lr g. With momentum μ: m ← μ m + g, p ← p − lr m; Nesterov's: p ← p − lr (g + μ m)
- adagrad: v ← v + g², p ← p − lr g / (√v + ε)
- rmsprop: v ← α v + (1 − α) g², p ← p − lr g / (√v + ε).
  With momentum: m ← μ m + g / (√v + ε), p ← p − lr m
- adam: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², p ← p − lr m̂ / (√v̂ + ε),
  where m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ)
- adamw: p ← p − lr λ p, then as adam

All but adamw have a weight decay too, 0 unless it is given: with it g + λ p takes the place of g above. That
is the derivative of the objective plus λ / 2 times the sum of all squared parameters.

They are PyTorch's, whose choices differ from some papers: ε is added after the root, never under it; the
momentum of the first step is the whole gradient, not damped; the rate multiplies the momentum when it is
used, so that a change of rate acts at once; and the decay of adamw is multiplied by the rate.

Passes over memory (calls of a NumPy ufunc a block, all in place): sgd 2, with momentum 4, Nesterov's 6;
adagrad 7; rmsprop 9, with momentum 11; adam 12; adamw 13. Weight decay takes 2 more, but of adamw.
"""

from collections.abc import Callable

from elman.training.clip import clip_by_global_norm
from elman.training.optim.adagrad import adagrad
from elman.training.optim.adam import adam, adamw
from elman.training.optim.optimizer import Optimizer, Rule, State
from elman.training.optim.rmsprop import rmsprop
from elman.training.optim.sgd import sgd

__all__ = [
    "OPTIMIZERS",
    "Optimizer",
    "Rule",
    "State",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_global_norm",
    "rmsprop",
    "sgd",
]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
}
"""The factories by the name that configurations use. What is registered here runs the conformance suite."""

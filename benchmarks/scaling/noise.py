"""The gradient noise scale: from which size on a batch is larger than it has use for.

Gradients of batches of n tokens scatter about the true one, with a variance of S / n in all. At S / |G|^2
tokens the scatter is as long as the gradient itself: that batch stands for the critical one where an
optimiser is near plain descent (McCandlish et al., 2018, *An Empirical Model of Large-Batch Training*,
appendix A.1). Both are found without bias from the lengths of gradients of small and of large batches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman import LanguageModel
from elman.network.threads import one_thread
from elman.training.clip import clip_by_global_norm
from elman.training.optim import adam

WARMUP = 100  # steps in which the rate rises
SHARES = 8  # small batches in a large one


class Lengths(NamedTuple):
    """Squared lengths of gradients: the mean of those of small batches, and that of their mean."""

    small: float
    large: float


def noise_scale(seen: list[Lengths], tokens: int) -> float | None:
    """Return S / |G|^2 from gradients of so many tokens each and of `SHARES` times as many.

    Both are averaged over all steps before they are divided, since each alone is noisy. None where the
    gradient is lost in the noise.
    """
    small, large = (float(np.mean([getattr(one, name) for one in seen])) for name in Lengths._fields)
    signal = (SHARES * large - small) / (SHARES - 1)
    scatter = (small - large) / (1 / tokens - 1 / (SHARES * tokens))
    return scatter / signal if signal > 0 else None


def lengths(gradients: list[dict[str, NDArray[Any]]]) -> tuple[Lengths, dict[str, NDArray[Any]]]:
    """Return the squared lengths of gradients of small batches, and their mean."""
    square = lambda grads: sum(float(np.vdot(g, g)) for g in grads.values())  # noqa: E731
    mean = {name: sum(one[name] for one in gradients) / len(gradients) for name in gradients[0]}
    return Lengths(float(np.mean([square(one) for one in gradients])), square(mean)), mean


def trained(
    ids: NDArray[Any], classes: int, steps: int, every: int, s: dict[str, Any]
) -> list[dict[str, Any]]:
    """Train on a text of ids; return the loss and the noise scale of every so many steps.

    `s` has the sizes: layers, H, E, the rows B of a large batch, T, and the rate lr.
    """
    rows = s["B"] // SHARES
    model = LanguageModel(
        vocab_size=classes, cell="lstm", embedding=s["E"], hidden=s["H"], layers=s["layers"]
    )
    params, optimizer = model.params, adam()
    moments = optimizer.init(params)
    text = ids[: len(ids) // s["B"] * s["B"]].reshape(s["B"], -1).T  # (steps, B)
    states = [model.initial_state(rows) for _ in range(SHARES)]
    found, losses, seen = [], [], []
    with one_thread():
        for step in range(steps):
            at = step * s["T"] % (len(text) - s["T"] - 1)
            window = np.ascontiguousarray(text[at : at + s["T"] + 1])
            gradients = []
            for i in range(SHARES):
                x, y = (part[:, i * rows : (i + 1) * rows] for part in (window[:-1], window[1:]))
                loss, states[i], grads = model.loss_and_grads(x, y, states[i])
                gradients.append(grads)
                losses.append(loss)
            one, mean = lengths(gradients)
            seen.append(one)
            mean, _ = clip_by_global_norm(mean, 5.0)
            rate = s["lr"] * min(1.0, (step + 1) / WARMUP)
            optimizer.update(params, mean, moments, rate, inplace=True)
            if (step + 1) % every == 0:
                scale = noise_scale(seen, rows * s["T"])
                found.append({"step": step + 1, "loss": float(np.mean(losses)), "noise_scale": scale})
                losses, seen = [], []
    return found

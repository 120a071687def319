"""Plant errors in `rnn_from_scratch.py`, and measure what they do; see `twelve_errors.py`."""

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

SOURCE = Path(__file__).with_name("rnn_from_scratch.py").read_text("utf-8")
SENTENCE = "I like to play."
MEMORY = "I like to play and you like to sing."  # who forgets who it was does not know what follows "to"
H, K, T, BACK = 20, 16, 4, 2  # of what is measured: hidden units, words, steps, and how many a loss reaches
RATE = 0.3


class Measurement(NamedTuple):
    """A number of the programme, no more than `limit` where the programme is right."""

    what: str
    of: Callable[[ModuleType], float]
    limit: float


@dataclass(frozen=True)
class Error:
    """An error: how it is called, what is wrong, how to mend it, and the measurement that sees it."""

    number: str
    name: str
    why: str
    mend: str  # lines of the programme: "-" the wrong ones, "+" the right ones, " " for those around
    measurement: Measurement

    def changes(self):
        """Yield the right lines and the wrong ones of each place."""
        for place in re.split(r"(?:^ .*\n)+", self.mend, flags=re.MULTILINE):
            lines = place.splitlines(keepends=True)
            if lines:
                yield tuple("".join(line[1:] for line in lines if line[0] == sign) for sign in "+-")

    def _repr_markdown_(self):
        """Show the difference, in a notebook or a page."""
        return f"```diff\n{self.mend}```"


def planted(*errors):
    """Return the programme as a module, with these errors in it."""
    source = SOURCE
    for right, wrong in (change for error in errors for change in error.changes()):
        assert source.count(right) == 1, f"{source.count(right)} places read {right!r}"
        source = source.replace(right, wrong)
    module = ModuleType("planted")
    exec(compile(source, "rnn_from_scratch.py with errors", "exec"), vars(module))
    return module


# Tools: two gradients, many draws, a training.


def relative(a, n):
    """Return |a - n| / (|a| + |n|): 0 for equal gradients, 1/3 for the double, 1 for the opposite or none."""
    return np.linalg.norm(a - n) / (np.linalg.norm(a) + np.linalg.norm(n) or 1)


def cosine(a, n):
    """Return the cosine of the angle between two gradients."""
    return np.vdot(a, n) / (np.linalg.norm(a) * np.linalg.norm(n) or 1)


def spread(values, form=".2f"):
    """Write the median of many draws, and between which values nine of ten lie."""
    low, median, high = (format(value, form) for value in np.quantile(values, [0.05, 0.5, 0.95]))
    return f"{median} ({low} to {high})"


def by_name(errors, form=".2f"):
    """Write the relative errors of the parameters in a line; those that pass as "ok"."""
    return "  ".join(f"{name} {'ok' if e < 1e-7 else format(e, form)}" for name, e in errors.items())


def draw(module, steps=T, seed=0):
    """Return parameters, as the programme draws them, and random words to read and to predict."""
    return module.initial(H, H, K, seed), np.random.default_rng([seed, 1]).integers(K, size=steps + 1)


def quietly(module, params, words, epochs, rate=RATE, back=BACK):
    """Train without printing, and without warnings of what is no number; return the parameters."""
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        return module.train(params, words, lambda epoch: rate, epochs, back)[0]


def nats(module, steps, targets):
    """Return the mean loss in nats, whatever the programme itself calls its loss."""
    logits = [step["logits"] for step in steps]
    return np.mean([-module.log_softmax(z)[word] for z, word in zip(logits, targets, strict=True)])


def loss(module, params, words):
    """Return the loss in nats of these parameters."""
    return nats(module, module.forward(params, words[:-1]), words[1:])


def curve(module, text, epochs, hidden=H, seed=0, rate=RATE):
    """Return the loss in nats at each forward pass of a training that looks four steps back."""
    losses, forward, words = [], module.forward, module.indices(text)

    def measured(params, x):
        steps = forward(params, x)
        losses.append(nats(module, steps, words[1:]))
        return steps

    module.forward = measured
    try:
        params = module.initial(hidden, hidden, len(module.WORDS), seed)
        quietly(module, params, words, epochs, rate, back=4)
    finally:
        module.forward = forward
    return np.array(losses)


def compare(wrong, right, params, words, reach=BACK):
    """Return (relative error, cosine) by parameter; the right gradient looks `reach` steps back."""
    x, y = words[:-1], words[1:]
    a = wrong.backward(params, wrong.forward(params, x), y, BACK)
    n = right.backward(params, right.forward(params, x), y, reach)
    return {name: (relative(a[name], n[name]), cosine(a[name], n[name])) for name in params}


# Measurements of the programme, right or wrong.


def check_update(module, update=0, steps=T, rate=RATE):
    """Check, by parameter, the gradient that this update of a training subtracts."""
    params, words = draw(module, steps)
    before, after = (quietly(module, params, words, epochs, rate) for epochs in (update, update + 1))
    used = {name: (before[name] - after[name]) / rate for name in before}
    return module.check(before, words[:-1], words[1:], BACK, grads=used)


def first_update(module):
    return max(check_update(module).values())


def second_update(module):
    return max(check_update(module, update=1).values())


def longer_text(module):
    return max(check_update(module, steps=T + 2).values())


def second_call(module):
    """Return how far the gradient moves when `backward` is called again on the same forward pass."""
    params, words = draw(module)
    steps = module.forward(params, words[:-1])
    first, second = (module.backward(params, steps, words[1:], BACK) for _ in range(2))
    return max(relative(second[name], first[name]) for name in params)


def saturated(module, seed=0):
    """Return the share of hidden units beyond 0.99, where the slope of tanh is less than 2 %."""
    params, words = draw(module, seed=seed)
    return np.mean([np.abs(step["h"]) > 0.99 for step in module.forward(params, words[:-1])])


def words_lost(module):
    """Return how many words of the sentence its indices do not stand for."""
    words = SENTENCE.replace(".", " .").split()
    return sum(module.WORDS[i] != word for i, word in zip(module.indices(SENTENCE), words, strict=True))

"""A recurrent network that learns a sentence, then proves its gradient: on NumPy alone, to be read downwards.

    x_t = E[word_t]    a_t = x_t U + h_{t-1} W + b    h_t = tanh(a_t)    p_t = softmax(h_t V + c)

T steps, D numbers a word, H hidden units, K words; vectors are rows. The loss is the mean of -ln p_t at the
words that came next, in nats; dU is its derivative by U. Letters: Goodfellow, Bengio & Courville, ch. 10.
"""

from datetime import datetime

import numpy as np

WORDS = """
the . I a you and we is it of  to he she they in that was for with at
my your his her not be are have has do  this but can will go come see look make take
say know think want need like love read write sing  run walk eat sleep work learn teach give find tell
up down out here on play now then when why  dog cat ball game song book word day time friend
""".split()  # K = 80 of them, twenty a line: "I" is word 2, "like" word 45


def indices(sentence):
    """Return a sentence as indices into WORDS; the full stop is a word like any other."""
    return np.array([WORDS.index(word) for word in sentence.replace(".", " .").split()])


def initial(D, H, K, seed):
    """Draw the parameters, the weights so small that tanh is not yet flat."""
    rng, small = np.random.default_rng(seed), 1 / np.sqrt(H)
    U, W, V = (rng.uniform(-small, small, shape) for shape in ((D, H), (H, H), (H, K)))
    return {"E": rng.standard_normal((K, D)), "U": U, "W": W, "b": np.zeros(H), "V": V, "c": np.zeros(K)}


# Each step, and under it the way back: from the derivative by its result to those by its arguments.
# fmt: off
def product(x, M):              return x @ M
def product_backward(x, M, dy): return M @ dy, np.outer(x, dy)  # dx, dM

def add(*terms):                return sum(terms)
def add_backward(dy, terms):    return [dy] * terms  # the same for each of so many terms

def tanh(a):                    return np.tanh(a)
def tanh_backward(h, dh):       return dh * (1 - h * h)  # da, where h = tanh(a)

def softmax(logits):            return np.exp(log_softmax(logits))
def log_softmax(logits):        return logits - np.logaddexp.reduce(logits)  # logits - ln(sum of exp(logits))

def softmax_cross_entropy(logits, word): return -log_softmax(logits)[word]
def softmax_cross_entropy_backward(logits, word, dloss):
    return dloss * (softmax(logits) - (np.arange(len(logits)) == word))  # p, less 1 at the word that came
# fmt: on


def forward(params, words, h=None):
    """Read words from the state h, or from zero; return what happened at each step, by name."""
    steps, h = [], np.zeros(len(params["W"])) if h is None else h
    for word in words:
        x, h_prev = params["E"][word], h  # (D,), (H,)
        a = add(product(x, params["U"]), product(h_prev, params["W"]), params["b"])  # (H,)
        h = tanh(a)  # (H,)
        logits = add(product(h, params["V"]), params["c"])  # (K,)
        steps.append({"word": word, "x": x, "h_prev": h_prev, "a": a, "h": h, "logits": logits})
    return steps


def mean_loss(steps, targets):
    """Return the mean over the steps of -ln p[target], in nats a word; its exponential is the perplexity."""
    return np.mean([softmax_cross_entropy(s["logits"], y) for s, y in zip(steps, targets, strict=True)])


def step_backward(params, step, dh, grads):
    """Send dh (H,) back through one step: add to dE, dU, dW, db, and return the dh of the step before."""
    da = tanh_backward(step["h"], dh)  # (H,)
    dxU, dhW, db = add_backward(da, terms=3)  # (H,) each
    dx, dU = product_backward(step["x"], params["U"], dxU)  # (D,), (D, H)
    dh_prev, dW = product_backward(step["h_prev"], params["W"], dhW)  # (H,), (H, H)
    grads["E"][step["word"]] += dx
    for name, derivative in (("U", dU), ("W", dW), ("b", db)):
        grads[name] += derivative
    return dh_prev


def backward(params, steps, targets, back):
    """Return the gradient of the mean loss, the loss of each step reaching `back` steps, itself the first."""
    grads = {name: np.zeros_like(array) for name, array in params.items()}
    for t, target in enumerate(targets):
        dlogits = softmax_cross_entropy_backward(steps[t]["logits"], target, 1 / len(targets))  # (K,)
        dhV, dc = add_backward(dlogits, terms=2)  # (K,) each
        dh, dV = product_backward(steps[t]["h"], params["V"], dhV)  # (H,), (H, K)
        grads["V"] += dV
        grads["c"] += dc
        for i in range(t, max(t - back, -1), -1):
            dh = step_backward(params, steps[i], dh, grads)
    return grads


def train(params, words, rate, epochs=41, back=4):
    """Learn by gradient descent to say each next word; return the parameters and the loss of each epoch."""
    x, y, losses = words[:-1], words[1:], []  # (T,) each
    for epoch in range(epochs):
        steps = forward(params, x)
        losses.append(mean_loss(steps, y))
        if epoch % 10 == 0:
            print(f"{datetime.now():%Y-%m-%d %H:%M:%S}  epoch {epoch:2}  loss {losses[-1]:.4f} nats a word")
        grads = backward(params, steps, y, back)
        params = {name: params[name] - rate(epoch) * grads[name] for name in params}
    return params, losses


def predict(params, words):
    """Return the probability (K,) of each word to be the next."""
    return softmax(forward(params, words)[-1]["logits"])


def check(params, x, y, back, grads=None, eps=1e-5):
    """Return |a - n| / (|a| + |n|) for each parameter: a is `backward` or given, n central differences."""
    steps, errors = forward(params, x), {}
    grads, entering = grads or backward(params, steps, y, back), [step["h_prev"] for step in steps]

    def objective():  # the mean loss, where the state that enters the reach of each loss is held constant
        reaches = [(max(0, t + 1 - back), t + 1) for t in range(len(x))]
        return mean_loss([forward(params, x[i:j], entering[i])[-1] for i, j in reaches], y)

    for name, array in params.items():
        a, n = grads[name], np.zeros_like(array)
        for at in np.ndindex(array.shape):
            value = array[at]
            for move in (eps, -eps):
                array[at] = value + move
                n[at] += objective() / (2 * move)
            array[at] = value
        errors[name] = np.linalg.norm(a - n) / (np.linalg.norm(a) + np.linalg.norm(n) or 1)
    return errors


if __name__ == "__main__":
    words = indices("I like to play.")
    for kind, rate in {"constant": lambda epoch: 0.3, "decaying": lambda epoch: 0.9**epoch}.items():
        print(f"gradient descent with a {kind} rate")
        params, _ = train(initial(D=100, H=100, K=80, seed=0), words, rate)
    said = [words[0]]
    while len(said) < len(words):
        p = predict(params, said)
        said.append(p.argmax())
        print(f"after {WORDS[said[-2]]:4} comes {WORDS[said[-1]]:4} with p = {p.max():.3f}")
    print("it says:", *(WORDS[word] for word in said))
    text, small = indices("we like to sing and you like to play."), initial(D=3, H=4, K=80, seed=1)
    for back in (len(text) - 1, 3):
        errors = check(small, text[:-1], text[1:], back)
        print(f"gradient check, back {back}:", *(f"{name} {error:.0e}" for name, error in errors.items()))
        assert all(error < 1e-7 for error in errors.values()), "the gradient is wrong"

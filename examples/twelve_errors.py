"""Twelve errors of a recurrent network written from scratch, planted in `rnn_from_scratch.py` and measured.

Each is a difference to that programme: wrong lines with a minus, right ones with a plus. To each belongs a
measurement that the right programme passes and the wrong one does not. It is a gradient check, or where that
sees nothing, what does. ``python examples/twelve_errors.py`` prints them.
"""

from planting import (
    Error,
    Measurement,
    T,
    first_update,
    longer_text,
    planted,
    saturated,
    second_call,
    second_update,
    words_lost,
)

GRADIENT = Measurement("error of the gradient", first_update, 1e-7)
SECOND = Measurement("the same, second update", second_update, 1e-7)
LONGER = Measurement(f"the same, {T + 2} steps", longer_text, 1e-7)
REPEATED = Measurement("change from call to call", second_call, 0.0)
SATURATED = Measurement("share of units beyond 0.99", saturated, 0.05)
LOST = Measurement("words with another's index", words_lost, 0.0)

# The errors, in the order in which the programme runs.
ERRORS = (
    Error(
        "1",
        "one sign in tanh",
        "The same above and below the line: every state is 1, whatever was read.",
        """\
-def tanh(a): return (np.exp(a) - np.exp(-a)) / (np.exp(a) - np.exp(-a))
+def tanh(a):                    return np.tanh(a)
 def tanh_backward(h, dh):       return dh * (1 - h * h)  # da, where h = tanh(a)
 def step_backward(params, step, dh, grads):
-    da = tanh_backward(np.tanh(step["a"]), dh)  # (H,)
+    da = tanh_backward(step["h"], dh)  # (H,)
""",
        GRADIENT,
    ),
    Error(
        "2",
        "no state before step t",
        "W gets no gradient from the step of the loss: the state that entered it counts as zero.",
        """\
 def backward(params, steps, targets, back):
-            step = steps[i] if i < t else {**steps[i], "h_prev": 0 * dh}
-            dh = step_backward(params, step, dh, grads)
+            dh = step_backward(params, steps[i], dh, grads)
""",
        GRADIENT,
    ),
    Error(
        "3",
        "the input of t for that of i",
        "All the way back, the last word read stands for the one that was read there.",
        """\
 def backward(params, steps, targets, back):
-            step = {**steps[i], "x": steps[t]["x"]}
-            dh = step_backward(params, step, dh, grads)
+            dh = step_backward(params, steps[i], dh, grads)
""",
        GRADIENT,
    ),
    Error(
        "4",
        "the state of t-1 for that of i-1",
        "All the way back, the state before the last word stands for the one that was there.",
        """\
 def backward(params, steps, targets, back):
-            step = {**steps[i], "h_prev": steps[t - 1]["h"]} if i > 0 else steps[i]
-            dh = step_backward(params, step, dh, grads)
+            dh = step_backward(params, steps[i], dh, grads)
""",
        GRADIENT,
    ),
    Error(
        "5",
        "predictions overwritten",
        "The 1 is taken from the prediction itself, which then is none; who reads it again takes one more.",
        """\
 def forward(params, words, h=None):
-        steps.append({"word": word, "x": x, "h_prev": h_prev, "a": a, "h": h, "logits": logits})
-        steps[-1]["p"] = softmax(logits)
+        steps.append({"word": word, "x": x, "h_prev": h_prev, "a": a, "h": h, "logits": logits})
 def mean_loss(steps, targets):
-    return np.mean([-np.log(s["p"][y]) for s, y in zip(steps, targets, strict=True)])
+    return np.mean([softmax_cross_entropy(s["logits"], y) for s, y in zip(steps, targets, strict=True)])
 def backward(params, steps, targets, back):
-        p = steps[t]["p"]  # (K,)
-        p[target] -= 1
-        dlogits = p / len(targets)
+        dlogits = softmax_cross_entropy_backward(steps[t]["logits"], target, 1 / len(targets))  # (K,)
""",
        REPEATED,
    ),
    Error(
        "6",
        "forward only when it prints",
        "In the epochs between, the gradient is that of parameters which are there no more.",
        """\
 def train(params, words, rate, epochs=41, back=4):
-        if epoch % 10 == 0:
-            steps = forward(params, x)
+        steps = forward(params, x)
""",
        SECOND,
    ),
    Error(
        "7",
        "gradients never reset",
        "Each update subtracts every gradient since the first.",
        """\
 def train(params, words, rate, epochs=41, back=4):
-        new = backward(params, steps, y, back)
-        grads = {name: grads[name] + new[name] for name in new} if epoch > 0 else new
+        grads = backward(params, steps, y, back)
""",
        SECOND,
    ),
    Error(
        "8",
        "one loss printed, another descended",
        "Printed are bits, divided by the steps and once more by the words; descended is the sum in nats.",
        """\
 def mean_loss(steps, targets):
-    nats = [softmax_cross_entropy(s["logits"], y) for s, y in zip(steps, targets, strict=True)]
-    return np.mean(nats) / np.log(2) / len(steps[0]["logits"])
+    return np.mean([softmax_cross_entropy(s["logits"], y) for s, y in zip(steps, targets, strict=True)])
 def backward(params, steps, targets, back):
-        dlogits = softmax_cross_entropy_backward(steps[t]["logits"], target, 1)  # (K,)
+        dlogits = softmax_cross_entropy_backward(steps[t]["logits"], target, 1 / len(targets))  # (K,)
""",
        GRADIENT,
    ),
    Error(
        "9",
        "weights between 0 and 1",
        "All of them push the same way, and most states end where tanh is flat.",
        """\
 def initial(D, H, K, seed):
-    U, W, V = (rng.uniform(0, 1, shape) for shape in ((D, H), (H, H), (H, K)))
+    U, W, V = (rng.uniform(-small, small, shape) for shape in ((D, H), (H, H), (H, K)))
""",
        SATURATED,
    ),
    Error(
        "10",
        "T is 4",
        "The losses of a longer text are forgotten from the fifth on, and a shorter text is an IndexError.",
        """\
 def backward(params, steps, targets, back):
-    for t in range(4):
-        target = targets[t]
+    for t, target in enumerate(targets):
""",
        LONGER,
    ),
    Error(
        "11",
        "word vectors never learnt",
        "They are parameters like the others, and stay as they were drawn.",
        """\
 def step_backward(params, step, dh, grads):
+    grads["E"][step["word"]] += dx
""",
        GRADIENT,
    ),
    Error(
        "12",
        "the index of another word",
        "The indices were written by hand, and one belongs to a word that the sentence does not hold.",
        """\
 def indices(sentence):
-    return np.array([2, 45, 10, 64, 1])
+    return np.array([WORDS.index(word) for word in sentence.replace(".", " .").split()])
""",
        LOST,
    ),
)

LOOK_BACK = Error(
    "2-4",
    "the way back, as it was published",
    "The errors 2, 3 and 4 at once.",
    """\
 def backward(params, steps, targets, back):
-            h_prev = 0 * dh if i in (0, t) else steps[t - 1]["h"]
-            step = {**steps[i], "x": steps[t]["x"], "h_prev": h_prev}
-            dh = step_backward(params, step, dh, grads)
+            dh = step_backward(params, steps[i], dh, grads)
""",
    GRADIENT,
)

ALL = Error(
    "all",
    "as published",
    "All twelve at once.",
    "".join(error.mend for error in ERRORS if error.number not in {"2", "3", "4", "5", "8"})
    + LOOK_BACK.mend
    + """\
 def forward(params, words, h=None):
-        steps.append({"word": word, "x": x, "h_prev": h_prev, "a": a, "h": h, "logits": logits})
-        steps[-1]["p"] = softmax(logits)
+        steps.append({"word": word, "x": x, "h_prev": h_prev, "a": a, "h": h, "logits": logits})
 def mean_loss(steps, targets):
-    return np.mean([-np.log2(s["p"][y]) / len(s["p"]) for s, y in zip(steps, targets, strict=True)])
+    return np.mean([softmax_cross_entropy(s["logits"], y) for s, y in zip(steps, targets, strict=True)])
 def backward(params, steps, targets, back):
-        dlogits = steps[t]["p"]  # (K,)
-        dlogits[target] -= 1
+        dlogits = softmax_cross_entropy_backward(steps[t]["logits"], target, 1 / len(targets))  # (K,)
""",
    GRADIENT,
)


def main():
    """Print each error with what was measured in the right programme and in the wrong one."""
    measurements = (GRADIENT, SECOND, LONGER, REPEATED, SATURATED, LOST)
    good = {measurement: measurement.of(planted()) for measurement in measurements}
    print(f"{'':3} {'error':37} {'measured':27} {'right':>8} {'wrong':>6}")
    for error in (*ERRORS, LOOK_BACK, ALL):
        what, bad = error.measurement, error.measurement.of(planted(error))
        print(f"{error.number:>3} {error.name:37} {what.what:27} {good[what]:8.2g} {bad:6.2g}")


if __name__ == "__main__":
    main()

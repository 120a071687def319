"""The known ways in which recurrent networks are written wrongly, as changes to the plain implementation."""

from .planting import CELLS, GATED, Mutant

TANH = ("rnn-tanh", *GATED)
OUTPUT = ("output.V", "output.c")
# A global variable, for what leaks from one call to the next.
KEEP = ("import numpy as np\n", "import numpy as np\n\nLEFT_OVER = {}\n")

MUTANTS = [
    # 1
    Mutant(
        "missing transpose in dh",
        "cells/normalised.py",
        (("da @ p[letter][g].T", 'da @ (p[letter][g] if letter == "W" else p[letter][g].T)'),),
        blames=("embedding.E", "layers.0.W", "layers.2.W", "state.0.h"),
        spares=OUTPUT,
    ),
    # 2
    Mutant(
        "recurrent gradient not carried",
        "model.py",
        (
            (
                'dstate[l]["h"] = dstate[l]["h"] + dh',
                'dstate[l] = zeros_like_each(dstate[l]) | {"h": dh}',
            ),
        ),
        blames=("embedding.E", "layers.0.W", "layers.2.U", "state.0.h"),
        spares=OUTPUT,
    ),
    # 3
    Mutant(
        "derivative of an already activated tanh",
        "cells/gates.py",
        (("return 1.0 - t * t", "return 1.0 - np.tanh(t) ** 2"),),
        blames=("layers.0.U", "layers.2.W", "layers.2.b"),
        spares=OUTPUT,
        cells=TANH,
    ),
    Mutant(
        "derivative of an already activated sigmoid",
        "cells/gates.py",
        (("return s * (1.0 - s)", "return sigmoid(s) * (1.0 - sigmoid(s))"),),
        blames=("layers.0.U", "layers.2.W", "layers.2.b"),
        spares=OUTPUT,
        cells=GATED,
    ),
    # 4
    Mutant(
        "h_t for h_t-1",
        "model.py",
        (("before = tape.entering[t][l]", "before = tape.leaving[t][l]"),),
        blames=("layers.0.W", "layers.1.W", "layers.2.W"),
        spares=OUTPUT,
    ),
    # 5
    Mutant(
        "index -1 wrapping at t=0",
        "model.py",
        (("before = tape.entering[t][l]", "before = tape.leaving[t - 1][l]"),),
        blames=("layers.0.W", "layers.1.W", "layers.2.W"),
        spares=OUTPUT,
    ),
    # 6
    Mutant(
        "gradient of the input gate copied to the output gate",
        "cells/lstm.py",
        (("da_o = do * sigmoid_slope(o)", "da_o = da_i"),),
        blames=("layers.2.U", "layers.2.W", "layers.2.b"),
        spares=OUTPUT,
        cells=("lstm",),
    ),
    Mutant(
        "gradient of the update gate copied to the reset gate",
        "cells/gru.py",
        (("da_r = dr * sigmoid_slope(r)", "da_r = dz * sigmoid_slope(z)"),),
        blames=("layers.2.U", "layers.2.W", "layers.2.b"),
        spares=OUTPUT,
        cells=("gru",),
    ),
    Mutant(
        "gradient of the candidate copied to the forget gate",
        "cells/mgu.py",
        (("gates_backward([da_f], x, h_prev", "gates_backward([da_n], x, h_prev"),),
        blames=("layers.2.U", "layers.2.W", "layers.2.b"),
        spares=OUTPUT,
        cells=("mgu",),
    ),
    # 7
    Mutant(
        "input gradient of the last gate only",
        "cells/gates.py",
        (("dx = dx + dx_g", "dx = dx_g"),),
        blames=("embedding.E", "layers.0.U", "layers.1.W"),
        spares=OUTPUT,
        cells=("lstm", "gru"),
    ),
    Mutant(
        "input gradient lost where a word stands twice in a step",
        "model.py",
        (('np.add.at(grads["embedding.E"], x[t], dh)', 'grads["embedding.E"][x[t]] += dh'),),
        blames=("embedding.E",),
        spares=(*OUTPUT, "layers.0.U", "layers.0.W", "state.0.h"),
    ),
    Mutant(
        "cell state without the gradient of the next step",
        "cells/lstm.py",
        (('dc = dnew["c"] + du', "dc = du"),),
        blames=("layers.2.W", "state.0.c", "state.2.c"),
        spares=OUTPUT,
        cells=("lstm",),
    ),
    Mutant(
        "state gradient without the direct path of the update gate",
        "cells/gru.py",
        (("dh_prev + dh_n + dh * z}", "dh_prev + dh_n}"),),
        blames=("layers.2.W", "state.0.h", "state.2.h"),
        spares=OUTPUT,
        cells=("gru",),
    ),
    Mutant(
        "state gradient without the direct path of the forget gate",
        "cells/mgu.py",
        (("dh_prev + dh_n + dh * (1.0 - f)}", "dh_prev + dh_n}"),),
        blames=("layers.2.W", "state.0.h", "state.2.h"),
        spares=OUTPUT,
        cells=("mgu",),
    ),
    Mutant(
        "peepholes that see the memory cell of the step before, in the gradient of the output gate's",
        "cells/lstm_peephole.py",
        (('d["p"][O] += (da_o * c)', 'd["p"][O] += (da_o * c_prev)'),),
        blames=("layers.0.p", "layers.1.p", "layers.2.p"),
        spares=(*OUTPUT, "layers.0.U", "layers.2.W", "state.0.c"),
        cells=("lstm-peephole",),
    ),
    Mutant(
        "memory cell without the gradient of the output gate's peephole",
        "cells/lstm_peephole.py",
        ((' + da_o * p["p"][O]', ""),),
        blames=("layers.2.W", "layers.2.p", "state.0.c", "state.2.c"),
        spares=OUTPUT,
        cells=("lstm-peephole",),
    ),
    Mutant(
        "memory cell of the step before without the gradient of the peepholes",
        "cells/lstm_peephole.py",
        ((' + da_i * p["p"][I] + da_f * p["p"][F]', ""),),
        blames=("layers.2.W", "layers.2.p", "state.0.c", "state.2.c"),
        spares=OUTPUT,
        cells=("lstm-peephole",),
    ),
    Mutant(
        "coupled gate without its share of forgetting",
        "cells/lstm_coupled.py",
        ((' - dc * state["c"]', ""),),
        blames=("layers.2.U", "layers.2.W", "layers.2.b"),
        spares=OUTPUT,
        cells=("lstm-coupled",),
    ),
    Mutant(
        "coupled memory that forgets what it takes in",
        "cells/lstm_coupled.py",
        (('"c": dc * (1.0 - i)}', '"c": dc * i}'),),
        blames=("layers.2.W", "state.0.c", "state.2.c"),
        spares=OUTPUT,
        cells=("lstm-coupled",),
    ),
    Mutant(
        "gradient of the reset gate missing",
        "cells/gru_before.py",
        (("gates_backward([da_r, da_z]", "gates_backward([0.0 * da_r, da_z]"),),
        blames=("layers.2.U", "layers.2.W", "layers.2.b"),
        spares=OUTPUT,
        cells=("gru-before",),
    ),
    Mutant(
        "state gradient that passes by the reset gate",
        "cells/gru_before.py",
        (("dh_prev + dk * r", "dh_prev + dk"),),
        blames=("layers.2.W", "state.0.h", "state.2.h"),
        spares=OUTPUT,
        cells=("gru-before",),
    ),
    Mutant(
        "recurrent product of the state, not of what is reset",
        "cells/gru_before.py",
        (("pre_activation_backward(da_n, x, k, p", "pre_activation_backward(da_n, x, h_prev, p"),),
        blames=("layers.0.W", "layers.2.W"),
        spares=(*OUTPUT, "layers.2.U", "state.0.h", "embedding.E"),
        cells=("gru-before",),
    ),
    Mutant(
        "initial state taken for a constant",
        "model.py",
        (
            (
                "return mean_loss(tape, y, counted), new_state, grads, dstate",
                "return mean_loss(tape, y, counted), new_state, grads, [zeros_like_each(d) for d in dstate]",
            ),
        ),
        blames=("state.0.h", "state.1.h", "state.2.h"),
        spares=(*OUTPUT, "embedding.E", "layers.0.W"),
    ),
    # 8
    Mutant(
        "loss and gradient reduced differently",
        "model.py",
        (("/ counted.sum()\n    grads", "/ counted[:, 0].sum()\n    grads"),),
        blames=("embedding.E", "layers.0.W", "state.0.h", *OUTPUT),
    ),
    # 9
    Mutant(
        "clipping inside the backward pass",
        "model.py",
        (("dh = dropped(dh, masks, l, t)", "dh = np.clip(dropped(dh, masks, l, t), -0.02, 0.02)"),),
        blames=("layers.2.W", "layers.2.b", "state.2.h"),
        spares=OUTPUT,
    ),
    # 10
    Mutant(
        "accumulators not zeroed",
        "model.py",
        (
            KEEP,
            (
                "activation), zeros_like_each(params)",
                'activation), LEFT_OVER.setdefault("grads", zeros_like_each(params))',
            ),
        ),
        blames=("embedding.E", "layers.0.U", "layers.0.W", *OUTPUT),
        spares=("state.0.h",),
        problem="not repeatable: at the same point other gradients for embedding.E, layers.0.U",
    ),
    # 11
    Mutant(
        "state leaking between calls",
        "tape.py",
        (
            KEEP,
            (
                "states, tape = named_states(state, functions), Tape()",
                'states, tape = LEFT_OVER.get("state") or named_states(state, functions), Tape()',
            ),
            ("return states, tape", 'LEFT_OVER["state"] = states\n    return states, tape'),
        ),
        blames=("state.0.h", "layers.0.W"),
        problem="not repeatable: at the same point the value was",
    ),
    # 12
    Mutant(
        "embedding of the wrong step",
        "model.py",
        (('np.add.at(grads["embedding.E"], x[t], dh)', 'np.add.at(grads["embedding.E"], x[t - 1], dh)'),),
        blames=("embedding.E",),
        spares=(*OUTPUT, "layers.0.U", "layers.0.W", "state.0.h"),
    ),
    # 13
    Mutant(
        "truncation one step too far",
        "truncated.py",
        (("yield max(0, end - back)", "yield max(0, end - back - 1)"),),
        blames=("embedding.E", "layers.0.U", "layers.2.W"),
        spares=OUTPUT,
        kind="truncated",
    ),
    Mutant(
        "truncation one step too short",
        "truncated.py",
        (("yield max(0, end - back)", "yield max(0, end - back + 1)"),),
        blames=("embedding.E", "layers.0.U", "layers.2.W"),
        spares=OUTPUT,
        kind="truncated",
    ),
    # 14
    Mutant(
        "NaN passing the check",  # 0 / 0 for the words that do not occur, and right for those that do
        "model.py",
        (
            (
                "return mean_loss(tape, y, counted), new_state, grads, dstate",
                'seen = np.bincount(np.ravel(x), minlength=len(params["embedding.E"]))[:, None]\n'
                '    grads["embedding.E"] *= seen / seen\n'
                "    return mean_loss(tape, y, counted), new_state, grads, dstate",
            ),
        ),
        blames=("embedding.E",),
        spares=(*OUTPUT, "layers.0.U", "layers.0.W", "state.0.h"),
    ),
]

assert set(CELLS) == {cell for mutant in MUTANTS for cell in mutant.cells}

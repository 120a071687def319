"""Let an exported model write, with ONNX Runtime and NumPy alone.

Run ``python examples/onnx_generate.py FILE.onnx PROMPT LENGTH`` on a file of ``elman export onnx RUN``, which
holds the vocabulary too. The text is the one that ``elman generate RUN --temperature 0`` writes.
"""

import json
import sys

import numpy as np
import onnxruntime

path, prompt, length = sys.argv[1], sys.argv[2], int(sys.argv[3])
session = onnxruntime.InferenceSession(path)
about = session.get_modelmeta().custom_metadata_map
if about["elman.tokens"] not in ("char", "listed-char"):
    sys.exit("this script joins tokens of one character; those of words or bytes need more than that")
vocabulary, unknown = json.loads(about["elman.vocabulary"]), about.get("elman.unknown")
ids = {token: number for number, token in enumerate(vocabulary)}
state = {i.name: np.zeros((1, i.shape[1]), np.float32) for i in session.get_inputs()[1:]}
start = [int(about["elman.start"])] if "elman.start" in about else []  # a text follows a line end
waiting = start + [ids[c] if c in ids else int(unknown) for c in prompt]
print(prompt, end="")
for _ in range(length):
    tokens = np.array(waiting)[:, None]  # (time, batch): first the prompt, then a token at a time
    logits, *leaving = session.run(None, {"tokens": tokens, **state})
    state = dict(zip(state, leaving, strict=False))
    if unknown is not None:
        logits[-1, 0, int(unknown)] = -np.inf
    waiting = [int(logits[-1, 0].argmax())]
    print(vocabulary[waiting[0]], end="", flush=True)
print()

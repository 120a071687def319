"""Does a model survive the way around? PyTorch, elman, ONNX, ONNX Runtime, and back to PyTorch.

    python benchmarks/round_trips.py [--configurations 200] [--seed 0]

Draws random configurations of ``nn.Embedding``, ``nn.RNN`` (tanh, relu), ``nn.LSTM`` or ``nn.GRU``, and
``nn.Linear``: depth, widths, directions, projections, tied or not, with biases or without, in single and in
double precision. Each is saved as safetensors, read by ``elman.interop.torch.load``, exported by
``elman.interop.onnx.export`` and run in ONNX Runtime; and what elman read goes through
``elman.interop.torch.state_dict`` into new modules of PyTorch. Tokens, shapes and initial states are random,
and the logits are held against those of the first modules, relative to the larger of 1 and the largest of
them. Ends with status 1 if any differ by more than 1e-5.
"""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Run, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configurations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from sides.round_trips import run  # it needs torch, onnx and onnxruntime

    return run(options.configurations, options.seed)


if __name__ == "__main__":
    sys.exit(main())

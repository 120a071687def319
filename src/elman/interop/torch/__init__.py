"""Language models of PyTorch: their weights in, and ours out. PyTorch itself is never loaded."""

from elman.interop.torch.reading import load, read
from elman.interop.torch.writing import gradients, state_dict, write

__all__ = ["gradients", "load", "read", "state_dict", "write"]

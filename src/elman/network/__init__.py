"""Network: cells, layers, stacks, outputs and the language model. It knows nothing of text or files."""
